//! Watches the client's process (`processId`). The client may be gone although our input is still open, if another
//! process inherited its end.

use std::time::Duration;

/// How often to check.
const INTERVAL: Duration = Duration::from_secs(2);

/// Returns when process `pid` has exited.
pub async fn exited(pid: u32) {
    while is_alive(pid) {
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Whether the process exists. If the process that a client names does not exist at that time, the client runs in
/// another process namespace (outside our container, for example), and its id means nothing here.
#[cfg(unix)]
pub fn is_alive(pid: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    // A process that we may not signal is alive.
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// On other systems only the end of the input ends the server.
#[cfg(not(unix))]
pub fn is_alive(_pid: u32) -> bool {
    true
}
