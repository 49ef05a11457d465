//! The prompt of a completion: the missing part of a file.

use std::ops::Range;

use phi_engine::{FimFormat, FimOrder, Marker, Prompt, PromptFormats, Role};

use super::{by_file, fence, file_name, printable, surroundings, text_of, together, whole_lines};
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
/// Both together never leave the model's short `window`: there LongRoPE runs in its short mode, and so every
/// completion finds the KV rows of the one before.
pub fn completion_budget(window: usize, context_tokens: usize, max_tokens: usize) -> Budget {
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

/// The part that all completions begin with; without parts for a model that does not chat.
pub fn completion_rules(formats: &PromptFormats) -> Prompt {
    match Format::of(formats) {
        Format::Chat => Prompt::default().turn(Role::System).text(COMPLETE_RULES),
        Format::Fim(_) | Format::Plain => Prompt::default(),
    }
}

/// The prompt of a completion, in the format that the model knows best: its own format for gaps, a chat, or a text to be
/// continued. Stable sections come first. The text before the cursor comes last, or as late as the format allows.
pub fn complete(document: &Document, context: &Context, formats: &PromptFormats) -> Prompt {
    let sections = Sections::of(document, context);
    match Format::of(formats) {
        Format::Chat => chat(document, context, sections),
        Format::Fim(format) => fim(document, context, sections, format),
        Format::Plain => {
            Prompt::default().text(comments(document, context) + &sections.above).text(sections.before)
        }
    }
}

enum Format {
    Fim(FimFormat),
    Chat,
    Plain,
}

impl Format {
    fn of(formats: &PromptFormats) -> Format {
        match formats.fim {
            Some(format) => Format::Fim(format),
            None if formats.chat => Format::Chat,
            None => Format::Plain,
        }
    }
}

/// The texts of the document around the cursor.
struct Sections {
    /// The imports, the lines that open the scopes of the cursor, and what comes before the edit region.
    above: String,
    /// The edit region before the cursor.
    before: String,
    /// The edit region after the cursor.
    after: String,
    /// What comes after the edit region.
    below: String,
}

impl Sections {
    fn of(document: &Document, context: &Context) -> Sections {
        let window = &context.window;
        let text = |range: &Range<usize>| text_of(document, range);
        let above = window.imports.iter().chain(&window.scopes).chain([&window.above]);
        Sections {
            above: above.map(text).collect(),
            before: text(&window.before),
            after: text(&(window.before.end..window.rest.end)),
            below: text(&window.after),
        }
    }
}

/// Instruction, context and code in the user's turn. The assistant's turn begins with the code before the cursor.
fn chat(document: &Document, context: &Context, sections: Sections) -> Prompt {
    let language = document.language.map_or("", |language| language.fence);
    let fence = fence(document, context);
    let open = format!("{fence}{language}\n");
    let close = format!("{fence}\n\n");
    let section = |prompt: Prompt, heading: &str, text: String| match text.trim() {
        "" => prompt,
        _ => prompt.text(heading).text(open.as_str()).text(whole_lines(text)).text(close.as_str()),
    };
    let prompt = Prompt::default().turn(Role::System).text(COMPLETE_RULES).turn(Role::User);
    let mut prompt = surroundings(prompt, context, &fence).text(file_name(document));
    prompt = section(prompt, "Code before the missing part:\n", sections.above);
    prompt = section(prompt, "Code further below:\n", sections.below);
    prompt = section(prompt, "Code after the cursor:\n", sections.after);
    prompt = prompt.text(COMPLETE_INSTRUCTION);
    prompt.turn(Role::Assistant).text(open.as_str()).text(sections.before)
}

/// Other files with markers if the model knows them, else as comments; then the text around the gap.
fn fim(document: &Document, context: &Context, sections: Sections, format: FimFormat) -> Prompt {
    let Sections { above, before, after, below } = sections;
    let mut prompt = Prompt::default();
    let mut above = above;
    let label = document.label();
    if format.repository
        && let Some((repository, _)) = label.split_once('/').filter(|(root, _)| !root.is_empty())
    {
        prompt = prompt.marker(Marker::Repository).text(format!("{}\n", printable(repository)));
    }
    if format.files {
        for snippets in by_file(context) {
            let path = printable(&snippets[0].path);
            prompt = prompt.marker(Marker::File).text(format!("{path}\n{}", together(snippets)));
        }
        prompt = prompt.marker(Marker::File).text(format!("{}\n", printable(&label)));
    } else {
        above.insert_str(0, &comments(document, context));
    }
    let prefix = |prompt: Prompt| prompt.text(above).text(before);
    let suffix = |prompt: Prompt| prompt.marker(Marker::Suffix).text(after + &below);
    match format.order {
        FimOrder::PrefixFirst => suffix(prefix(prompt.marker(Marker::Prefix))).marker(Marker::Middle),
        FimOrder::SuffixFirst => prefix(suffix(prompt).marker(Marker::Prefix)).marker(Marker::Middle),
        FimOrder::SuffixFirstInPrefix => prefix(suffix(prompt.marker(Marker::Prefix)).marker(Marker::Middle)),
    }
}

/// Snippets of other files and the file's own name, as comments of its language; nothing in a language without line comments.
fn comments(document: &Document, context: &Context) -> String {
    let Some(mark) = document.language.and_then(|language| language.line_comment) else {
        return String::new();
    };
    let mut text = String::new();
    for snippets in by_file(context) {
        text += &format!("{mark} {}\n", printable(&snippets[0].path));
        for line in together(snippets).lines() {
            text += format!("{mark} {line}").trim_end();
            text.push('\n');
        }
        text.push('\n');
    }
    text + &format!("{mark} {}\n", printable(&document.label()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use phi_engine::Part;

    use super::*;
    use crate::context::{Snippet, Source, Window};
    use crate::documents::DocumentId;
    use crate::languages::Language;

    const CHAT: PromptFormats = PromptFormats { chat: true, fim: None };

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
        .assert_eq(&complete(&document, &context, &CHAT).to_string());
    }

    const TEXT_MARKS: FimFormat = FimFormat { order: FimOrder::PrefixFirst, files: true, repository: false };

    fn with_snippets() -> (Document, Context) {
        let (document, mut context) = zoned("/w/src/a.rs", TEXT);
        context.snippets.push(snippet(Source::Similar, "src/b.rs", "fn h() {}\n"));
        let member = snippet(Source::Member, "src/c.rs", "fn new() -> C\n");
        context.snippets.push(Snippet { container: Some("C".into()), ..member });
        (document, context)
    }

    fn written(formats: PromptFormats) -> String {
        let (document, context) = with_snippets();
        complete(&document, &context, &formats).to_string()
    }

    fn in_gaps(order: FimOrder, files: bool) -> String {
        let fim = Some(FimFormat { order, files, ..TEXT_MARKS });
        // A model that also chats gets its format for gaps.
        written(PromptFormats { chat: true, fim })
    }

    #[test]
    fn a_format_for_gaps_is_used_with_its_own_markers() {
        expect![[r#"
            <|file_sep|>src/b.rs
            fn h() {}
            <|file_sep|>src/c.rs
            // C
            fn new() -> C
            <|file_sep|>w/src/a.rs
            <|fim_prefix|>use std::fmt;

            fn f() {
                let a = <|fim_suffix|>;
                a
            }

            fn g() {}
            <|fim_middle|>"#]]
        .assert_eq(&in_gaps(FimOrder::PrefixFirst, true));
        expect![[r#"
            <|fim_suffix|>;
                a
            }

            fn g() {}
            <|fim_prefix|>// src/b.rs
            // fn h() {}

            // src/c.rs
            // // C
            // fn new() -> C

            // w/src/a.rs
            use std::fmt;

            fn f() {
                let a = <|fim_middle|>"#]]
        .assert_eq(&in_gaps(FimOrder::SuffixFirst, false));
        let in_prefix = in_gaps(FimOrder::SuffixFirstInPrefix, true);
        assert!(in_prefix.ends_with("<|fim_middle|>use std::fmt;\n\nfn f() {\n    let a = "), "{in_prefix}");
        assert!(in_prefix.contains("w/src/a.rs\n<|fim_prefix|><|fim_suffix|>;\n    a\n"), "{in_prefix}");
    }

    #[test]
    fn a_format_with_a_repository_marker_names_the_repository() {
        let fim = Some(FimFormat { repository: true, ..TEXT_MARKS });
        let named = written(PromptFormats { chat: true, fim });
        assert!(named.starts_with("<|repo_name|>w\n<|file_sep|>src/b.rs\n"), "{named}");
    }

    #[test]
    fn a_model_without_a_format_continues_the_file() {
        let written = written(PromptFormats::default());
        assert!(written.starts_with("// src/b.rs\n// fn h() {}\n\n// src/c.rs\n"), "{written}");
        assert!(written.ends_with("// w/src/a.rs\nuse std::fmt;\n\nfn f() {\n    let a = "), "{written}");
        let (mut document, context) = with_snippets();
        document.language = None;
        let written = complete(&document, &context, &PromptFormats::default()).to_string();
        assert_eq!(written, "use std::fmt;\n\nfn f() {\n    let a = ");
    }

    #[test]
    fn typing_changes_the_end_of_a_prompt_in_each_format() {
        let suffix_first =
            |order| PromptFormats { chat: false, fim: Some(FimFormat { order, ..TEXT_MARKS }) };
        for formats in [
            PromptFormats::default(),
            suffix_first(FimOrder::SuffixFirst),
            suffix_first(FimOrder::SuffixFirstInPrefix),
        ] {
            let parts = |text: &str| {
                let (document, context) = zoned("/w/a.rs", text);
                complete(&document, &context, &formats).parts
            };
            let (before, after) = (parts(TEXT), parts(&TEXT.replace("$0", "b + c$0")));
            let at = before.iter().rposition(|part| matches!(part, Part::Text(_))).expect("a text");
            assert_eq!(before[..at], after[..at], "{formats:?}");
            let (Part::Text(before), Part::Text(after)) = (&before[at], &after[at]) else { panic!("texts") };
            assert_eq!(**after, format!("{before}b + c"), "{formats:?}");
        }
    }

    #[test]
    fn typing_changes_the_last_part_alone() {
        let parts = |text: &str| {
            let (document, context) = zoned("/w/a.rs", text);
            complete(&document, &context, &CHAT).parts
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
            complete(&document, &context, &CHAT).parts
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
        let prompt = complete(&document, &context, &CHAT);
        let markup = prompt.parts.iter().filter(|part| matches!(part, Part::Turn(_))).count();
        assert_eq!(markup, 3, "what spells a special token is text");
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
        let prompt = complete(&document, &context, &CHAT);
        assert!(!prompt.to_string().contains(['\r', '\u{feff}']));
        assert!(prompt.tail().ends_with("use a;\nfn f() {\n    "));
    }

    #[test]
    fn a_budget_stays_in_the_short_window() {
        let total = |budget: Budget| {
            budget.above + budget.edit_region + budget.after + budget.guidance + budget.snippets
        };
        let usual = total(completion_budget(4096, 1536, 128));
        assert!((1300..=1536 - COMPLETE_WORDING).contains(&usual), "{usual}");
        let most = total(completion_budget(4096, 100_000, 128));
        assert!(most + COMPLETE_WORDING + 128 <= 4096);
        let small = total(completion_budget(2048, 4096, 128));
        assert!(small + COMPLETE_WORDING + 128 <= 2048);
        assert_eq!(total(completion_budget(64, 1536, 128)), 0);
    }
}
