//! Reads products from a file.

use std::path::Path;

use anyhow::{Context, Result};

use crate::Product;

/// All products in the file.
pub fn products(path: &Path) -> Result<Vec<Product>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let table = toml::from_str(&text).with_context(|| format!("{} is not TOML", path.display()))?;
    Product::all(&table).with_context(|| format!("{} holds no products", path.display()))
}
