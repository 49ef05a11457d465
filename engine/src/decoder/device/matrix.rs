//! A matrix of weights on a device.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor};

use crate::linear::{Linear, LowRank};

/// As [`Linear`].
pub(super) struct Matrix {
    /// One below the other.
    parts: Vec<Part>,
    bias: Option<Tensor>,
    /// Of adapters: down, `[rank][inputs]`, and up, `[outputs][rank]`.
    terms: Vec<(Tensor, Tensor)>,
}

enum Part {
    /// The blocks of the file.
    Quantised(QMatMul),
    /// Transposed, `[inputs][rows]`, in the number format of the file; on candle's CPU device in f32.
    Dense(Tensor),
}

impl Matrix {
    pub(super) fn new(linear: &Linear, device: &Device) -> Result<Matrix> {
        let mut runs: Vec<(GgmlDType, usize, Cow<'_, [u8]>)> = Vec::new();
        for tensor in linear.tensors() {
            match runs.last_mut() {
                // Rows of one format are one product.
                Some((dtype, rows, bytes)) if *dtype == tensor.dtype() => {
                    *rows += tensor.rows();
                    bytes.to_mut().extend_from_slice(tensor.bytes());
                }
                _ => runs.push((tensor.dtype(), tensor.rows(), Cow::Borrowed(tensor.bytes()))),
            }
        }
        let inputs = linear.inputs();
        let part = |(dtype, rows, bytes): (GgmlDType, usize, Cow<'_, [u8]>)| {
            let stored = match dtype {
                GgmlDType::F32 => DType::F32,
                GgmlDType::F16 => DType::F16,
                GgmlDType::BF16 => DType::BF16,
                _ => {
                    let blocks = QStorage::from_data(bytes, device, dtype)?;
                    return QMatMul::from_qtensor(QTensor::new(blocks, (rows, inputs))?).map(Part::Quantised);
                }
            };
            let weights = Tensor::from_raw_buffer(&bytes, stored, &[rows, inputs], &Device::Cpu)?;
            let weights = if device.is_cpu() { weights.to_dtype(DType::F32)? } else { weights };
            weights.to_device(device)?.t().map(Part::Dense)
        };
        let outputs = linear.outputs();
        let bias = linear.bias().map(|bias| Tensor::from_slice(bias, outputs, device));
        Ok(Matrix {
            parts: runs.into_iter().map(part).collect::<Result<_>>()?,
            bias: bias.transpose()?,
            terms: linear.terms().iter().map(|term| upload(term, outputs, device)).collect::<Result<_>>()?,
        })
    }

    /// `x` is `[n][inputs]` in f32, the result `[n][outputs]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = |part: &Part| match part {
            Part::Quantised(weights) => weights.forward(x),
            Part::Dense(weights) => x.to_dtype(weights.dtype())?.matmul(weights)?.to_dtype(DType::F32),
        };
        let mut rows = match &self.parts[..] {
            [part] => product(part)?,
            parts => Tensor::cat(&parts.iter().map(product).collect::<Result<Vec<_>>>()?, 1)?,
        };
        if let Some(bias) = &self.bias {
            rows = rows.broadcast_add(bias)?;
        }
        for (down, up) in &self.terms {
            rows = (rows + x.matmul(&down.t()?)?.matmul(&up.t()?)?)?;
        }
        Ok(rows)
    }
}

/// The outputs that a term is not added to get rows of zeros.
fn upload(term: &LowRank, outputs: usize, device: &Device) -> Result<(Tensor, Tensor)> {
    let rank = term.down.len() / term.inputs;
    let mut up = vec![0.0; outputs * rank];
    up[term.outputs.start * rank..][..term.up.len()].copy_from_slice(&term.up);
    let down = Tensor::from_slice(&term.down, (rank, term.inputs), device)?;
    Ok((down, Tensor::from_vec(up, (outputs, rank), device)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor as FileTensor;

    fn wave(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin() + 0.1 * (i as f32 * step * 7.3).cos()).collect()
    }

    /// Two tensors of a format, and what they are in f32.
    fn tensor(dtype: GgmlDType, rows: usize, columns: usize) -> (FileTensor, Vec<f32>) {
        let values = Tensor::from_vec(wave(rows * columns, 0.37), (rows, columns), &Device::Cpu).unwrap();
        let quantised = QTensor::quantize(&values, dtype).unwrap();
        let exact = quantised.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        (FileTensor::owned(&quantised.data().unwrap(), dtype, (rows, columns)), exact)
    }

    #[test]
    fn every_type_multiplies_like_its_dequantised_weights() {
        use GgmlDType::*;
        let exact = [F32, F16, BF16].map(|dtype| (dtype, 1e-6));
        // Activations are rounded to 8 bits.
        let rounded = [Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2K, Q3K, Q4K, Q5K, Q6K].map(|dtype| (dtype, 0.01));
        for (dtype, tolerance) in exact.into_iter().chain(rounded) {
            let (inputs, n) = (512, 3);
            let ((above, mut weights), (below, more)) = (tensor(dtype, 9, inputs), tensor(dtype, 5, inputs));
            let (other, last) = tensor(F32, 2, inputs);
            weights.extend(more);
            weights.extend(last);
            let outputs = 16;
            let bias = wave(outputs, 0.7);
            let linear = Linear::stacked(vec![above, below, other], Some(bias.clone()), Vec::new());
            let matrix = Matrix::new(&linear, &Device::Cpu).unwrap();
            assert_eq!(matrix.parts.len(), if dtype == F32 { 1 } else { 2 }, "one product for each format");
            let x = wave(n * inputs, 0.11);
            let rows = matrix.forward(&Tensor::from_slice(&x, (n, inputs), &Device::Cpu).unwrap()).unwrap();
            for (i, row) in rows.to_vec2::<f32>().unwrap().iter().enumerate() {
                for (output, found) in row.iter().enumerate() {
                    let pairs = weights[output * inputs..][..inputs].iter().zip(&x[i * inputs..][..inputs]);
                    let exact: f64 = pairs.clone().map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
                    let scale: f64 = pairs.map(|(&w, &x)| f64::from(w * x).abs()).sum();
                    let error = (f64::from(*found) - exact - f64::from(bias[output])).abs();
                    assert!(error <= tolerance * scale, "{dtype:?} [{i}][{output}]: {error} of {scale}");
                }
            }
        }
    }
}
