//! Rewrites and refactorings: each is shown as cancellable work-done progress while it runs.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tower_lsp::Client;
use tower_lsp::ls_types::ProgressToken;

use crate::messages;
use crate::refactor;
use crate::rewrite::Stage;

/// Minimum time between two reports of a progress bar.
pub const INTERVAL: Duration = Duration::from_millis(250);
/// The share of an item's progress for reading the prompt, in percent; the rest is for writing.
const READING: usize = 40;

/// The running jobs.
#[derive(Debug, Default)]
pub struct Jobs {
    running: Mutex<FxHashMap<String, Arc<Notify>>>,
    /// Tokens may not be used twice.
    count: AtomicU64,
}

/// One job; dropping it ends its progress bar.
#[derive(Debug)]
pub struct Job {
    jobs: Arc<Jobs>,
    token: String,
    cancelled: Arc<Notify>,
    step: watch::Sender<Step>,
}

/// The progress of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Step {
    message: Cow<'static, str>,
    percentage: u32,
}

impl Jobs {
    /// Begins a job; returns it and the task that shows its progress.
    pub fn begin(
        self: &Arc<Self>,
        client: &Client,
        shown: bool,
        title: &str,
    ) -> (Job, impl Future<Output = ()> + Send + use<>) {
        let token = format!("phi-ls/job/{}", self.count.fetch_add(1, Ordering::Relaxed));
        let cancelled = Arc::<Notify>::default();
        self.running().insert(token.clone(), cancelled.clone());
        let (step, steps) = watch::channel(Step::default());
        let (client, title, progress) = (client.clone(), title.to_owned(), token.clone());
        let bar = async move {
            if shown {
                show(client, ProgressToken::String(progress), title, steps).await;
            }
        };
        (Job { jobs: self.clone(), token, cancelled, step }, bar)
    }

    /// Whether a job is running.
    pub fn is_running(&self) -> bool {
        !self.running().is_empty()
    }

    /// Cancels all jobs; returns their number.
    pub fn cancel_all(&self) -> usize {
        let running = self.running();
        running.values().for_each(|cancelled| cancelled.notify_one());
        running.len()
    }

    /// Cancels the job with this progress token.
    pub fn cancel(&self, token: &ProgressToken) {
        let ProgressToken::String(token) = token else { return };
        if let Some(cancelled) = self.running().get(token) {
            cancelled.notify_one();
        }
    }

    fn running(&self) -> MutexGuard<'_, FxHashMap<String, Arc<Notify>>> {
        self.running.lock()
    }
}

impl Job {
    /// Reports the progress of rewriting one of several items.
    pub fn report(&self, (item, items): (usize, usize), stage: Stage) {
        let Some(step) = Step::of(stage) else { return };
        let percentage = (item as u32 * 100 + step.percentage) / items.max(1) as u32;
        self.show(Step { percentage, ..step });
    }

    /// Reports the progress of a refactoring.
    pub fn report_run(&self, progress: &refactor::Progress) {
        let percentage = (progress.done * 100 / progress.of.max(1)).min(99) as u32;
        let message = format!("{}/{} {progress}", progress.done, progress.of).into();
        self.show(Step { message, percentage });
    }

    fn show(&self, step: Step) {
        self.step.send_if_modified(|shown| {
            // The percentage never decreases, also when an answer is retried.
            let step = Step { percentage: step.percentage.max(shown.percentage), ..step };
            let is_new = *shown != step;
            *shown = step;
            is_new
        });
    }

    /// Resolves when the user cancels the job.
    pub async fn cancelled(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.jobs.running().remove(&self.token);
    }
}

impl Step {
    /// The step for a stage of one item; `None` if there is nothing new to show.
    fn of(stage: Stage) -> Option<Step> {
        let share = |done: usize, of: usize, most: usize| (done.min(of) * most / of.max(1)) as u32;
        Some(match stage {
            Stage::Reading { of: 0, .. } => Step { message: "reading".into(), percentage: 0 },
            Stage::Reading { read, of } => Step {
                message: format!("reading {read} of {}", messages::counted(of, "token")).into(),
                percentage: share(read, of, READING),
            },
            // At most 99 %, because the length of the answer is an estimate.
            Stage::Writing { bytes, of } => {
                let written = share(bytes, of, 99);
                let percentage = READING as u32 + share(bytes, of, 99 - READING);
                Step { message: format!("writing, {written} %").into(), percentage }
            }
            Stage::Answered(_) => return None,
            Stage::Repairing => Step { message: "retrying".into(), percentage: 0 },
        })
    }
}

