//! Work that may take long, on a thread beside the workers of the runtime: on those, all other requests wait.

/// Runs it; `None` where it panics.
pub async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
