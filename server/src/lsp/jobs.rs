//! Jobs that somebody waits for: each shown as work-done progress for as long as it runs, each cancellable there.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, watch};
use tower_lsp::Client;
use tower_lsp::ls_types::ProgressToken;

use crate::refactor;
use crate::rewrite::Stage;

/// The jobs that run now.
#[derive(Debug, Default)]
pub struct Jobs {
    running: Mutex<FxHashMap<String, Arc<Notify>>>,
    /// Tokens may not be used twice.
    count: AtomicU64,
}

/// One job; when it is dropped, finished or not, its bar goes away.
#[derive(Debug)]
pub struct Job {
    jobs: Arc<Jobs>,
    token: String,
    cancelled: Arc<Notify>,
    step: watch::Sender<Step>,
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Step {
    message: Cow<'static, str>,
    percentage: u32,
}

impl Jobs {
    /// A job, and the task that shows it: it ends with the job.
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

    /// Ends a job, as its user asks for on its bar.
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
    /// Shows how far the rewrite of one of so many items is.
    pub fn report(&self, (item, items): (usize, usize), stage: Stage) {
        let step = match stage {
            Stage::Reading => Step { message: "reading".into(), percentage: 0 },
            // It is done when the last token is there, and how long the answer will be is a guess.
            Stage::Writing { bytes, of } => {
                Step { message: "writing".into(), percentage: (bytes * 100 / of.max(1)).min(99) as u32 }
            }
            Stage::Answered(_) => return,
            Stage::Repairing => Step { message: "writing it again".into(), percentage: 0 },
        };
        let percentage = (item as u32 * 100 + step.percentage) / items.max(1) as u32;
        self.show(Step { percentage, ..step });
    }

    /// Shows how far a refactoring is.
    pub fn report_run(&self, progress: &refactor::Progress) {
        let percentage = (progress.done * 100 / progress.of.max(1)).min(99) as u32;
        let message = format!("{}/{} {progress}", progress.done, progress.of).into();
        self.show(Step { message, percentage });
    }

    fn show(&self, step: Step) {
        self.step.send_if_modified(|shown| {
            let is_new = *shown != step;
            *shown = step;
            is_new
        });
    }

    /// Ends when the user cancels the job on its bar.
    pub async fn cancelled(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.jobs.running().remove(&self.token);
    }
}

async fn show(client: Client, token: ProgressToken, title: String, mut steps: watch::Receiver<Step>) {
    if let Err(error) = client.create_work_done_progress(token.clone()).await {
        return tracing::debug!("the client shows no progress: {error}");
    }
    // What has ended by now is not shown.
    if steps.has_changed().is_err() {
        return;
    }
    let first = steps.borrow_and_update().clone();
    let progress = client.progress(token, title).with_message(first.message);
    let progress = progress.with_percentage(first.percentage).with_cancel_button().begin().await;
    while steps.changed().await.is_ok() {
        let step = steps.borrow_and_update().clone();
        progress.report_with_message(step.message, step.percentage, Some(true)).await;
    }
    progress.finish().await;
}
