//! LoRA adapters that a user names.
//!
//! Only the user's own settings may name them: an adapter changes what the model writes as much as another model would.

use serde::{Deserialize, Serialize};

/// A LoRA adapter to run the model with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraAdapter {
    /// A PEFT folder or a GGUF file.
    pub path: String,
    /// Multiplies its effect.
    #[serde(default = "as_trained")]
    pub scale: f32,
}

fn as_trained() -> f32 {
    1.0
}

impl LoraAdapter {
    /// Reads an adapter.
    ///
    /// # Errors
    /// The value is not a valid adapter; the message says why.
    pub fn read(value: &serde_json::Value) -> Result<LoraAdapter, String> {
        let adapter: LoraAdapter =
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        if adapter.path.trim().is_empty() {
            return Err("its path is empty".to_owned());
        }
        // A number that is too large for an f32 becomes infinite.
        match adapter.scale.is_finite() {
            true => Ok(adapter),
            false => Err("its scale is too large".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn valid_and_invalid_adapters() {
        let plain = LoraAdapter { path: "~/lora".into(), scale: 1.0 };
        assert_eq!(LoraAdapter::read(&json!({"path": "~/lora"})), Ok(plain.clone()));
        let half = LoraAdapter { scale: 0.5, ..plain };
        assert_eq!(LoraAdapter::read(&json!({"path": "~/lora", "scale": 0.5})), Ok(half));
        for (wrong, reason) in [
            (json!("~/lora"), "invalid type: string"),
            (json!({"scale": 1}), "missing field `path`"),
            (json!({"path": " "}), "its path is empty"),
            (json!({"path": "a", "scale": "1"}), "invalid type: string"),
            (json!({"path": "a", "scale": 1e300}), "its scale is too large"),
            (json!({"path": "a", "alpha": 1}), "unknown field `alpha`"),
        ] {
            let found = LoraAdapter::read(&wrong).expect_err(reason);
            assert!(found.starts_with(reason), "{found}");
        }
    }
}
