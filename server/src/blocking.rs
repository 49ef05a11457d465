//! Blocking work on tokio's blocking pool. On a worker of the runtime it would delay all other requests.

/// Runs `work` on the blocking pool; `None` if it panics.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
