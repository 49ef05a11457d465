//! The device that an example runs a model on.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use phi_engine::DeviceChoice;
use phi_engine::decoder::Decoder;

/// A device and what uses it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum On {
    /// The engine's kernels on the processor.
    Cpu,
    /// candle's tensors on the processor.
    Candle,
    /// candle's tensors on an NVIDIA GPU.
    Cuda,
    /// candle's tensors on a GPU of Apple.
    Metal,
}

impl On {
    /// Opens the model there.
    pub fn open(self, model: &Path, threads: usize) -> anyhow::Result<Decoder> {
        let decoder = phi_engine::weights::open_decoder(model, threads)?;
        let device = match self {
            On::Cpu => return Ok(decoder),
            On::Candle => Some(candle_core::Device::Cpu),
            On::Cuda => DeviceChoice::Cuda.open()?,
            On::Metal => DeviceChoice::Metal.open()?,
        };
        Ok(decoder.on_device(&device.context("a device")?)?)
    }
}
