//! Tensors in mapped files: where they are, and how they are opened.

use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use super::error::{LoadError, damaged, unsupported};
use super::gguf::TensorInfo;
use crate::files::open_regular;
use crate::tensor::Tensor;

/// Where a tensor is stored.
pub(super) struct TensorLocation {
    pub path: Arc<Path>,
    pub map: Arc<Mmap>,
    pub info: TensorInfo,
}

impl TensorLocation {
    /// The tensor as a matrix of all dimensions but the last one, by the last one.
    pub(super) fn open(&self, name: &str) -> Result<Tensor, LoadError> {
        let shape = &self.info.shape;
        let (columns, rows) =
            shape.split_last().map_or((0, 0), |(last, rest)| (*last, rest.iter().product()));
        Tensor::mapped(&self.map, self.info.range.clone(), self.info.dtype, (rows, columns))
            .map_err(|problem| damaged(&self.path, format!("the tensor `{name}` {problem}")))
    }
}

/// Maps a whole file for reading.
pub(super) fn map(path: &Path) -> Result<Arc<Mmap>, LoadError> {
    let read = |source| LoadError::Read { path: path.into(), source };
    let (file, metadata) = match open_regular(path) {
        Ok(opened) => opened,
        Err(_) if path.exists() && !path.is_file() => return Err(unsupported(path, "this is not a file")),
        Err(error) => return Err(read(error)),
    };
    if metadata.len() == 0 {
        return Err(damaged(path, "the file is empty"));
    }
    // SAFETY: the map is only read, and `open` requires that the file is not changed in place while the model runs.
    // Replacing it by renaming, as downloads do, does not affect the map.
    let map = unsafe { Mmap::map(&file) }.map_err(read)?;
    Ok(Arc::new(map))
}
