//! Reads customers from a file.

use std::path::Path;

use anyhow::{Context, Result};

use crate::Customer;

/// All customers in the file.
pub fn customers(path: &Path) -> Result<Vec<Customer>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let table = toml::from_str(&text).with_context(|| format!("{} is not TOML", path.display()))?;
    Customer::all(&table).with_context(|| format!("{} holds no customers", path.display()))
}
