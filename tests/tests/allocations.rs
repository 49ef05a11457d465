//! Decoding allocates no memory: an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use candle_core::quantized::GgmlDType;
use phi_engine::decoder::{Decoder, RopeMode, Workspace};
use phi_engine::kv::Kv;
use phi_engine::weights;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: hands every call to the system's allocator as it is and only counts calls.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` above, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Tokens that are decoded while allocations are counted.
const STEPS: usize = 256;

/// Rayon's queue of jobs from outside its pool takes a new block for every 63 jobs. A step has two: the layers, and the
/// logits.
const OF_RAYON: usize = (2 * STEPS).div_ceil(63);

fn decode(decoder: &Decoder, workspace: &mut Workspace, kv: &mut Kv, steps: usize) {
    for step in 0..steps {
        let ran = decoder.forward(&[step as u32 % 300], kv, RopeMode::Short, 0..1, workspace, &|| false);
        assert!(ran.expect("runs").is_some());
    }
}

/// One test, because the counter is of the whole process.
#[test]
fn a_decode_step_allocates_nothing_after_the_first_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    // A type that is converted to f32, and one that is multiplied as it is.
    for dtype in [GgmlDType::F16, GgmlDType::Q4_0] {
        let path = folder.path().join("model.gguf");
        phi_tests::tiny_model::write_as(&path, dtype).expect("written");
        let decoder = weights::open_decoder(&path, 2).expect("opens");
        let mut workspace = decoder.workspace(1 << 20);
        let mut kv = Kv::default();
        decode(&decoder, &mut workspace, &mut kv, STEPS);
        kv.truncate(0);
        let before = ALLOCATIONS.load(Relaxed);
        decode(&decoder, &mut workspace, &mut kv, STEPS);
        let allocated = ALLOCATIONS.load(Relaxed) - before;
        assert!(allocated <= OF_RAYON, "{dtype:?}: {allocated} allocations in {STEPS} steps");
    }
}
