//! The repository in one page: its files ranked by personalised PageRank over who refers to whom, each with its most
//! referred-to declarations. For tasks that concern the whole repository.

use std::fmt::Write;
use std::mem;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use super::index::{FileId, Index};
use crate::facts::{Symbol, SymbolKind};

/// How much of a file's rank goes on to the files that it refers to; the rest goes to the seeds.
const DAMPING: f64 = 0.85;
/// The ranks change by less than [`TOLERANCE`] well before.
const MOST_ROUNDS: usize = 60;
/// Sum of all changes of a round at which ranks count as found.
const TOLERANCE: f64 = 1e-4;
/// A name that more files define (`new`, `main`, `render`) says nothing of who refers to whom.
const MOST_DEFINERS: usize = 16;
/// Of a file at most so many declarations are shown.
const MOST_DECLARATIONS: usize = 8;
/// Files that are thought of for one page, and the declarations on it, whatever the budget.
const MOST_FILES: usize = 400;
const MOST_SHOWN: usize = 2000;
/// A declaration is shown up to here.
const LONGEST_LINE: usize = 120;

/// An edge of the graph; files by their place among all paths.
#[derive(Debug, Clone, Copy)]
struct Edge {
    from: u32,
    to: u32,
    weight: f32,
}

/// Files with a rank, the highest first, ties by path; ranks add up to 1. `seeds` are the files that the task is about;
/// without any, all files are equal.
///
/// PageRank as in Brin and Page (1998), personalised by `seeds`; an edge goes from a file that uses a name to the
/// files that define it, and weighs the root of how often it is used, times what the name tells.
pub fn rank(index: &Index, seeds: &[FileId]) -> Vec<(FileId, f32)> {
    // By path, so that sums are formed in the same order whatever the order in which files became known.
    let files: Vec<_> = index.files().collect();
    let place: FxHashMap<_, _> = files.iter().copied().zip(0u32..).collect();
    let mut wanted = vec![0.0; files.len()];
    for seed in seeds.iter().filter_map(|seed| place.get(seed)) {
        wanted[*seed as usize] = 1.0;
    }
    let ranks = page_rank(&edges(index, &files), wanted);
    let mut ranked: Vec<_> = files.into_iter().zip(ranks).collect();
    // Stable: ties stay by path.
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1));
    ranked.into_iter().map(|(file, rank)| (file, rank as f32)).collect()
}

/// A name that is defined.
struct Name {
    tells: f32,
    /// The files that define it, by place; one too many where they are too many.
    definers: Vec<u32>,
}

/// At most one edge from a file to another, by `from`.
fn edges(index: &Index, files: &[FileId]) -> Vec<Edge> {
    let mut numbers = FxHashMap::default();
    let mut names: Vec<Name> = Vec::new();
    for (place, &file) in (0..).zip(files) {
        for symbol in index.symbols(file) {
            let number = *numbers.entry(&*symbol.name).or_insert_with(|| {
                names.push(Name { tells: 0.0, definers: Vec::new() });
                names.len() - 1
            });
            let name = &mut names[number];
            name.tells = name.tells.max(tells(symbol));
            if name.definers.last() != Some(&place) && name.definers.len() <= MOST_DEFINERS {
                name.definers.push(place);
            }
        }
    }
    let mut edges = Vec::new();
    let mut weights = vec![0.0; files.len()];
    for (from, &file) in (0..).zip(files) {
        let uses = index.uses(file).filter_map(|(name, lines)| Some((*numbers.get(name)?, lines.len())));
        let mut uses: Vec<_> = uses.collect();
        // They come in no particular order, and sums of floats depend on it.
        uses.sort_unstable();
        let mut reached = Vec::new();
        for (number, times) in uses {
            let Name { tells, definers } = &names[number];
            if definers.len() > MOST_DEFINERS || definers.contains(&from) {
                continue;
            }
            let weight = tells * (times as f32).sqrt() / definers.len() as f32;
            for &to in definers {
                if weights[to as usize] == 0.0 {
                    reached.push(to);
                }
                weights[to as usize] += weight;
            }
        }
        reached.sort_unstable();
        reached.dedup();
        edges.extend(reached.iter().map(|&to| Edge {
            from,
            to,
            weight: mem::take(&mut weights[to as usize]),
        }));
    }
    edges.retain(|edge| edge.weight > 0.0);
    edges
}

