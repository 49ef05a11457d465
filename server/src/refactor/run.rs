//! One rewrite after the other, each for what those before it have changed.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use phi_engine::{ModelKind, Priority, Usage};

use super::definitions::{self, Redefined};
use super::files::Files;
use super::journal::{Entry, Journal, fingerprint};
use super::report::{Became, Report, SiteReport};
use super::{FileChange, Plan};
use crate::answer::Draft;
use crate::assistant::Assistant;
use crate::edits::{self, Demands, Drops, Edit, Refusal, Terms};
use crate::rewrite::{Ask, Refused, Rewritten, Stage, rewrite};

/// What a run has made: nothing is written yet.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The files that change, by path.
    pub changes: Vec<FileChange>,
    /// What became of each site.
    pub report: Report,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Sites that are done.
    pub done: usize,
    /// Sites in all.
    pub of: usize,
    /// What is in hand, for a person.
    pub item: String,
    /// About how long the rest takes, once that can be said.
    pub left: Option<Duration>,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.item)?;
        match self.left.map(|left| left.as_secs()) {
            None => Ok(()),
            Some(seconds @ 0..90) => write!(f, ", about {seconds} s left"),
            Some(seconds) => write!(f, ", about {} min left", seconds.div_ceil(60)),
        }
    }
}

/// Who is told how far a run is, and asked nothing.
pub type Listener<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Why a run ended before its end. What was finished is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// There is nobody to follow an instruction.
    #[error("{0}")]
    NoModel(Refused),
    /// The plan names no site.
    #[error("the plan has no sites left")]
    NothingToDo,
    /// What is finished could not be kept.
    #[error("the journal could not be written: {0}")]
    Journal(#[from] io::Error),
}

/// Where a run keeps what is finished, and what an earlier one had finished.
#[derive(Debug, Default)]
pub struct Memory<'a> {
    /// `None`: nothing is kept.
    pub journal: Option<&'a mut Journal>,
    /// Of the same plan. What was refused then is tried again.
    pub finished: &'a [Entry],
}

/// Rewrites the sites of a plan in its order. Dropping the future ends it within a token or two. A site that is refused
/// keeps its text and stops nothing.
///
/// # Errors
/// Where nothing can be rewritten at all, or what is finished cannot be kept.
pub async fn run(
    assistant: &Assistant,
    plan: &Plan,
    memory: Memory<'_>,
    listener: Listener<'_>,
) -> Result<Outcome, Stopped> {
    if assistant.engine().model().kind == ModelKind::Lookup {
        return Err(Stopped::NoModel(Refused::NoModel));
    }
    if plan.sites.is_empty() {
        return Err(Stopped::NothingToDo);
    }
    let started = Instant::now();
    let clock = Clock::new(plan, listener);
    let mut run = Run { assistant, plan, memory, clock, files: Files::default(), changed: Vec::new() };
    let mut sites = Vec::with_capacity(plan.sites.len());
    for (at, site) in plan.sites.iter().enumerate() {
        let became = run.site(at).await?;
        run.clock.finished(site.bytes, matches!(became, Became::Changed { resumed: true, .. }));
        sites.push(SiteReport { site: site.clone(), became });
    }
    let report = Report {
        instruction: plan.order.instruction.clone(),
        model: assistant.engine().model().name.clone(),
        sites,
        left_out: plan.left_out.clone(),
        time: started.elapsed(),
        tokens: run.clock.usage().into(),
        ..Report::default()
    };
    Ok(Outcome { changes: run.files.changes(), report })
}

/// A run in hand.
struct Run<'a> {
    assistant: &'a Assistant,
    plan: &'a Plan,
    memory: Memory<'a>,
    clock: Clock<'a>,
    files: Files,
    /// Definitions that are others than before, the latest last.
    changed: Vec<Redefined>,
}

