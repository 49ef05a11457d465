//! The cost of a keystroke: prefilled tokens, counted with a small Phi-3 model that has the real vocabulary.

use std::sync::Arc;

use phi_engine::{DeviceChoice, Engine, FimFormat, FimOrder, Options, PromptFormats, Usage};
use phi_ls::assistant::Assistant;
use phi_ls::complete::{self, CompletionRequest, Trigger, complete};
use phi_ls::documents::{Change, Document, DocumentId};
use phi_ls::settings::Settings;
use phi_tests::tiny_model;

/// The largest number of tokens that token healing backs up.
const HEALED: usize = 4;
/// The last token of a prompt is always run.
const LAST: usize = 1;

/// An editor with one document.
struct Editor {
    assistant: Assistant,
    document: Arc<Document>,
    cursor: usize,
    _model: Option<tempfile::TempDir>,
}

impl Editor {
    fn open(text: &str, cursor: usize) -> Editor {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tiny.gguf");
        tiny_model::write(&path).expect("a model");
        let options = Options {
            adapters: Vec::new(),
            device: DeviceChoice::Cpu,
            threads: 1,
            kv_bytes: 64 << 20,
            context: 4096,
        };
        let engine = Engine::open(&path, &options, |_| {}).expect("it loads");
        Editor { _model: Some(folder), ..Editor::with(engine, text, cursor) }
    }

    fn with(engine: Engine, text: &str, cursor: usize) -> Editor {
        // The generated text does not matter here.
        let mut settings = Settings::default();
        settings.completion.max_tokens = 8;
        let assistant = Assistant::new(engine, settings);
        let id = DocumentId("file:///w/src/shapes.rs".into());
        let document = Document::open(id.clone(), Some("/w/src/shapes.rs".into()), "rust", 1, text);
        complete::opened(&assistant.completions, &document);
        assistant.workspace.documents.open(document);
        let document = assistant.workspace.documents.get(&id).expect("it is open");
        Editor { assistant, document, cursor, _model: None }
    }

    fn key(&mut self, key: &str) {
        let changes = [Change::Splice { range: self.cursor..self.cursor, text: key.to_owned() }];
        let (id, version) = (&self.document.id, self.document.version + 1);
        self.document = self.assistant.workspace.documents.change(id, version, &changes).expect("it is open");
        self.cursor += key.len();
        complete::changed(&self.assistant.completions, &self.document, &changes);
    }

    /// Sends an invoked request, which is answered at every position, and returns the usage of its generation.
    async fn request(&self) -> Usage {
        let request = CompletionRequest {
            document: self.document.clone(),
            cursor: self.cursor,
            trigger: Trigger::Invoked,
        };
        complete(&self.assistant.completions, request).await.expect("there is no newer request");
        self.assistant.completions.usage(&self.document.id).expect("there was a generation")
    }

    fn count(&self, text: &str) -> usize {
        self.assistant.models.engine().expect("a model").count(text)
    }
}

/// Forty functions of ten lines.
fn source() -> String {
    let mut source = "//! Shapes.\n\nuse std::collections::HashMap;\nuse std::fmt;\n\n".to_owned();
    for n in 0..40 {
        source += &function(n);
    }
    source
}

fn function(n: usize) -> String {
    format!(
        "/// Measures shape {n} in whole units, or returns nothing where it is open.\n\
         pub fn measure_{n}(shape: &Shape, units: &HashMap<String, f64>) -> Option<f64> {{\n    \
             let unit = units.get(shape.unit())?;\n    \
             let width = shape.width() * unit + {n}.0;\n    \
             let height = shape.height() * unit;\n    \
             if shape.is_open() {{\n        \
                 return None;\n    \
             }}\n    \
             Some(width * height)\n\
         }}\n\n"
    )
}

/// Behind `text` in the `n`th function.
fn behind(source: &str, n: usize, text: &str) -> usize {
    let function = source.find(&format!("fn measure_{n}(")).expect("the function");
    function + source[function..].find(text).expect("the text") + text.len()
}

#[tokio::test]
async fn typing_prefills_only_new_tokens() {
    let source = source();
    let cursor = behind(&source, 20, "shape.height() * unit;\n");
    let mut editor = Editor::open(&source, cursor);
    editor.key("    ");
    let cold = editor.request().await;
    assert!(cold.prompt > 300, "a prompt worth keeping: {cold:?}");

    for key in "let area = width * h".split("").filter(|key| !key.is_empty()) {
        editor.key(key);
        let usage = editor.request().await;
        assert_eq!(usage.prompt, usage.cached + usage.prefilled);
        let most = editor.count(key) + HEALED + LAST;
        assert!(usage.prefilled <= most, "{key:?} ran {} tokens: {usage:?}", usage.prefilled);
    }
}