/// How much the use of a name tells of where it is defined: little for short and private names and for methods, which
/// any type may have; much for long names that are made of several words.
fn tells(symbol: &Symbol) -> f32 {
    let name = &*symbol.name;
    let pairs = name.bytes().zip(name.bytes().skip(1));
    let compound = pairs.into_iter().any(|(one, next)| {
        (one.is_ascii_lowercase() && next.is_ascii_uppercase())
            || (one == b'_' && next.is_ascii_alphanumeric())
    });
    match name.len() {
        0..=2 => 0.0,
        _ if name.starts_with('_') => 0.1,
        _ if matches!(symbol.kind, SymbolKind::Method | SymbolKind::Field) => 0.1,
        length if length >= 8 && compound => 10.0,
        3 => 0.3,
        _ => 1.0,
    }
}

/// Ranks that add up to 1. `wanted` says, unscaled, where the walk starts again; nowhere is everywhere.
fn page_rank(edges: &[Edge], mut wanted: Vec<f64>) -> Vec<f64> {
    let files = wanted.len();
    let sum: f64 = wanted.iter().sum();
    if sum > 0.0 {
        wanted.iter_mut().for_each(|share| *share /= sum);
    } else {
        wanted.fill(1.0 / files as f64);
    }
    let mut going_out = vec![0.0; files];
    for edge in edges {
        going_out[edge.from as usize] += f64::from(edge.weight);
    }
    let share = |edge: &Edge| DAMPING * f64::from(edge.weight) / going_out[edge.from as usize];
    let edges: Vec<_> =
        edges.iter().map(|edge| (edge.from as usize, edge.to as usize, share(edge))).collect();
    let mut ranks = wanted.clone();
    for _ in 0..MOST_ROUNDS {
        // A file that refers to nothing passes its rank on to where the walk starts again.
        let stuck: f64 =
            ranks.iter().zip(&going_out).filter(|(_, out)| **out == 0.0).map(|(rank, _)| rank).sum();
        let again = 1.0 - DAMPING + DAMPING * stuck;
        let mut next: Vec<_> = wanted.iter().map(|share| share * again).collect();
        for &(from, to, share) in &edges {
            next[to] += ranks[from] * share;
        }
        let change: f64 = ranks.iter().zip(&next).map(|(old, new)| (old - new).abs()).sum();
        ranks = next;
        if change < TOLERANCE {
            break;
        }
    }
    ranks
}

