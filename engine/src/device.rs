//! Which device a model runs on.

use candle_core::{Device, DeviceLocation};
use serde::{Deserialize, Serialize};

/// The device to run a model on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A GPU, if this build supports one and the machine has it, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
    /// The first GPU of Apple.
    Metal,
}

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The program was built without it.
    #[error(
        "this build of phi-ls has no support for {0}: build it with `--features {0}`, or choose the device \"auto\""
    )]
    NotBuilt(&'static str),
    /// The driver reports an error.
    #[error("no device for {0} can be used ({1}): check the driver, or choose the device \"auto\"")]
    NotFound(&'static str, String),
}

impl DeviceChoice {
    /// Finds the device; `None` is the processor, with this crate's own kernels.
    ///
    /// # Errors
    /// The build does not support the chosen device, or there is none. Never for `Auto` and `Cpu`.
    pub fn open(self) -> Result<Option<Device>, DeviceError> {
        match self {
            DeviceChoice::Cpu => Ok(None),
            DeviceChoice::Cuda => cuda().map(Some),
            DeviceChoice::Metal => metal().map(Some),
            DeviceChoice::Auto => Ok([cuda(), metal()].into_iter().find_map(|found| match found {
                Ok(device) => Some(device),
                Err(error @ DeviceError::NotFound(..)) => {
                    tracing::info!("the model runs on the processor: {error}");
                    None
                }
                Err(DeviceError::NotBuilt(_)) => None,
            })),
        }
    }
}

fn cuda() -> Result<Device, DeviceError> {
    if !cfg!(feature = "cuda") {
        return Err(DeviceError::NotBuilt("cuda"));
    }
    Device::new_cuda(0).map_err(|error| DeviceError::NotFound("cuda", error.to_string()))
}

fn metal() -> Result<Device, DeviceError> {
    if !cfg!(feature = "metal") {
        return Err(DeviceError::NotBuilt("metal"));
    }
    Device::new_metal(0).map_err(|error| DeviceError::NotFound("metal", error.to_string()))
}

/// The name of a device, for messages.
pub(crate) fn name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "candle's CPU device".to_owned(),
        DeviceLocation::Cuda { gpu_id } => format!("CUDA device {gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("Metal device {gpu_id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there() {
        assert!(DeviceChoice::Cpu.open().expect("no error").is_none());
        assert!(DeviceChoice::Auto.open().is_ok());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_support_says_what_to_do() {
        let error = DeviceChoice::Cuda.open().expect_err("not built");
        assert_eq!(
            error.to_string(),
            "this build of phi-ls has no support for cuda: build it with `--features cuda`, or choose the \
             device \"auto\""
        );
    }
}
