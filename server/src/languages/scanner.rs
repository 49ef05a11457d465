//! A guard between tree-sitter and the hand-written C scanners of grammars, so that no text can make one of them abort
//! the process.
//!
//! A grammar may include a *scanner*: C code that reads tokens which need more than a table (indentation, heredocs,
//! tags). Its state between two tokens is serialized into a buffer of [`BUFFER`] bytes; tree-sitter stores it with the
//! token and passes it back before the next one. Some scanners write more: 254 nested YAML sequences, 511 levels of
//! Python or a long heredoc word of Ruby overflow the buffer and abort the process. Others write a state and
//! abort when they read it back.
//!
//! So [`guarded!`] makes a copy of the grammar's description with our own scanner functions:
//!
//! - `serialize` lets the scanner write into memory that is larger than any state it can have, and passes the state on
//!   only if it fits and can be read back. Otherwise the parse is [given up](gave_up): the text has no tree.
//! - `deserialize` therefore only ever gets a state that passed, in incremental parses too: the tokens of an older tree
//!   carry states that passed then.
//!
//! The memory is large enough because a scan starts from a state that fits, and adds to it at most [`GROWTH`] bytes for
//! each byte of text that it reads; a text has at most [`MAX_PARSED_BYTES`].

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_uint, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use tree_sitter::Language as Grammar;

/// A longer text has no tree: parsing and storing it would cost more than a completion can gain.
pub(crate) const MAX_PARSED_BYTES: usize = 2_000_000;

/// The longest state that tree-sitter accepts, in bytes (`TREE_SITTER_SERIALIZATION_BUFFER_SIZE`).
const BUFFER: usize = 1024;

/// Bytes that one byte of text can add to a state: scanners store a character as an `int32_t` at most.
const GROWTH: usize = 4;

/// The total bytes of states that one parse may store. tree-sitter stores a state with every token, so a deeply nested
/// text of two megabytes would take gigabytes.
const MOST_STATES: usize = 64 << 20;

/// States up to this length are free: tree-sitter stores them in the token itself.
const INLINE: usize = 24;

/// The validity of a state that a scanner has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The scanner can read it back and continue from it.
    Good,
    /// The same, but only at the end of the text.
    GoodAtEnd,
    /// Reading it back would abort the process.
    Bad,
}

/// Checks a state that a scanner has written; see [`any`].
pub(super) type StateCheck = fn(&[u8]) -> State;

thread_local! {
    static GAVE_UP: Cell<bool> = const { Cell::new(false) };
    /// Bytes of the states of this parse.
    static KEPT: Cell<usize> = const { Cell::new(0) };
    /// Zeroed memory that is mapped when it is written to: a thread uses as much as its longest state.
    static WRITTEN: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER + GROWTH * MAX_PARSED_BYTES + BUFFER]);
}

/// Must be called on the parsing thread before each parse.
pub(crate) fn begin() {
    GAVE_UP.set(false);
    KEPT.set(0);
}

/// Whether a state of the parse that [`begin`] started could not be stored. Its tree must not be used.
pub(crate) fn gave_up() -> bool {
    GAVE_UP.get()
}

/// For scanners that check, in `serialize`, all assumptions of `deserialize`. Read both before you use it:
///
/// | scanner | its state |
/// | --- | --- |
/// | bash | 4 bytes, 7 a heredoc and its word; writes nothing where that is more than the buffer |
/// | C++ | a delimiter of at most 16 characters |
/// | C# | 2 bytes, 4 an interpolation; writes nothing where that is more than the buffer |
/// | CSS, JavaScript, TOML, TypeScript | none |
/// | HTML | 4 bytes, 1 a tag, 2 and up to 255 for the name of one that HTML does not know; leaves out what does not fit |
/// | Lua, Rust | 2 bytes and 1 byte |
/// | PHP | 1 byte, 5 a heredoc and 4 a character of its word; writes nothing where that is more than the buffer |
/// | Python | 2 bytes, 1 a string around (at most 255), 2 a level of indentation: up to 1,025 bytes |
/// | YAML | 10 bytes, 4 a level: up to 1,026 bytes |
pub(super) fn any(_: &[u8]) -> State {
    State::Good
}

