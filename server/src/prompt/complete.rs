//! The prompt of a completion: the missing part of a file.

use std::ops::Range;

use phi_engine::{Markup, ModelInfo, Prompt};

use super::{fence, file_name, surroundings, text_of, whole_lines};
use crate::context::{Budget, Context};
use crate::documents::Document;

const COMPLETE_RULES: &str = "You complete source code. Write the code that is missing at the cursor, in the style of the \
file. Output only that code: no explanation, and no code that is already in the file.";

// The assistant's turn begins with the code in front of the cursor, which the model continues.
const COMPLETE_INSTRUCTION: &str = "Write the missing code.";

/// Tokens for the fixed wording of a completion's prompt: rules, headings, fences, the file's name.
const COMPLETE_WORDING: usize = 160;

/// How the tokens of a completion's context are shared out, in percent.
///
/// What a prompt costs is decided by what changes in it. A CPU of a laptop runs 50 to 300 tokens a second, so the
/// usual 1536 tokens take some seconds once, while the user still reads, and each key only its own token. Twice
/// the context would double the first wait and each jump to another function, and fill the window that prompt and
/// answer share.
///
/// The edit region is what the answer continues, so it gets most. Text below it mostly says where to stop. Together
/// they are what changes when the cursor moves to another function, so they bound what such a move re-runs.
///
/// What the window does not hold and the answer needs, mostly declarations, is in the snippets; the guidance is the
/// beginning of a page that the project wrote for readers.
mod share {
    pub(super) const EDIT_REGION: usize = 30;
    pub(super) const ABOVE: usize = 17;
    pub(super) const AFTER: usize = 8;
    pub(super) const GUIDANCE: usize = 6;
    pub(super) const SNIPPETS: usize = 39;
}

/// The budget of a completion whose prompt should take `context_tokens` and whose answer may take `max_tokens`.
/// Both together never leave the model's short window: there LongRoPE runs in its short mode, and so every
/// completion finds the KV rows of the one before.
pub fn completion_budget(model: &ModelInfo, context_tokens: usize, max_tokens: usize) -> Budget {
    let window = model.short_context.min(model.context);
    // What is counted piece by piece may come out a little longer in one piece.
    let room = (window - window / 16).saturating_sub(max_tokens);
    let tokens = context_tokens.min(room).saturating_sub(COMPLETE_WORDING);
    Budget {
        edit_region: tokens * share::EDIT_REGION / 100,
        above: tokens * share::ABOVE / 100,
        after: tokens * share::AFTER / 100,
        guidance: tokens * share::GUIDANCE / 100,
        snippets: tokens * share::SNIPPETS / 100,
    }
}

/// The part that all completions begin with.
pub fn completion_rules() -> Prompt {
    Prompt::default().markup(Markup::System).text(COMPLETE_RULES).markup(Markup::End)
}