/// Where the text before the cursor comes last, a key costs its own tokens. A format that puts the text after the cursor last
/// runs that again with each key, but not what comes before.
#[tokio::test]
async fn typing_prefills_only_new_tokens_in_each_format() {
    let fim = |order, files| PromptFormats {
        chat: false,
        fim: Some(FimFormat { order, files, repository: files }),
    };
    let last = [
        PromptFormats { chat: true, fim: None },
        PromptFormats::default(),
        fim(FimOrder::SuffixFirst, false),
        fim(FimOrder::SuffixFirst, true),
        fim(FimOrder::SuffixFirstInPrefix, true),
    ];
    let source = source();
    let cursor = behind(&source, 20, "shape.height() * unit;\n");
    for formats in last.into_iter().chain([fim(FimOrder::PrefixFirst, true)]) {
        let engine = Engine::scripted(|_| String::new()).with_formats(formats);
        let mut editor = Editor::with(engine, &source, cursor);
        editor.key("    ");
        let cold = editor.request().await;
        assert!(cold.prompt > 100, "a prompt worth keeping: {cold:?}");
        let most = if last.contains(&formats) { 1 + HEALED + LAST } else { cold.prompt / 2 };
        for key in "let area = width".split("").filter(|key| !key.is_empty()) {
            editor.key(key);
            let usage = editor.request().await;
            assert!(usage.prefilled <= most, "{formats:?}: {key:?} ran {} tokens", usage.prefilled);
        }
    }
}

#[tokio::test]
async fn moving_within_a_function_does_not_prefill_the_file_again() {
    let source = source();
    let mut editor = Editor::open(&source, behind(&source, 20, "get(shape.unit())?;"));
    let cold = editor.request().await;
    let function = editor.count(&function(20));
    // The wording behind the stable parts: a heading, fences, the instruction.
    let most = function + 64;
    assert!(cold.prompt > 2 * most, "the file is the larger part: {cold:?}, the function {function}");

    for text in
        ["is_open() {\n        return None;", "+ 20.0;", "Some(width * height)", "get(shape.unit())?;"]
    {
        editor.cursor = behind(&source, 20, text);
        let usage = editor.request().await;
        assert!(
            usage.prefilled <= most,
            "behind {text:?} {} tokens were run, at most {most}",
            usage.prefilled
        );
    }
}

/// The budget of a prompt reserves a fixed number of tokens for its wording.
#[tokio::test]
async fn the_fixed_wording_fits_its_budget() {
    let usage = Editor::open("", 0).request().await;
    assert!((1..=160).contains(&usage.prompt), "{usage:?}");
}

/// Prompt and answer fit the short mode of LongRoPE, whatever the settings allow.
#[tokio::test]
async fn every_completion_stays_in_the_short_window() {
    let lines: String = (0..300).map(|n| format!("    let width_{n} = shape.width() * {n}.0;\n")).collect();
    let source = source()
        .replace("fn measure_20(", &format!("fn long(shape: &Shape) {{\n{lines}}}\n\nfn measure_20("));
    let cursor = source.find("width_150 =").expect("the line") + "width_150 =".len();
    let cursor = cursor + source[cursor..].find(';').expect("its end") + 1;
    let editor = Editor::open(&source, cursor);
    for n in 0..20 {
        let path = format!("/w/src/other_{n}.rs");
        let text = source.replace("measure", &format!("weigh_{n}")).replace("unit", "gram");
        let id = DocumentId(format!("file://{path}").into());
        editor.assistant.workspace.documents.open(Document::open(id, Some(path.into()), "rust", 1, &text));
    }
    let mut settings = Settings::default();
    settings.completion.context_tokens = 1_000_000;
    settings.completion.max_tokens = 512;
    editor.assistant.workspace.replace_settings(settings);
    let usage = editor.request().await;
    let window = editor.assistant.models.engine().expect("a model").model().short_context;
    assert!(usage.prompt + 512 <= window, "{usage:?} of {window}");
    // The exact number depends on the selected snippets.
    let usual = Settings::default().completion.context_tokens;
    assert!(usage.prompt > usual / 2, "the budget is used: {usage:?}");
}