/// Ruby's: a count and 5 bytes for each string around, a count and for each heredoc 4 bytes and its word. The length of
/// a word is one byte, but the whole word is written. `deserialize` aborts if the lengths of the parts do not add up.
pub(super) fn ruby(state: &[u8]) -> State {
    if is_whole_of_ruby(state) { State::Good } else { State::Bad }
}

fn is_whole_of_ruby(state: &[u8]) -> bool {
    let Some((&strings, _)) = state.split_first() else { return true };
    let mut at = 1 + 5 * usize::from(strings);
    let Some(&heredocs) = state.get(at) else { return false };
    at += 1;
    for _ in 0..heredocs {
        // `deserialize` would read from a word without letters all the same.
        let Some(&letters @ 1..) = state.get(at + 3) else { return false };
        at += 4 + usize::from(letters);
    }
    at == state.len()
}

/// Markdown's: flags, four more bytes, and 4 bytes for each open block. While it matches a line (flag 1) that continues
/// no paragraph (flag 2), `scan` closes the innermost block without checking that one is open. At the end of the text
/// it does check.
pub(super) fn markdown(state: &[u8]) -> State {
    match state {
        [] => State::Good,
        [flags, _, _, _, _] if flags & 1 != 0 && flags & 2 == 0 => State::GoodAtEnd,
        [_, _, _, _, _, ..] => State::Good,
        _ => State::Bad,
    }
}

/// Defines the function that returns a grammar with a guarded scanner: `guarded!(tree_sitter_ruby::LANGUAGE, ruby)`.
macro_rules! guarded {
    ($language:expr, $check:expr) => {{
        fn grammar() -> tree_sitter::Language {
            static GUARD: $crate::languages::scanner::Guard = $crate::languages::scanner::Guard::new();
            unsafe extern "C" fn create() -> *mut std::ffi::c_void {
                GUARD.create()
            }
            GUARD.grammar(|| $language.into(), create, $check)
        }
        grammar
    }};
}
pub(super) use guarded;

type Create = unsafe extern "C" fn() -> *mut c_void;
type Scan = unsafe extern "C" fn(*mut c_void, *mut Lexer, *const bool) -> bool;
type Serialize = unsafe extern "C" fn(*mut c_void, *mut c_char) -> c_uint;
type Deserialize = unsafe extern "C" fn(*mut c_void, *const c_char, c_uint);

