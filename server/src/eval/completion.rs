//! Fills holes through the completion flow of editors, with one context scope, or with two on the same holes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use phi_engine::Engine;
use serde::{Deserialize, Serialize};

use super::corpus::{Corpus, Hole};
use super::duplicates::Duplicates;
use super::holes::Kind;
use super::metrics::{self, Scores};
use super::open;
use crate::assistant::Assistant;
use crate::complete::{self, Completion, CompletionRequest, Trigger};
use crate::context::ContextScope;
use crate::documents::Document;
use crate::models::Models;
use crate::ngram;
use crate::repository::rules::Rules;
use crate::repository::{Background, Repository};
use crate::settings::Settings;
use crate::workspace::Workspace;

/// The time limit of an answer; a partial one is used.
const LONGEST: Duration = Duration::from_secs(120);

/// One hole and its answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Relative to the repository.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// The first removed byte of the file.
    pub offset: usize,
    /// The kind of hole.
    pub kind: Kind,
    /// The language's id.
    pub language: String,
    /// The original text.
    pub expected: String,
    /// Whether all its lines occur elsewhere in the repository, too.
    pub duplicate: bool,
    /// The answers, by arm.
    pub answers: Vec<Answer>,
}

/// The answer for one hole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The text as inserted; `None` without a suggestion.
    pub text: Option<String>,
    /// Its metrics.
    pub scores: Scores,
    /// The time from the request to the complete answer.
    pub milliseconds: f64,
    /// Tokens of the prompt.
    pub prompt: usize,
    /// The part of them that was not cached.
    pub prefilled: usize,
    /// Tokens generated.
    pub generated: usize,
}

/// A run over the holes of one corpus, with one or two arms.
pub struct Run<'c> {
    corpus: &'c Corpus,
    repository: Repository,
    duplicates: Duplicates,
    arms: Vec<Arm>,
}

/// One configuration.
struct Arm {
    scope: ContextScope,
    models: Models,
    settings: Settings,
}

/// One configuration to be compared.
#[derive(Debug, Clone)]
pub struct ArmPlan {
    /// How much of the repository is shown.
    pub scope: ContextScope,
    /// The neural model, if it answers.
    pub engine: Option<Engine>,
    /// Whether the n-gram model answers; beside a neural model, where that has nothing to offer.
    pub ngram: bool,
}

impl<'c> Run<'c> {
    /// Indexes the corpus, and adds to the n-gram model of each arm the sources that it may use.
    pub fn new(
        corpus: &'c Corpus,
        background: Background,
        settings: &Settings,
        arms: impl IntoIterator<Item = ArmPlan>,
    ) -> Run<'c> {
        let mut settings = settings.clone();
        settings.completion.enabled = true;
        // Generation after an answer is useless here, and delays the next one.
        settings.completion.prefetch = false;
        let arm = |ArmPlan { scope, engine, ngram }: ArmPlan| {
            let models = match engine {
                Some(engine) if ngram => Models::default().with(engine),
                Some(engine) => Models::from(engine),
                None => Models::default(),
            };
            Arm { scope, models, settings: settings.clone() }
        };
        let arms: Vec<Arm> = arms.into_iter().map(arm).collect();
        for arm in &arms {
            (0..corpus.files.len()).for_each(|file| arm.restore(corpus, file));
        }
        let repository = Repository::default();
        *repository.index_mut() = corpus.index();
        repository.set_rules(Rules::new(&background.roots, &settings.repository.secret_files));
        repository.set_background(background);
        Run { corpus, repository, duplicates: Duplicates::of(corpus), arms }
    }

    /// Brings the models into the state after this hole, without a request: the order of their sources matters, so a
    /// resumed run must repeat the updates of the earlier one.
    pub fn pass(&self, hole: &Hole) {
        self.arms.iter().for_each(|arm| arm.restore(self.corpus, hole.file));
    }

    /// Fills a hole. Meanwhile index, documents and models have its file with the hole.
    pub async fn fill(&self, hole: &Hole) -> Sample {
        let corpus = self.corpus;
        let document = Arc::new(corpus.masked(hole));
        corpus.mask(&mut self.repository.index_mut(), &document);
        let open = open::beside(corpus, &self.repository.index(), hole);
        let mut answers = Vec::new();
        for arm in &self.arms {
            answers.push(arm.fill(self, hole, &document, &open).await);
        }
        corpus.unmask(&mut self.repository.index_mut(), hole);
        let file = &corpus.files[hole.file];
        Sample {
            path: corpus.relative(hole.file),
            line: file.text[..hole.range.start].matches('\n').count() + 1,
            offset: hole.range.start,
            kind: hole.kind,
            language: file.language.map_or("", |language| language.id).to_owned(),
            expected: file.text[hole.range.clone()].to_owned(),
            duplicate: self.duplicates.holds(&file.text, &hole.range),
            answers,
        }
    }
}

