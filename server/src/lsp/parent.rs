//! Notices that the editor is gone although its end of our input is still open, which happens when another process
//! has inherited it.

use std::time::Duration;

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(2);

/// Returns when process `pid` has ended.
pub async fn gone(pid: u32) {
    while alive(pid) {
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Whether there is such a process. If the one that a client names is not there when it names it, the client runs in
/// another process namespace (in front of a container, say) and its number means nothing here.
#[cfg(unix)]
pub fn alive(pid: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    // Whoever may not be signalled is alive.
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// Elsewhere the end of the input has to do for an end.
#[cfg(not(unix))]
pub fn alive(_pid: u32) -> bool {
    true
}