impl Run<'_> {
    /// Rewrites one site of the plan, or takes what an earlier run made of the same text.
    async fn site(&mut self, at: usize) -> io::Result<Became> {
        let site = &self.plan.sites[at];
        let ask = match self.ask(at) {
            Ok(ask) => ask,
            Err(reason) => return self.refused(at, reason),
        };
        if let Some(edit) = self.made_before(at, &ask) {
            self.apply(&ask, &edit);
            return Ok(Became::Changed { repaired: false, resumed: true });
        }
        let item = format!("{} in {}", site.label(), ask.document.label());
        self.clock.tell(&item, 0);
        match rewrite(self.assistant, &ask, &|stage| self.clock.listen(&item, stage)).await {
            Ok(Rewritten { edit, repaired, .. }) => {
                if let Some(journal) = &mut self.memory.journal {
                    journal.append(&Entry::Rewritten {
                        site: at,
                        before: fingerprint(&ask.document.text.to_string()),
                        item_old: edit.old().to_owned(),
                        item_new: edit.new_text().to_owned(),
                    })?;
                }
                self.apply(&ask, &edit);
                Ok(Became::Changed { repaired, resumed: false })
            }
            Err(Refused::Answer(Refusal::Unchanged)) => Ok(Became::Unchanged),
            Err(refused) => self.refused(at, refused.to_string()),
        }
    }

    /// What is asked of the model for a site.
    fn ask(&mut self, at: usize) -> Result<Ask, String> {
        let (site, order) = (&self.plan.sites[at], &self.plan.order);
        let file = self.files.file(self.assistant, self.plan, &site.path)?;
        let target = file.target(at).ok_or("it is not there any more")?;
        Ok(Ask {
            document: file.now.clone(),
            related: definitions::related(&self.changed, &file.text(&target.range)),
            target,
            instruction: order.instruction.clone(),
            material: None,
            drops: Drops::asked_for(&order.instruction),
            may_add_items: true,
            must_touch: None,
            priority: Priority::Background,
        })
    }

    /// The edit that an earlier run made of the same item, verified anew: what stands around it may be another.
    fn made_before(&self, at: usize, ask: &Ask) -> Option<Edit> {
        let old = ask.document.text.byte_slice(ask.target.range.clone()).to_string();
        let new = self.memory.finished.iter().rev().find_map(|entry| match entry {
            Entry::Rewritten { site, item_old, item_new, .. } if *site == at && *item_old == old => {
                Some(item_new)
            }
            _ => None,
        })?;
        let draft = Draft { range: ask.target.range.clone(), text: new.clone() };
        let terms = Terms {
            instruction: &ask.instruction,
            drops: ask.drops,
            may_add_items: ask.may_add_items,
            must_touch: None,
        };
        edits::verify(&ask.document, &draft, &Demands::Item(terms)).ok()
    }

    fn refused(&mut self, at: usize, reason: String) -> io::Result<Became> {
        if let Some(journal) = &mut self.memory.journal {
            journal.append(&Entry::Refused { site: at, reason: reason.clone() })?;
        }
        Ok(Became::Refused(reason))
    }

    /// Puts an edit in place, and remembers what it changes for others.
    fn apply(&mut self, ask: &Ask, edit: &Edit) {
        let path = ask.document.path.clone().unwrap_or_default();
        let Ok(file) = self.files.file(self.assistant, self.plan, &path) else { return };
        let range = file.apply(edit);
        let before = (&*ask.document, edit.range());
        self.changed.extend(definitions::redefined(before, (&file.now, range)));
    }
}

/// Counts, costs, and how long the rest takes.
struct Clock<'a> {
    listener: Listener<'a>,
    started: Instant,
    done: usize,
    of: usize,
    /// Bytes of the sites that were rewritten, and of those that are to be.
    rewritten: usize,
    left: usize,
    usage: Mutex<Usage>,
}

impl<'a> Clock<'a> {
    fn new(plan: &Plan, listener: Listener<'a>) -> Clock<'a> {
        Clock {
            listener,
            started: Instant::now(),
            done: 0,
            of: plan.sites.len(),
            rewritten: 0,
            left: plan.sites.iter().map(|site| site.bytes).sum(),
            usage: Mutex::default(),
        }
    }

    fn listen(&self, item: &str, stage: Stage) {
        match stage {
            Stage::Reading | Stage::Repairing => self.tell(item, 0),
            Stage::Writing { bytes, of } => self.tell(item, bytes.min(of)),
            Stage::Answered(cost) => *self.usage.lock().expect("no holder panics") += cost,
        }
    }

    /// `written` bytes of the item in hand are there already.
    fn tell(&self, item: &str, written: usize) {
        let bytes = self.rewritten + written;
        // The first item says little: the model has to read everything around it.
        let per_byte = (self.rewritten > 0).then(|| self.started.elapsed().as_secs_f64() / bytes as f64);
        let left = per_byte.map(|seconds| seconds * self.left.saturating_sub(written) as f64);
        (self.listener)(Progress {
            done: self.done,
            of: self.of,
            item: item.to_owned(),
            left: left.map(|seconds| Duration::from_secs(seconds.round() as u64)),
        });
    }

    /// A site is done; what was resumed took no time.
    fn finished(&mut self, bytes: usize, resumed: bool) {
        self.done += 1;
        self.left = self.left.saturating_sub(bytes);
        if !resumed {
            self.rewritten += bytes;
        }
    }

    fn usage(&self) -> Usage {
        *self.usage.lock().expect("no holder panics")
    }
}
