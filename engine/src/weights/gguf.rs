//! Parses the header of a GGUF file.
//!
//! Candle has a parser for this format too. This one exists for three reasons: the bytes are untrusted, so every
//! count and length is checked against the rest of the file before memory is reserved for it; errors name the key or
//! the tensor; and tensors stay ranges of the mapped file instead of being read into memory. Format:
//! <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::collections::HashMap;
use std::ops::Range;

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;

use crate::tensor::byte_len;

/// The part of the file before the weights.
pub(crate) struct Header {
    /// Keys and values, the vocabulary included.
    pub metadata: HashMap<String, Value>,
    /// By name.
    pub tensors: HashMap<String, TensorInfo>,
}

/// Type, shape and position of a tensor. Its range has the length that type and shape need and is inside the file.
#[derive(Debug)]
pub(crate) struct TensorInfo {
    pub dtype: GgmlDType,
    /// Outermost first: `[rows, columns]`, or one length for a vector.
    pub shape: Vec<usize>,
    /// Bytes of the file.
    pub range: Range<usize>,
}

/// Why a header cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// Not a valid GGUF file.
    Damaged(String),
    /// Possibly valid, but not supported.
    Unsupported(String),
}

impl From<String> for HeaderError {
    fn from(problem: String) -> HeaderError {
        HeaderError::Damaged(problem)
    }
}

/// More values than any header has (a vocabulary of 200,000 makes 600,000): each costs 32 bytes of memory, but may
/// take only one byte of the file.
const MAX_VALUES: usize = 8 << 20;

/// As many as 3000 layers have.
const MAX_TENSORS: u64 = 1 << 15;

/// Nested arrays are legal; no known file nests them deeper.
const MAX_DEPTH: usize = 4;

/// Reads the header of `file`, which is the whole file.
///
/// # Errors
/// Names what is wrong and where.
pub(crate) fn read(file: &[u8]) -> Result<Header, HeaderError> {
    let mut reader = Reader { file, at: 0, values_left: MAX_VALUES };
    reader.magic()?;
    let tensor_count = reader.u64("tensor count")?;
    let metadata_count = reader.u64("metadata count")?;

    if tensor_count > MAX_TENSORS {
        return Err(HeaderError::Damaged(format!("the header promises {tensor_count} tensors")));
    }

    // No memory is reserved for these counts: each iteration consumes bytes or ends the loop.
    let mut metadata = HashMap::new();
    for i in 0..metadata_count {
        let key = reader.string(&format!("name of metadata key {i} of {metadata_count}"))?;
        let kind = reader.u32(&key)?;
        let value = reader.value(&key, kind, 0)?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(HeaderError::Damaged(format!("the metadata key `{key}` occurs twice")));
        }
    }

    let mut infos = Vec::new();
    for i in 0..tensor_count {
        let name = reader.string(&format!("name of tensor {i} of {tensor_count}"))?;
        infos.push((reader.tensor_info(&name)?, name));
    }

    let alignment = match metadata.get("general.alignment") {
        None => 32,
        Some(Value::U32(alignment)) if alignment.is_power_of_two() && *alignment >= 8 => *alignment as usize,
        Some(value) => {
            return Err(HeaderError::Damaged(format!(
                "`general.alignment` is {value:?}, not a power of two from 8 on"
            )));
        }
    };
    let data_start = reader.at.checked_next_multiple_of(alignment).unwrap_or(file.len());
    let mut tensors = HashMap::new();
    for ((dtype, shape, offset), name) in infos {
        let range = data_range(file, data_start, alignment, dtype, &shape, offset)
            .map_err(|problem| HeaderError::Damaged(format!("tensor `{name}` {problem}")))?;
        if tensors.insert(name.clone(), TensorInfo { dtype, shape, range }).is_some() {
            return Err(HeaderError::Damaged(format!("the tensor `{name}` occurs twice")));
        }
    }
    Ok(Header { metadata, tensors })
}

