//! A process and its descendants, so that all of them can be killed.
//!
//! On Windows a job object contains them all. Elsewhere a process group contains most of them. A process that has left
//! the group is found by descent: by its parent, its session, or an environment variable that marks the first process.
//! A process that loses its parent, starts its own session and clears its environment is not found. On Linux a watchdog
//! finds it as well, because it becomes the parent of orphans.

use std::io::{self, Write};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap};
use rustc_hash::FxHashSet;
use sysinfo::Pid;
#[cfg(unix)]
use sysinfo::{Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

/// The prefix of the variable that marks a tree. Each tree has a unique name, so that a nested check has both.
const MARK: &str = "PHI_LS_CHECK_";
/// A process that stays alive writes this to make a watchdog kill the tree.
const KILL: &[u8] = b"k";
/// How long to wait for a killed process; it ends soon unless its device hangs.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Whether a variable marks a tree that contains this process itself.
pub(super) fn is_mark(name: &str) -> bool {
    name.starts_with(MARK)
}

/// A running process and its descendants; dropping it kills them.
#[derive(Debug)]
pub(super) struct ProcessTree {
    child: Box<dyn ChildWrapper>,
    first: Pid,
    /// `NAME=value`, as in an environment.
    #[cfg(unix)]
    mark: String,
    /// Whether the first process is a watchdog, which kills the others.
    is_watched: bool,
    /// The pipe to the watchdog, until the watchdog is asked to kill the tree.
    lifeline: Option<io::PipeWriter>,
    /// Whether this process, which starts no others, becomes the parent of orphans.
    has_orphans: bool,
    status: Option<ExitStatus>,
}

impl ProcessTree {
    /// Starts the command. A watchdog has a lifeline.
    ///
    /// # Errors
    /// The operating system cannot start it.
    pub(super) fn start(mut command: Command, lifeline: Option<io::PipeWriter>) -> io::Result<ProcessTree> {
        let name = format!("{MARK}{:016x}", fastrand::u64(..));
        command.env(&name, "1");
        let mut command = CommandWrap::from(command);
        #[cfg(unix)]
        command.wrap(process_wrap::std::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::std::JobObject);
        let child = command.spawn()?;
        Ok(ProcessTree {
            first: Pid::from_u32(child.id()),
            child,
            #[cfg(unix)]
            mark: format!("{name}=1"),
            is_watched: lifeline.is_some(),
            lifeline,
            has_orphans: false,
            status: None,
        })
    }

    /// Starts the command in a process that starts no others, and that becomes the parent of orphans if the system
    /// supports it.
    ///
    /// # Errors
    /// The operating system cannot start it.
    pub(super) fn start_with_orphans(command: Command) -> io::Result<ProcessTree> {
        #[cfg(target_os = "linux")]
        let has_orphans = rustix::process::set_child_subreaper(Some(rustix::process::getpid())).is_ok();
        #[cfg(not(target_os = "linux"))]
        let has_orphans = false;
        let mut tree = ProcessTree::start(command, None)?;
        tree.has_orphans = has_orphans;
        Ok(tree)
    }

    /// Whether the first process has ended.
    ///
    /// # Errors
    /// The operating system reports an error.
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.ending()?.is_some())
    }

    /// If the first process has ended, whether it exited and was not killed by a signal. It is not reaped yet: until
    /// then its id, which is also that of its group, is not reused.
    #[cfg(unix)]
    fn ending(&mut self) -> io::Result<Option<bool>> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let pid = i32::try_from(self.first.as_u32()).ok().and_then(Pid::from_raw);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(pid.ok_or(io::ErrorKind::NotFound)?), options)?;
        Ok(status.map(|status| status.exited()))
    }

    /// How it ended is unknown; killing the job of a process that has exited does no harm.
    #[cfg(not(unix))]
    fn ending(&mut self) -> io::Result<Option<bool>> {
        Ok(self.child.inner_mut().try_wait()?.map(|_| false))
    }

    /// Asks the watchdog to kill the tree; without one, kills all processes that can be found now. Does not wait.
    pub(super) fn kill(&mut self) {
        match self.lifeline.take() {
            // One that has ended need not be asked.
            Some(mut lifeline) => drop(lifeline.write_all(KILL)),
            None if self.is_watched => {}
            None => self.kill_found(&mut self.ancestors()),
        }
    }

    /// Kills the tree, and returns the exit status of the first process.
    ///
    /// # Errors
    /// The operating system reports an error.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let mut known = self.ancestors();
        // The watchdog may have been killed as well: finish its work here.
        if !(self.is_watched && self.ended_by_watchdog()?) {
            self.kill_found(&mut known);
            let start = Instant::now();
            // A process may have started another before it was killed.
            let mut living = self.kill_descendants(&mut known);
            while !living.is_empty() && start.elapsed() < PATIENCE {
                thread::sleep(PAUSE);
                living = self.kill_descendants(&mut known);
            }
            if !living.is_empty() {
                tracing::warn!("processes of the check command do not end: {living:?}");
            }
        }
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    /// Makes the watchdog kill the others, and waits for its end; returns whether it exited by itself.
    fn ended_by_watchdog(&mut self) -> io::Result<bool> {
        self.kill();
        let start = Instant::now();
        while !self.has_ended()? && start.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        Ok(self.ending()? == Some(true))
    }

    /// The processes whose descendants belong to the tree.
    fn ancestors(&self) -> FxHashSet<Pid> {
        let own = self.has_orphans.then(|| Pid::from_u32(std::process::id()));
        own.into_iter().chain([self.first]).collect()
    }

    /// Kills the descendants that can be found, the group and the first process.
    fn kill_found(&mut self, known: &mut FxHashSet<Pid>) {
        // Before the group: a process whose parent has ended gets another one.
        self.kill_descendants(known);
        // The group may be empty, or the first process may have left it.
        let _ = self.child.start_kill();
        let _ = self.child.inner_mut().start_kill();
    }

    /// Finds and kills the living descendants, and adds them to `known`: they stay ancestors after they have ended.
    #[cfg(unix)]
    fn kill_descendants(&self, known: &mut FxHashSet<Pid>) -> Vec<Pid> {
        let Ok(mut system) = System::new() else { return Vec::new() };
        let wanted = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always).without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, false, wanted);
        let own = Pid::from_u32(std::process::id());
        let is_own = |pid: Pid| pid == own || pid == self.first;
        let processes = || system.processes().values().filter(|process| !is_own(process.pid()));
        loop {
            let before = known.len();
            let found: Vec<Pid> =
                processes().filter(|process| self.descends(process, known)).map(Process::pid).collect();
            known.extend(found);
            if known.len() == before {
                break;
            }
        }
        let ended =
            |process: &Process| matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
        let living = processes().filter(|process| !ended(process) && self.descends(process, known));
        living.inspect(|process| _ = process.kill()).map(Process::pid).collect()
    }

    /// The job contains all descendants. Searching would be wrong: Windows reuses the id of an ended parent, and a
    /// session contains all of the user's processes.
    #[cfg(not(unix))]
    fn kill_descendants(&self, _: &mut FxHashSet<Pid>) -> Vec<Pid> {
        Vec::new()
    }

    #[cfg(unix)]
    fn descends(&self, process: &Process, known: &FxHashSet<Pid>) -> bool {
        process.parent().is_some_and(|parent| known.contains(&parent))
            || process.session_id().is_some_and(|session| known.contains(&session))
            || process.environ().iter().any(|variable| variable.to_str() == Some(&self.mark))
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!("the check command may still run: {error}");
        }
    }
}
