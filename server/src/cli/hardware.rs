//! The hardware properties that decide how fast a model runs.

use serde::Serialize;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::models::Model;
use crate::settings::Settings;

/// Processor and memory.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardware {
    /// `linux`, `macos`...
    pub os: &'static str,
    /// `x86_64`, `aarch64`...
    pub architecture: &'static str,
    /// Physical cores.
    pub cores: usize,
    /// Hardware threads, within the limits of this process.
    pub threads: usize,
    /// SIMD instruction sets that the engine can use.
    pub simd: Vec<&'static str>,
    /// `None` if the operating system does not report it.
    pub memory: Option<Memory>,
}

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Memory {
    /// Installed, or the limit of the container.
    pub total: u64,
    /// Available now.
    pub available: u64,
}

impl Hardware {
    /// Detects this machine's hardware.
    pub fn detect() -> Hardware {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Hardware {
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            cores: System::physical_core_count().unwrap_or(threads).min(threads),
            threads,
            simd: simd(),
            memory: memory(),
        }
    }
}

/// Memory of a model in addition to its weights and KV cache, in bytes.
const OVERHEAD: u64 = 300_000_000;

/// Bytes of memory that phi-ls takes with a model.
pub fn memory_needed(model: &Model, settings: &Settings) -> u64 {
    model.bytes + ((settings.model.kv_megabytes as u64) << 20) + OVERHEAD
}

/// The memory of this machine; `None` if the operating system does not report it.
pub fn memory() -> Option<Memory> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(ram).ok()?;
    // A container may have less memory than the machine.
    let limits = system.cgroup_limits().filter(|limits| limits.total_memory > 0);
    let limit = |of_machine: u64, of_container: Option<u64>| {
        of_container.map_or(of_machine, |own| own.min(of_machine))
    };
    Some(Memory {
        total: limit(system.total_memory(), limits.as_ref().map(|limits| limits.total_memory)),
        available: limit(system.available_memory(), limits.as_ref().map(|limits| limits.free_memory)),
    })
}

#[cfg(target_arch = "x86_64")]
fn simd() -> Vec<&'static str> {
    let features = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("AVX-512", is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")),
        ("AVX-512 VNNI", is_x86_feature_detected!("avx512vnni")),
        ("AVX-512 BF16", is_x86_feature_detected!("avx512bf16")),
    ];
    features.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn simd() -> Vec<&'static str> {
    let features = [
        ("NEON", std::arch::is_aarch64_feature_detected!("neon")),
        ("dot product", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("I8MM", std::arch::is_aarch64_feature_detected!("i8mm")),
    ];
    features.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn simd() -> Vec<&'static str> {
    Vec::new()
}
