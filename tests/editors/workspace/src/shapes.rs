//! Areas and outlines of plain figures.

/// A figure in the plane.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
    Rectangle { width: f64, height: f64 },
}

/// The area that a figure covers.
pub fn area(shape: &Shape) -> Result<f64, ShapeError> {
    let shape = shape.validate().map_err(ShapeError::Invalid)?;
    match shape {
        Shape::Circle { radius } => Ok(std::f64::consts::PI * radius * radius),
        Shape::Square { side } => Ok(side * side),
        Shape::Rectangle { width, height } => Ok(width * height),
    }
}

/// The length of a figure's outline.
pub fn outline(shape: &Shape) -> Result<f64, ShapeError> {
    let shape = shape.validate().map_err(ShapeError::Invalid)?;
    match shape {
        Shape::Circle { radius } => Ok(2.0 * std::f64::consts::PI * radius),
        Shape::Square { side } => Ok(4.0 * side),
        Shape::Rectangle { width, height } => Ok(2.0 * (width + height)),
    }
}

/// The longest straight line that fits into a figure.
pub fn diameter(shape: &Shape) -> Result<f64, ShapeError> {
    let shape = shape.validate().map_err(ShapeError::Invalid)?;
    match shape {
        Shape::Circle { radius } => Ok(2.0 * radius),
        Shape::Square { side } => Ok(std::f64::consts::SQRT_2 * side),
        Shape::Rectangle { width, height } => Ok((width * width + height * height).sqrt()),
    }
}