/// The page: files in the order of `ranked`, each with the declarations that most files refer to, a line each, in the
/// order of its text; as many as `budget` tokens allow, counted by `count`. Paths are shown from the innermost of `roots` on;
/// with several, from the folder above it.
pub fn render(
    index: &Index,
    ranked: &[(FileId, f32)],
    roots: &[PathBuf],
    budget: usize,
    count: &dyn Fn(&str) -> usize,
) -> String {
    let shown = declarations(index, ranked);
    let draw = |most: usize| page(index, ranked, roots, &shown[..most]);
    // The longest page within the budget; more declarations are a longer page.
    let (mut fits, mut too_long) = (0, shown.len() + 1);
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        if count(&draw(middle)) <= budget {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    draw(fits)
}

/// A declaration by the places of its file in the ranking and of itself in the file.
type Place = (usize, usize);

/// What may be shown, the most important first: a file's rank times the root of how many files use the name.
fn declarations(index: &Index, ranked: &[(FileId, f32)]) -> Vec<Place> {
    let mut found = Vec::new();
    let reached = ranked.iter().take_while(|(_, rank)| *rank > 0.0);
    for (at, &(file, rank)) in reached.enumerate().take(MOST_FILES) {
        let declared = index.symbols(file).iter().enumerate().filter(|(_, symbol)| is_shown(symbol));
        let score = |symbol: &Symbol| {
            let used = index.frequency(&symbol.name) as f32;
            let definers = index.definitions(&symbol.name).take(MOST_DEFINERS).count() as f32;
            (1.0 + used).sqrt() / definers.max(1.0)
        };
        let mut own: Vec<_> = declared.map(|(line, symbol)| (rank * score(symbol), at, line)).collect();
        own.sort_by(|one, other| other.0.total_cmp(&one.0));
        // The same under another condition of the build.
        let mut seen = FxHashSet::default();
        own.retain(|(_, _, line)| {
            let symbol = &index.symbols(file)[*line];
            seen.insert((&symbol.container, line_of(symbol)))
        });
        found.extend(own.into_iter().take(MOST_DECLARATIONS));
    }
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    found.truncate(MOST_SHOWN);
    found.into_iter().map(|(_, file, symbol)| (file, symbol)).collect()
}

/// Members of types that are no functions are too small for a page of the whole repository; tests tell nothing of it.
fn is_shown(symbol: &Symbol) -> bool {
    let is_test = matches!(symbol.container.as_deref(), Some("tests" | "test"));
    let is_small = matches!(symbol.kind, SymbolKind::Field | SymbolKind::Module);
    !is_test && !is_small && !line_of(symbol).is_empty()
}

fn page(index: &Index, ranked: &[(FileId, f32)], roots: &[PathBuf], shown: &[Place]) -> String {
    let mut shown = shown.to_vec();
    shown.sort_unstable();
    let mut page = String::new();
    for of_file in shown.chunk_by(|one, next| one.0 == next.0) {
        let file = ranked[of_file[0].0].0;
        let symbols = index.symbols(file);
        page += &label(index.path(file), roots);
        page.push('\n');
        let mut around = None;
        for symbol in of_file.iter().map(|&(_, symbol)| &symbols[symbol]) {
            let container = symbol.container.as_deref();
            if let Some(container) = container.filter(|_| container != around) {
                // Its own declaration may not be among those shown, or stand elsewhere.
                writeln!(page, "  {container}").expect("a string takes all");
            }
            let indent = if container.is_some() { "    " } else { "  " };
            writeln!(page, "{indent}{}", line_of(symbol)).expect("a string takes all");
            around = if container.is_some() { container } else { Some(&*symbol.name) };
        }
    }
    page
}

fn label(path: &Path, roots: &[PathBuf]) -> String {
    let around = roots.iter().filter(|root| path.starts_with(root));
    let root = around.max_by_key(|root| root.as_os_str().len());
    let root = root.map(|root| if roots.len() > 1 { root.parent().unwrap_or(root) } else { root });
    let label = root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path);
    label.display().to_string().replace('\\', "/")
}

/// A function whole, as far as a line goes; of all else the first line. Without attributes and decorators.
fn line_of(symbol: &Symbol) -> String {
    let is_attribute = |line: &&str| line.is_empty() || line.starts_with('@') || line.starts_with("#[");
    let mut lines = symbol.signature.lines().map(str::trim).skip_while(is_attribute);
    let mut line = lines.next().unwrap_or("").to_owned();
    if matches!(symbol.kind, SymbolKind::Function | SymbolKind::Method) {
        for more in lines {
            if more.starts_with([')', ']', '>']) {
                line.truncate(line.trim_end_matches(',').len());
            } else if !line.ends_with(['(', '[', '<']) {
                line.push(' ');
            }
            line += more;
        }
    }
    line.truncate(line.floor_char_boundary(LONGEST_LINE));
    line
}

#[cfg(test)]
mod tests;