fn data_range(
    file: &[u8],
    data_start: usize,
    alignment: usize,
    dtype: GgmlDType,
    shape: &[usize],
    offset: u64,
) -> Result<Range<usize>, String> {
    let columns = *shape.last().ok_or("has no dimensions")?;
    let rows = shape[..shape.len() - 1]
        .iter()
        .try_fold(1usize, |rows, dim| rows.checked_mul(*dim))
        .ok_or("has an impossible shape")?;
    let len = byte_len(dtype, rows, columns)?;
    let start = usize::try_from(offset).ok().and_then(|offset| data_start.checked_add(offset));
    let end = start.and_then(|start| start.checked_add(len));
    let (Some(start), Some(end)) = (start, end) else {
        return Err(format!("lies at the impossible offset {offset}"));
    };
    if !offset.is_multiple_of(alignment as u64) {
        return Err(format!("lies at offset {offset}, which is no multiple of the alignment {alignment}"));
    }
    if end > file.len() {
        return Err(format!("ends at byte {end}, but the file has only {}", file.len()));
    }
    Ok(start..end)
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn magic(&mut self) -> Result<(), HeaderError> {
        let magic = self.take(4, "magic number")?;
        if magic != b"GGUF" {
            return Err(HeaderError::Unsupported(format!(
                "this is not a GGUF file: it begins with `{}` instead of `GGUF`",
                magic.escape_ascii()
            )));
        }
        match self.u32("version")? {
            2 | 3 => Ok(()),
            version if matches!(version.swap_bytes(), 1..=3) => {
                Err(HeaderError::Unsupported("this GGUF file is for big-endian machines".into()))
            }
            version => Err(HeaderError::Unsupported(format!("GGUF version {version} is not one of 2 and 3"))),
        }
    }

    /// The next `len` bytes. `what` names them in the error.
    fn take(&mut self, len: u64, what: &str) -> Result<&'a [u8], HeaderError> {
        let left = self.file.len() - self.at;
        let bytes =
            usize::try_from(len).ok().and_then(|len| self.file[self.at..].get(..len)).ok_or_else(|| {
                HeaderError::Damaged(format!(
                    "`{what}` needs {len} bytes at byte {}, but only {left} are left",
                    self.at
                ))
            })?;
        self.at += bytes.len();
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], HeaderError> {
        Ok(self.take(N as u64, what)?.try_into().expect("take() returns the requested number of bytes"))
    }

    fn u32(&mut self, what: &str) -> Result<u32, HeaderError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64, HeaderError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Some files have token texts that are not UTF-8: invalid bytes become replacement characters.
    fn string(&mut self, what: &str) -> Result<String, HeaderError> {
        let len = self.u64(what)?;
        Ok(String::from_utf8_lossy(self.take(len, what)?).into_owned())
    }

    fn value(&mut self, key: &str, kind: u32, depth: usize) -> Result<Value, HeaderError> {
        self.values_left = self
            .values_left
            .checked_sub(1)
            .ok_or_else(|| HeaderError::Damaged(format!("the metadata has more than {MAX_VALUES} values")))?;
        Ok(match kind {
            0 => Value::U8(u8::from_le_bytes(self.array(key)?)),
            1 => Value::I8(i8::from_le_bytes(self.array(key)?)),
            2 => Value::U16(u16::from_le_bytes(self.array(key)?)),
            3 => Value::I16(i16::from_le_bytes(self.array(key)?)),
            4 => Value::U32(self.u32(key)?),
            5 => Value::I32(i32::from_le_bytes(self.array(key)?)),
            6 => Value::F32(f32::from_le_bytes(self.array(key)?)),
            7 => match self.array(key)? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                [byte] => {
                    return Err(HeaderError::Damaged(format!("`{key}` is a boolean with the value {byte}")));
                }
            },
            8 => Value::String(self.string(key)?),
            9 if depth == MAX_DEPTH => {
                return Err(HeaderError::Damaged(format!("`{key}` nests arrays deeper than {MAX_DEPTH}")));
            }
            9 => {
                let kind = self.u32(key)?;
                let len = self.u64(key)?;
                // No memory is reserved for `len`, so a false length ends at the end of the file.
                let values = (0..len).map(|_| self.value(key, kind, depth + 1));
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            10 => Value::U64(self.u64(key)?),
            11 => Value::I64(i64::from_le_bytes(self.array(key)?)),
            12 => Value::F64(f64::from_le_bytes(self.array(key)?)),
            kind => return Err(HeaderError::Damaged(format!("`{key}` has the unknown type {kind}"))),
        })
    }

    /// Type, shape (outermost dimension first) and offset into the data.
    fn tensor_info(&mut self, name: &str) -> Result<(GgmlDType, Vec<usize>, u64), HeaderError> {
        let dimensions = self.u32(name)?;
        if !(1..=4).contains(&dimensions) {
            return Err(HeaderError::Damaged(format!(
                "tensor `{name}` has {dimensions} dimensions instead of 1 to 4"
            )));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let dim = self.u64(name)?;
            let dim =
                usize::try_from(dim).map_err(|_| format!("tensor `{name}` has a dimension of {dim}"))?;
            shape.insert(0, dim);
        }
        let dtype = match self.u32(name)? {
            0 => GgmlDType::F32,
            1 => GgmlDType::F16,
            2 => GgmlDType::Q4_0,
            3 => GgmlDType::Q4_1,
            6 => GgmlDType::Q5_0,
            7 => GgmlDType::Q5_1,
            8 => GgmlDType::Q8_0,
            10 => GgmlDType::Q2K,
            11 => GgmlDType::Q3K,
            12 => GgmlDType::Q4K,
            13 => GgmlDType::Q5K,
            14 => GgmlDType::Q6K,
            30 => GgmlDType::BF16,
            other => {
                return Err(HeaderError::Unsupported(format!(
                    "tensor `{name}` is of ggml type {other}, which is not read here (IQ and other newer types are not)"
                )));
            }
        };
        Ok((dtype, shape, self.u64(name)?))
    }
}