impl Arm {
    /// Adds a file to the n-gram model, if its arm may use other files.
    fn restore(&self, corpus: &Corpus, file: usize) {
        let Some(model) = self.models.ngram() else { return };
        let file = &corpus.files[file];
        let source = ngram::source_id(&file.path);
        model.remove_source(source);
        if self.scope == ContextScope::Repository {
            model.add_source(source, file.text.clone());
        }
    }

    async fn fill(
        &self,
        run: &Run<'_>,
        hole: &Hole,
        document: &Arc<Document>,
        open: &[Arc<Document>],
    ) -> Answer {
        // A new one for each hole, without cached answers and contexts.
        let mut workspace = Workspace::new(self.settings.clone());
        workspace.repository = run.repository.clone();
        workspace.scope = self.scope;
        let assistant = Assistant::with(workspace, self.models.clone());
        for other in open.iter().rev().chain([document]) {
            assistant.workspace.documents.open((**other).clone());
        }
        if let Some(model) = self.models.ngram() {
            model.remove_source(ngram::source_id(&run.corpus.files[hole.file].path));
        }
        let started = Instant::now();
        let completion = whole_answer(&assistant, document, hole.range.start).await;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let usage = assistant.completions.usage(&document.id).unwrap_or_default();
        complete::closed(&assistant.completions, document);
        if self.scope != ContextScope::Repository {
            open.iter().for_each(|other| complete::closed(&assistant.completions, other));
        }
        self.restore(run.corpus, hole.file);
        let text = completion.map(|completion| inserted(&completion, document, hole.range.start));
        let expected = &run.corpus.files[hole.file].text[hole.range.clone()];
        Answer {
            scores: metrics::compare(expected, text.as_deref().unwrap_or_default(), document.language),
            text,
            milliseconds,
            prompt: usage.prompt,
            prefilled: usage.prefilled,
            generated: usage.generated,
        }
    }
}

/// Polls until the generation has ended.
async fn whole_answer(assistant: &Assistant, document: &Arc<Document>, cursor: usize) -> Option<Completion> {
    let started = Instant::now();
    loop {
        let ask = CompletionRequest { document: document.clone(), cursor, trigger: Trigger::Invoked };
        let completion = complete::complete(&assistant.completions, ask).await.ok().flatten();
        let has_ended = assistant.completions.usage(&document.id).is_some();
        if has_ended || !assistant.models.is_working() || started.elapsed() > LONGEST {
            return completion;
        }
    }
}

/// The text that accepting a completion inserts at the cursor. An edit may also repeat, or replace, text around the cursor
/// on its line; repeated text is not part of the answer.
fn inserted(completion: &Completion, document: &Document, cursor: usize) -> String {
    let (range, new) = (completion.edit.range(), completion.edit.new_text());
    let around = |range: std::ops::Range<usize>| document.text.byte_slice(range).to_string();
    let (front, back) = (around(range.start..cursor), around(cursor..range.end.max(cursor)));
    let new = new.strip_prefix(&front).unwrap_or(new);
    new.strip_suffix(&back).unwrap_or(new).to_owned()
}