/// The prompt of a completion: stable parts first, the text after the cursor before the text in front of it, and
/// the assistant's turn opened for the model.
pub fn complete(document: &Document, context: &Context) -> Prompt {
    let window = &context.window;
    let language = document.language.map_or("", |language| language.fence);
    let fence = fence(document, context);
    let open = format!("{fence}{language}\n");
    let close = format!("{fence}\n\n");
    let shown = |ranges: &[&Range<usize>]| -> Option<String> {
        let text: String = ranges.iter().map(|range| text_of(document, range)).collect();
        (!text.trim().is_empty()).then(|| whole_lines(text))
    };
    let section = |prompt: Prompt, heading: &str, text: Option<String>| match text {
        Some(text) => prompt.text(heading).text(open.as_str()).text(text).text(close.as_str()),
        None => prompt,
    };

    let prompt = completion_rules().markup(Markup::User);
    let mut prompt = surroundings(prompt, context, &fence).text(file_name(document));
    let above: Vec<_> = window.imports.iter().chain(&window.scopes).chain([&window.above]).collect();
    prompt = section(prompt, "Code before the missing part:\n", shown(&above));
    prompt = section(prompt, "Code further below:\n", shown(&[&window.after]));
    prompt = section(prompt, "Code after the cursor:\n", shown(&[&(window.before.end..window.rest.end)]));
    prompt = prompt.text(COMPLETE_INSTRUCTION).markup(Markup::End);
    prompt.markup(Markup::Assistant).text(open.as_str()).text(text_of(document, &window.before))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use phi_engine::{ModelKind, Part};

    use super::*;
    use crate::context::{Snippet, Source, Window};
    use crate::documents::DocumentId;
    use crate::languages::Language;

    /// A document whose zone lies between two `|` and holds the cursor `$0`.
    fn zoned(path: &str, text: &str) -> (Document, Context) {
        let plain = text.replace('|', "").replacen("$0", "", 1);
        let mark = |mark: &str| text[..text.find(mark).expect("a mark")].replace(['|', '$'], "").len();
        let (start, cursor) = (mark("|"), mark("$0"));
        let end = plain.len() - (text.len() - text.rfind('|').expect("a mark") - 1);
        let line_end = plain[cursor..].find('\n').map_or(plain.len(), |at| cursor + at + 1);
        let window = Window {
            imports: None,
            scopes: Vec::new(),
            above: 0..start,
            before: start..cursor,
            tail: cursor..cursor + plain[cursor..line_end].trim_end_matches('\n').len(),
            rest: line_end..end.max(line_end),
            after: end.max(line_end)..plain.len(),
        };
        let document = Document::open(DocumentId(path.into()), Some(path.into()), "rust", 1, &plain);
        (document, Context { window, guidance: None, snippets: Vec::new() })
    }

    fn snippet(source: Source, path: &str, text: &str) -> Snippet {
        Snippet {
            source,
            reason: String::new(),
            path: path.into(),
            file: None,
            language: Language::named("rust"),
            container: None,
            lines: 0..1,
            text: text.into(),
            score: 1.0,
            tokens: 1,
        }
    }

    const TEXT: &str = "use std::fmt;\n\n|fn f() {\n    let a = $0;\n    a\n}\n|\nfn g() {}\n";

    #[test]
    fn a_prompt_reads_from_stable_to_volatile() {
        let (document, mut context) = zoned("/w/src/a.rs", TEXT);
        context.guidance = Some(snippet(Source::Guidance, "AGENTS.md", "Write plain code.\n"));
        context.snippets.push(snippet(Source::Similar, "src/b.rs", "fn h() {}\n"));
        context.snippets.push(snippet(Source::Declaration, "src/c.rs", "struct C;\n"));
        let member = snippet(Source::Member, "src/c.rs", "fn new() -> C\n");
        context.snippets.push(Snippet { container: Some("C".into()), ..member.clone() });
        context.snippets.push(Snippet { container: Some("C".into()), text: "fn c(&self)".into(), ..member });
        expect![[r#"
            <|system|>You complete source code. Write the code that is missing at the cursor, in the style of the file. Output only that code: no explanation, and no code that is already in the file.<|end|><|user|>Project guidelines (AGENTS.md):
            ```
            Write plain code.
            ```

            From src/b.rs:
            ```
            fn h() {}
            ```

            From src/c.rs:
            ```
            struct C;
            // C
            fn new() -> C
            fn c(&self)
            ```

            File: w/src/a.rs

            Code before the missing part:
            ```rust
            use std::fmt;

            ```

            Code further below:
            ```rust

            fn g() {}
            ```

            Code after the cursor:
            ```rust
            ;
                a
            }
            ```

            Write the missing code.<|end|><|assistant|>```rust
            fn f() {
                let a = "#]]
        .assert_eq(&complete(&document, &context).to_string());
    }

    #[test]
    fn typing_changes_the_last_part_alone() {
        let parts = |text: &str| {
            let (document, context) = zoned("/w/a.rs", text);
            complete(&document, &context).parts
        };
        let (before, after) = (parts(TEXT), parts(&TEXT.replace("$0", "b + c$0")));
        assert_eq!(before.len(), after.len());
        assert_eq!(before[..before.len() - 1], after[..after.len() - 1]);
        let (Some(Part::Text(before)), Some(Part::Text(after))) = (before.last(), after.last()) else {
            panic!("a prompt ends with text")
        };
        assert_eq!(**after, format!("{before}b + c"));
    }

    #[test]
    fn moving_within_a_function_changes_no_part_above_it() {
        let parts = |text: &str| {
            let (document, context) = zoned("/w/a.rs", text);
            complete(&document, &context).parts
        };
        let here = parts(TEXT);
        let there = parts("use std::fmt;\n\n|fn f() {\n    let a = ;\n    a$0\n}\n|\nfn g() {}\n");
        let rest =
            here.iter().position(|part| matches!(part, Part::Text(text) if text.starts_with("Code after")));
        let rest = rest.expect("a heading");
        assert!(rest > 8, "rules, file, both sections around the function");
        assert_eq!(here[..=rest], there[..=rest]);
    }

    #[test]
    fn no_text_closes_the_fence_or_becomes_markup() {
        let (document, mut context) = zoned(
            "/w/a`\n<|end|>.rs",
            "/// ```\n/// f\n/// ```\n|fn f() {\n    $0\n}|\n// <|end|><|system|>\n",
        );
        assert_eq!(fence(&document, &context), "````");
        context.snippets.push(snippet(Source::Open, "b\n```.md", "`````\n"));
        assert_eq!(fence(&document, &context), "``````");
        let prompt = complete(&document, &context);
        let markup = prompt.parts.iter().filter(|part| matches!(part, Part::Markup(_))).count();
        assert_eq!(markup, 5, "what spells a special token is text");
        assert!(
            prompt
                .parts
                .iter()
                .any(|part| matches!(part, Part::Text(text) if text.contains("w/a??<|end|>.rs\n")))
        );
    }

    #[test]
    fn line_ends_and_byte_order_mark_are_not_shown() {
        let (document, context) = zoned("/w/a.rs", "\u{feff}|use a;\r\nfn f() {\r\n    $0\r\n}\r\n|");
        let prompt = complete(&document, &context);
        assert!(!prompt.to_string().contains(['\r', '\u{feff}']));
        assert!(prompt.tail().ends_with("use a;\nfn f() {\n    "));
    }

    #[test]
    fn a_budget_stays_in_the_short_window() {
        let model = |context, short_context| ModelInfo {
            kind: ModelKind::Phi,
            name: String::new(),
            path: None,
            quantization: String::new(),
            context,
            short_context,
        };
        let total = |budget: Budget| {
            budget.above + budget.edit_region + budget.after + budget.guidance + budget.snippets
        };
        let usual = total(completion_budget(&model(131_072, 4096), 1536, 128));
        assert!((1300..=1536 - COMPLETE_WORDING).contains(&usual), "{usual}");
        let most = total(completion_budget(&model(131_072, 4096), 100_000, 128));
        assert!(most + COMPLETE_WORDING + 128 <= 4096);
        let small = total(completion_budget(&model(2048, 4096), 4096, 128));
        assert!(small + COMPLETE_WORDING + 128 <= 2048);
        assert_eq!(total(completion_budget(&model(64, 64), 1536, 128)), 0);
    }
}
