//! Work-done progress of loading the model and indexing the workspace.

use tokio::sync::watch;
use tower_lsp::ls_types::ProgressToken;
use tower_lsp::{Bounded, Client, NotCancellable, OngoingProgress};

use super::jobs;
use crate::assistant::Assistant;
use crate::messages;
use crate::models::ModelState;

/// One progress bar, shown while it has a stage.
struct Bar {
    token: &'static str,
    shown: Option<(OngoingProgress<Bounded, NotCancellable>, Stage)>,
    /// Tokens may not be used twice.
    count: usize,
}

/// The state of a progress bar.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stage {
    title: &'static str,
    message: String,
    percentage: u32,
}

/// Shows the progress of the assistant until it is dropped.
pub async fn follow(client: Client, assistant: Assistant) {
    let (model, index) = (assistant.models.state(), assistant.workspace.indexing());
    drop(assistant);
    show(client, model, index).await;
}

async fn show(
    client: Client,
    mut loads: watch::Receiver<ModelState>,
    mut reads: watch::Receiver<Option<(usize, usize)>>,
) {
    let mut model = Bar { token: "phi-ls/model", shown: None, count: 0 };
    let mut index = Bar { token: "phi-ls/index", shown: None, count: 0 };
    loop {
        let now = loads.borrow_and_update().clone();
        model.show(&client, loading(&now)).await;
        let now = *reads.borrow_and_update();
        index.show(&client, indexing(now)).await;
        // Limit the rate of messages.
        tokio::time::sleep(jobs::INTERVAL).await;
        let changed = tokio::select! {
            changed = loads.changed() => changed,
            changed = reads.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

fn loading(state: &ModelState) -> Option<Stage> {
    let ModelState::Loading { name, fraction } = state else { return None };
    let percentage = (fraction.clamp(0.0, 1.0) * 100.0) as u32;
    Some(Stage { title: "Loading the model", message: name.clone(), percentage })
}

fn indexing(files: Option<(usize, usize)>) -> Option<Stage> {
    let (read, all) = files?;
    let percentage = (read.min(all) * 100).checked_div(all).unwrap_or(100) as u32;
    Some(Stage {
        title: "Indexing the workspace",
        message: format!("{read}/{}", messages::counted(all, "file")),
        percentage,
    })
}

impl Bar {
    /// Shows a stage, or ends the bar.
    async fn show(&mut self, client: &Client, stage: Option<Stage>) {
        match (self.shown.take(), stage) {
            (None, None) => {}
            (None, Some(stage)) => {
                self.count += 1;
                let token = ProgressToken::String(format!("{}/{}", self.token, self.count));
                if let Err(error) = client.create_work_done_progress(token.clone()).await {
                    tracing::debug!("the client shows no progress: {error}");
                    return;
                }
                let progress = client
                    .progress(token, stage.title)
                    .with_message(stage.message.clone())
                    .with_percentage(stage.percentage);
                self.shown = Some((progress.begin().await, stage));
            }
            (Some((progress, shown)), Some(stage)) => {
                // Send a message only if the percentage changed.
                if shown.percentage != stage.percentage {
                    progress.report_with_message(stage.message.clone(), stage.percentage).await;
                }
                let stage = if shown.percentage == stage.percentage { shown } else { stage };
                self.shown = Some((progress, stage));
            }
            (Some((progress, _)), None) => progress.finish().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lsp::recording_client;

    /// With a paused clock.
    #[tokio::test(start_paused = true)]
    async fn a_bar_moves_at_most_four_times_a_second() {
        let (client, recorded, _service) = recording_client::client().await;
        let (model, loads) = watch::channel(ModelState::default());
        let (index, reads) = watch::channel(None);
        let shown = tokio::spawn(show(client, loads, reads));
        for done in 0..5000 {
            let fraction = done as f32 / 5000.0;
            model.send_replace(ModelState::Loading { name: "m".into(), fraction });
            // As when single files are saved.
            index.send_replace((done % 7 != 0).then_some((done, 5000)));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop((model, index));
        shown.await.expect("no panic");
        for bar in ["phi-ls/model/", "phi-ls/index/"] {
            let kinds = recorded.kinds(bar);
            assert!(kinds.len() > 10, "{bar}: {kinds:?}");
            assert!(recorded.most_in_a_second(bar) <= 4, "{bar}: {kinds:?}");
        }
    }

    #[test]
    fn percentages_stay_between_0_and_100() {
        let loading_at = |fraction| {
            loading(&ModelState::Loading { name: "m".into(), fraction }).map(|stage| stage.percentage)
        };
        assert_eq!([-1.0, 0.0, 0.509, 1.0, 2.0, f32::NAN].map(loading_at), [0, 0, 50, 100, 100, 0].map(Some));
        assert_eq!(loading(&ModelState::Searching), None, "nothing is loaded before a model is found");
        let indexing_at = |done| indexing(Some(done)).map(|stage| stage.percentage);
        assert_eq!(
            [(0, 4), (1, 4), (4, 4), (5, 4), (0, 0)].map(indexing_at),
            [0, 25, 100, 100, 100].map(Some)
        );
    }
}
