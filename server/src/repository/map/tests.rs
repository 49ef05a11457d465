//! Ranks and pages of small repositories, in which a line `name(...)` of a file is a use.

use expect_test::expect;

use super::*;
use crate::facts::{Facts, Reference};
use crate::repository::index::Stamp;

/// What a file defines (`Shape: pub struct Shape`, members as `Shape.area: fn area()`) and what it uses, how often.
type File<'t> = (&'t str, &'t [&'t str], &'t [(&'t str, u32)]);

fn facts(defined: &[&str], used: &[(&str, u32)]) -> Facts {
    let mut facts = Facts::default();
    for (line, text) in (0..).zip(defined) {
        let (name, signature) = text.split_once(": ").expect("a signature");
        let (container, name) =
            name.split_once('.').map_or((None, name), |(of, name)| (Some(of.into()), name));
        facts.symbols.push(Symbol {
            name: name.into(),
            kind: if container.is_some() { SymbolKind::Method } else { SymbolKind::Function },
            container,
            lines: line..line + 1,
            signature: signature.into(),
            doc: "".into(),
        });
    }
    for (word, (name, times)) in (0..).zip(used) {
        facts.words.push((*name).into());
        facts.references.extend((0..*times).map(|line| Reference { word, line }));
    }
    facts
}

fn index(files: &[File]) -> Index {
    let mut index = Index::default();
    for (path, defined, used) in files {
        index.replace(&Path::new("/w").join(path), Stamp::default(), facts(defined, used));
    }
    index
}

fn ranked(index: &Index, seeds: &[&str]) -> Vec<(String, f32)> {
    let seeds: Vec<_> = seeds.iter().filter_map(|path| index.file(&Path::new("/w").join(path))).collect();
    let name = |file| label(index.path(file), &["/w".into()]);
    rank(index, &seeds).into_iter().map(|(file, rank)| (name(file), rank)).collect()
}

const SHOP: &[File] = &[
    ("main.rs", &["main: fn main()"], &[("open_the_shop", 1), ("Till", 2), ("_hidden", 1)]),
    (
        "shop.rs",
        &[
            "open_the_shop: #[must_use]\npub fn open_the_shop(\n    till: Till,\n) -> Shop\nwhere",
            "helper: fn helper()",
        ],
        &[("Till", 4), ("Coin", 1), ("id", 9)],
    ),
    (
        "till.rs",
        &[
            "Till: pub struct Till;",
            "Till.take: pub fn take(&mut self, coin: Coin)",
            "Till.count: pub fn count(&self)",
        ],
        &[("Coin", 9)],
    ),
    ("coin.rs", &["Coin: pub struct Coin(pub u32);", "id: fn id()"], &[]),
    ("alone.rs", &["alone: fn alone()", "_hidden: fn _hidden()"], &[("nothing", 1)]),
];

#[test]
fn what_is_used_by_what_is_used_ranks_high() {
    let ranked = ranked(&index(SHOP), &[]);
    let names: Vec<_> = ranked.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["coin.rs", "till.rs", "shop.rs", "alone.rs", "main.rs"]);
    let sum: f32 = ranked.iter().map(|(_, rank)| rank).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{ranked:?}");
}

#[test]
fn seeds_are_where_the_walk_begins() {
    let index = index(SHOP);
    let ranked_by = |seeds: &[&str]| ranked(&index, seeds).remove(0).0;
    assert_eq!(ranked_by(&["alone.rs"]), "alone.rs");
    assert_eq!(ranked_by(&["main.rs"]), "main.rs");
    let all = ranked(&index, &["alone.rs"]);
    assert!(all[1..].iter().all(|(_, rank)| *rank == 0.0), "nothing leads from there: {all:?}");
    // A file that refers to nothing gives its rank back to the seeds alone.
    let among = ranked(&index, &["coin.rs", "alone.rs"]);
    assert_eq!(among[0].1, among[1].1);
}

#[test]
fn the_order_in_which_files_came_does_not_matter() {
    let mut files = SHOP.to_vec();
    let expected = ranked(&index(&files), &["main.rs"]);
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..8 {
        random.shuffle(&mut files);
        assert_eq!(ranked(&index(&files), &["main.rs"]), expected);
    }
    assert!(rank(&Index::default(), &[]).is_empty());
}

/// Words: what the tests count as tokens.
fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[test]
fn a_page_shows_the_most_used_declarations_in_the_order_of_their_texts() {
    let index = index(SHOP);
    let ranked = rank(&index, &[]);
    let page = render(&index, &ranked, &["/w".into()], 1000, &words);
    expect![[r#"
        coin.rs
          pub struct Coin(pub u32);
          fn id()
        till.rs
          pub struct Till;
            pub fn take(&mut self, coin: Coin)
            pub fn count(&self)
        shop.rs
          pub fn open_the_shop(till: Till) -> Shop where
          fn helper()
        alone.rs
          fn alone()
          fn _hidden()
        main.rs
          fn main()
    "#]]
    .assert_eq(&page);
    let page = render(&index, &ranked, &["/w".into(), "/elsewhere".into()], 12, &words);
    expect![[r#"
        w/coin.rs
          pub struct Coin(pub u32);
          fn id()
        w/till.rs
          pub struct Till;
    "#]]
    .assert_eq(&page);
}

#[test]
fn no_page_is_longer_than_its_budget() {
    let index = index(SHOP);
    let ranked = rank(&index, &[]);
    let pages: Vec<_> = (0..60).map(|budget| render(&index, &ranked, &[], budget, &words)).collect();
    for (budget, page) in pages.iter().enumerate() {
        assert!(words(page) <= budget, "{budget}: {page}");
    }
    assert!(pages.windows(2).all(|pair| words(&pair[0]) <= words(&pair[1])), "{pages:?}");
    assert_eq!(pages[0], "");
}
