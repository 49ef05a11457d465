//! Prints figures.

mod shapes;

use shapes::{Shape, ShapeError};

/// A figure's name and its outline.
pub fn describe(name: &str, shape: &Shape) -> Result<String, ShapeError> {

    Ok(format!("{name}: {shape:?}"))
}
