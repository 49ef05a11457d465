//! Samples holes: deterministic by seed, stratified by the languages of a repository.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHasher};

use super::corpus::{Corpus, Hole};
use super::holes::{Holes, Kind};
use crate::documents::{Document, DocumentId};

/// Up to `wanted` holes in the order of the run: languages by their share of the files' bytes, kinds by equal shares, then
/// a random file and a random hole in it. Fewer if the repository has no more.
pub fn choose(corpus: &Corpus, wanted: usize, kinds: &[Kind], seed: u64) -> Vec<Hole> {
    let mut by_language: FxHashMap<&str, (usize, Vec<usize>)> = FxHashMap::default();
    for (place, file) in corpus.files.iter().enumerate().filter(|(_, file)| file.serves()) {
        let (bytes, files) = by_language.entry(file.language.map_or("", |language| language.id)).or_default();
        *bytes += file.text.len();
        files.push(place);
    }
    let mut languages: Vec<_> = by_language.into_iter().collect();
    languages.sort();
    let bytes: Vec<usize> = languages.iter().map(|(_, (bytes, _))| *bytes).collect();
    let mut known = FxHashMap::default();
    let mut holes: Vec<Hole> = Vec::new();
    for ((language, (_, files)), quota) in languages.into_iter().zip(shares(wanted, &bytes)) {
        for (&kind, quota) in kinds.iter().zip(shares(quota, &vec![1; kinds.len()])) {
            let mut random = random(&(seed, language, kind.name()));
            let mut files = files.clone();
            random.shuffle(&mut files);
            let mut taken = 0;
            while taken < quota {
                let before = taken;
                for &file in &files {
                    let of_file = known.entry(file).or_insert_with(|| holes_of(corpus, file));
                    let free = |range: &&Range<usize>| {
                        !holes.iter().any(|hole| hole.file == file && overlap(&hole.range, range))
                    };
                    let free: Vec<_> = of_file.by_kind(kind).iter().filter(free).collect();
                    if let Some(&range) = random.choice(&free) {
                        holes.push(Hole { file, kind, range: range.clone() });
                        taken += 1;
                    }
                    if taken == quota {
                        break;
                    }
                }
                if taken == before {
                    break;
                }
            }
        }
    }
    // So the holes of an interrupted run are a sample, too.
    random(&(seed, "order")).shuffle(&mut holes);
    holes
}

fn holes_of(corpus: &Corpus, file: usize) -> Holes {
    let file = &corpus.files[file];
    let id = DocumentId(file.path.to_string_lossy().into());
    Holes::of(&Document::open(id, Some(file.path.clone()), "", 1, &file.text), &file.text)
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Integers proportional to the weights that sum up to `whole`, by largest remainders.
fn shares(whole: usize, weights: &[usize]) -> Vec<usize> {
    let sum = weights.iter().sum::<usize>().max(1);
    let mut shares: Vec<usize> = weights.iter().map(|weight| whole * weight / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(whole * weights[at] % sum));
    let left = whole.min(whole * weights.len()) - shares.iter().sum::<usize>();
    order.into_iter().take(left).for_each(|at| shares[at] += 1);
    shares
}

fn random(of: &impl Hash) -> fastrand::Rng {
    // Not the standard library's hasher, which may change between releases.
    let mut hasher = FxHasher::default();
    of.hash(&mut hasher);
    fastrand::Rng::with_seed(hasher.finish())
}