async fn show(client: Client, token: ProgressToken, title: String, mut steps: watch::Receiver<Step>) {
    if let Err(error) = client.create_work_done_progress(token.clone()).await {
        return tracing::debug!("the client shows no progress: {error}");
    }
    // Do not show a job that has already ended.
    if steps.has_changed().is_err() {
        return;
    }
    let mut shown = steps.borrow_and_update().clone();
    let progress = client.progress(token, title).with_message(shown.message.clone());
    let progress = progress.with_percentage(shown.percentage).with_cancel_button().begin().await;
    let rest = |mut steps: watch::Receiver<Step>| async move { while steps.changed().await.is_ok() {} };
    // Within an interval only the last step is sent; the end is sent immediately.
    while timeout(INTERVAL, rest(steps.clone())).await.is_err() {
        while *steps.borrow_and_update() == shown {
            if steps.changed().await.is_err() {
                return progress.finish().await;
            }
        }
        shown = steps.borrow().clone();
        progress.report_with_message(shown.message.clone(), shown.percentage, Some(true)).await;
    }
    progress.finish().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsp::recording_client;
    use crate::testing::until;

    #[test]
    fn a_bar_counts_tokens_while_it_reads_and_a_share_while_it_writes() {
        let step = |stage| Step::of(stage).map(|step| (step.message.into_owned(), step.percentage));
        let shown = |message: &str, percentage| Some((message.to_owned(), percentage));
        assert_eq!(step(Stage::Reading { read: 0, of: 0 }), shown("reading", 0));
        assert_eq!(step(Stage::Reading { read: 512, of: 2048 }), shown("reading 512 of 2048 tokens", 10));
        assert_eq!(step(Stage::Writing { bytes: 0, of: 10 }), shown("writing, 0 %", 40));
        assert_eq!(step(Stage::Writing { bytes: 5, of: 10 }), shown("writing, 49 %", 69));
        assert_eq!(
            step(Stage::Writing { bytes: 30, of: 10 }),
            shown("writing, 99 %", 99),
            "longer than it was"
        );
        assert_eq!(step(Stage::Writing { bytes: 3, of: 0 }), shown("writing, 0 %", 40));
        assert_eq!(step(Stage::Answered(Default::default())), None);
    }

    /// With a paused clock: the client gets few of many steps, including the last.
    #[tokio::test(start_paused = true)]
    async fn a_bar_moves_at_most_four_times_a_second() {
        let (client, recorded, _service) = recording_client::client().await;
        let (job, bar) = Arc::<Jobs>::default().begin(&client, true, "Rename");
        let bar = tokio::spawn(bar);
        for done in 0..5000 {
            job.report((0, 1), Stage::Reading { read: done, of: 5000 });
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // No step follows the last one.
        tokio::time::sleep(INTERVAL * 2).await;
        let kinds = recorded.kinds("phi-ls/job/");
        assert_eq!(kinds.iter().filter(|kind| *kind == "report").count(), 20, "in 5 s");
        assert_eq!(recorded.most_in_a_second("phi-ls/job/"), 4);
        drop(job);
        bar.await.expect("no panic");
        until("the end", || recorded.kinds("phi-ls/job/").last().is_some_and(|kind| kind == "end")).await;
    }

    #[test]
    fn a_bar_never_goes_back() {
        let (step, mut steps) = watch::channel(Step::default());
        let job = Job { jobs: Arc::default(), token: String::new(), cancelled: Arc::default(), step };
        job.report((0, 2), Stage::Writing { bytes: 10, of: 10 });
        assert_eq!(steps.borrow_and_update().percentage, 49);
        job.report((0, 2), Stage::Repairing);
        assert_eq!(*steps.borrow_and_update(), Step { message: "retrying".into(), percentage: 49 });
        job.report((0, 2), Stage::Reading { read: 1, of: 4 });
        assert_eq!(steps.borrow_and_update().percentage, 49);
        job.report((1, 2), Stage::Writing { bytes: 5, of: 10 });
        assert_eq!(steps.borrow_and_update().percentage, 84);
    }
}