/// `TSLanguage` of tree-sitter's `parser.h`, as far as both ABI versions below have it. Fields that are only copied are
/// declared as pointers.
#[repr(C)]
#[derive(Clone, Copy)]
struct Description {
    abi_version: u32,
    symbol_count: u32,
    alias_count: u32,
    token_count: u32,
    external_token_count: u32,
    state_count: u32,
    large_state_count: u32,
    production_id_count: u32,
    field_count: u32,
    max_alias_sequence_length: u16,
    tables: [*const c_void; 13],
    lex_functions: [*const c_void; 2],
    keyword_capture_token: u16,
    scanner: Functions,
    primary_state_ids: *const c_void,
    /// Only with ABI version 15.
    since_15: Since15,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Functions {
    states: *const bool,
    symbol_map: *const u16,
    create: Option<Create>,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    scan: Option<Scan>,
    serialize: Option<Serialize>,
    deserialize: Option<Deserialize>,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Since15 {
    name: *const c_char,
    reserved_words: *const u16,
    max_reserved_word_set_size: u16,
    supertype_count: u32,
    supertype_tables: [*const c_void; 3],
    metadata: [u8; 3],
}

/// `TSLexer` of the same file.
#[repr(C)]
struct Lexer {
    lookahead: i32,
    result_symbol: u16,
    advance: *const c_void,
    mark_end: *const c_void,
    get_column: *const c_void,
    is_at_included_range_start: *const c_void,
    eof: Option<unsafe extern "C" fn(*const Lexer) -> bool>,
    log: *const c_void,
}

/// The guarded copy of one grammar, made once per process.
pub(super) struct Guard(OnceLock<Guarded>);

struct Guarded {
    /// Never freed: trees point to it.
    description: &'static Description,
    original: Functions,
    check: StateCheck,
}

// SAFETY: the pointers lead to constant data of the grammar, and to functions that work on the result of `create`.
unsafe impl Send for Guarded {}
// SAFETY: as above.
unsafe impl Sync for Guarded {}

/// What tree-sitter uses as the scanner.
struct Instance {
    guarded: &'static Guarded,
    /// The result of the scanner's own `create`.
    inner: *mut c_void,
    /// Whether its current state is [`State::GoodAtEnd`].
    at_end: Cell<bool>,
}

impl Guard {
    pub(super) const fn new() -> Guard {
        Guard(OnceLock::new())
    }

    /// The grammar with a guarded scanner. `create` must call [`Guard::create`] of this guard.
    pub(super) fn grammar(
        &'static self,
        original: fn() -> Grammar,
        create: Create,
        check: StateCheck,
    ) -> Grammar {
        let original = original();
        // Without a scanner there is nothing to guard.
        let scanner = match self.0.get() {
            Some(guarded) => Some(guarded),
            None => description_of(&original).map(|mut description| {
                self.0.get_or_init(|| {
                    let functions = description.scanner;
                    description.scanner = Functions {
                        create: Some(create),
                        destroy: Some(destroy),
                        scan: Some(scan),
                        serialize: Some(serialize),
                        deserialize: Some(deserialize),
                        ..functions
                    };
                    Guarded { description: Box::leak(Box::new(description)), original: functions, check }
                })
            }),
        };
        match scanner {
            // SAFETY: a complete description of a grammar that lives as long as the process.
            Some(guarded) => unsafe { Grammar::from_raw(ptr::from_ref(guarded.description).cast()) },
            None => original,
        }
    }

    /// A new guarded scanner.
    pub(super) fn create(&'static self) -> *mut c_void {
        let guarded = self.0.get().expect("a parser has the grammar from `grammar`");
        let create = guarded.original.create.expect("checked with the description");
        // SAFETY: the scanner's own function, called as tree-sitter would.
        let inner = unsafe { create() };
        Box::into_raw(Box::new(Instance { guarded, inner, at_end: Cell::new(false) })).cast()
    }
}

/// A copy of a grammar's description; `None` if it has no scanner.
fn description_of(grammar: &Grammar) -> Option<Description> {
    let version = grammar.abi_version();
    assert!((14..=15).contains(&version), "the layout of ABI version {version} is not known here");
    let from = grammar.clone().into_raw().cast::<u8>();
    let known = match version {
        14 => std::mem::offset_of!(Description, since_15),
        _ => size_of::<Description>(),
    };
    let mut description = MaybeUninit::<Description>::zeroed();
    // SAFETY: a description of this version has this many bytes, and all of its fields may be zero. The pointer is that
    // of constant data, which needs no reference count.
    let description = unsafe {
        ptr::copy_nonoverlapping(from, description.as_mut_ptr().cast::<u8>(), known);
        description.assume_init()
    };
    let scanner = &description.scanner;
    let has_scanner = description.external_token_count > 0
        && scanner.create.is_some()
        && scanner.destroy.is_some()
        && scanner.scan.is_some()
        && scanner.serialize.is_some()
        && scanner.deserialize.is_some();
    has_scanner.then_some(description)
}

/// # Safety
/// `payload` must come from [`Guard::create`], and nothing else may use it now.
unsafe fn instance<'i>(payload: *mut c_void) -> &'i Instance {
    // SAFETY: required above.
    unsafe { &*payload.cast::<Instance>() }
}

unsafe extern "C" fn destroy(payload: *mut c_void) {
    // SAFETY: tree-sitter destroys what it has created, once.
    let instance = unsafe { Box::from_raw(payload.cast::<Instance>()) };
    if let Some(destroy) = instance.guarded.original.destroy {
        // SAFETY: the same for the scanner.
        unsafe { destroy(instance.inner) };
    }
}

unsafe extern "C" fn scan(payload: *mut c_void, lexer: *mut Lexer, valid_symbols: *const bool) -> bool {
    // SAFETY: tree-sitter passes what it has created.
    let instance = unsafe { instance(payload) };
    // SAFETY: tree-sitter's lexer, called as the scanner calls it.
    let is_end = || unsafe { (*lexer).eof.is_some_and(|eof| eof(lexer)) };
    if instance.at_end.get() && !is_end() {
        GAVE_UP.set(true);
    }
    match instance.guarded.original.scan {
        // SAFETY: the scanner's own function, called as tree-sitter would. Its state has passed.
        Some(scan) if !gave_up() => unsafe { scan(instance.inner, lexer, valid_symbols) },
        _ => false,
    }
}

unsafe extern "C" fn serialize(payload: *mut c_void, buffer: *mut c_char) -> c_uint {
    // SAFETY: tree-sitter passes what it has created.
    let instance = unsafe { instance(payload) };
    let Some(serialize) = instance.guarded.original.serialize else { return 0 };
    let passed = WRITTEN.try_with(|written| {
        let mut written = written.try_borrow_mut().ok()?;
        // SAFETY: the scanner's own function, with more memory than any state can take.
        let length = unsafe { serialize(instance.inner, written.as_mut_ptr().cast()) } as usize;
        let state = written.get(..length).filter(|_| length <= BUFFER)?;
        let kept = KEPT.get() + if length > INLINE { length } else { 0 };
        KEPT.set(kept);
        if (instance.guarded.check)(state) == State::Bad || kept > MOST_STATES {
            return None;
        }
        // SAFETY: tree-sitter's buffer has `BUFFER` bytes, and is not ours.
        unsafe { ptr::copy_nonoverlapping(state.as_ptr(), buffer.cast::<u8>(), length) };
        Some(length)
    });
    if let Ok(Some(length)) = passed {
        return length as c_uint;
    }
    GAVE_UP.set(true);
    0
}

unsafe extern "C" fn deserialize(payload: *mut c_void, state: *const c_char, length: c_uint) {
    // SAFETY: tree-sitter passes what it has created.
    let instance = unsafe { instance(payload) };
    let known = match length {
        0 => &[],
        // SAFETY: this many bytes were stored with a token.
        _ => unsafe { std::slice::from_raw_parts(state.cast::<u8>(), length as usize) },
    };
    instance.at_end.set((instance.guarded.check)(known) == State::GoodAtEnd);
    if let Some(deserialize) = instance.guarded.original.deserialize {
        // SAFETY: the scanner's own function, with a state that has passed, or none.
        unsafe { deserialize(instance.inner, state, length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::ALL;

    #[test]
    fn the_copy_of_a_description_equals_the_grammars() {
        for row in ALL {
            let grammar = row.grammar();
            let Some(description) = description_of(grammar) else { continue };
            let kinds = description.symbol_count + description.alias_count;
            assert_eq!(kinds as usize, grammar.node_kind_count(), "{row:?}");
            assert_eq!(description.state_count as usize, grammar.parse_state_count(), "{row:?}");
            assert_eq!(description.field_count as usize, grammar.field_count(), "{row:?}");
            if description.abi_version > 14 {
                assert_eq!(description.since_15.supertype_count as usize, grammar.supertypes().len());
                assert!(grammar.name().is_some(), "{row:?}");
            }
            let is_ours = |function: Serialize| std::ptr::fn_addr_eq(function, serialize as Serialize);
            assert!(
                description.scanner.serialize.is_some_and(is_ours),
                "{row:?}: its scanner is not guarded"
            );
        }
    }

    #[test]
    fn a_state_of_ruby_is_as_long_as_its_parts() {
        let is_good = |state: &[u8]| ruby(state) == State::Good;
        assert!(is_good(&[]));
        assert!(is_good(&[0, 0]));
        assert!(is_good(&[1, 5, b'"', b'"', 1, 1, 0]));
        assert!(is_good(&[0, 1, 0, 1, 0, 2, b'A', b'B']));
        assert!(!is_good(&[0, 1, 0, 1, 0, 0]), "a word without letters");
        assert!(!is_good(&[0, 1, 0, 1, 0, 2, b'A']), "a word that is cut");
        assert!(!is_good(&[0, 1, 0, 1, 0, 1, b'A', b'B']), "more than its parts");
        assert!(!is_good(&[204, 0]));
    }

    #[test]
    fn a_state_of_markdown_has_a_block_to_close() {
        assert_eq!(markdown(&[]), State::Good);
        assert_eq!(markdown(&[0, 0, 0, 0, 0]), State::Good);
        assert_eq!(markdown(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), State::Good);
        assert_eq!(markdown(&[1, 0, 0, 0, 0]), State::GoodAtEnd);
        assert_eq!(markdown(&[3, 0, 0, 0, 0]), State::Good);
        assert_eq!(markdown(&[1]), State::Bad);
    }
}
