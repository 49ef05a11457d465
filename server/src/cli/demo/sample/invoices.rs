//! Reads invoices from a file.

use std::path::Path;

use anyhow::{Context, Result};

use crate::Invoice;

/// All invoices in the file.
pub fn invoices(path: &Path) -> Result<Vec<Invoice>> {
}
