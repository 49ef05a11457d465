//! A process with all that it starts, so that all of it can be killed.
//!
//! On Windows a job object holds them all. Elsewhere a process group holds most of them, and a process that has left it is
//! known by descent: its parent is one of them, or its session is, or its environment has the mark that the first was
//! given. Only one that loses its parent, starts its own session and clears its environment is not found; on Linux a
//! watchdog finds that as well, because it becomes the parent of those that lose theirs.

use std::io::{self, Write};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap};
use rustc_hash::FxHashSet;
use sysinfo::Pid;
#[cfg(unix)]
use sysinfo::{Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

/// How the variable that marks a tree begins. Each has a name of its own, so that a check within a check has both.
const MARK: &str = "PHI_LS_CHECK_";
/// What a process writes that asks a watchdog to kill the tree and lives on.
const KILL: &[u8] = b"k";
/// A killed process is gone soon, unless its device hangs.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Whether a variable marks a tree that this process itself is in.
pub(super) fn is_mark(name: &str) -> bool {
    name.starts_with(MARK)
}

/// A running process and its descendants; they are killed when it is dropped.
#[derive(Debug)]
pub(super) struct ProcessTree {
    child: Box<dyn ChildWrapper>,
    first: Pid,
    /// `NAME=value`, as environments hold it.
    #[cfg(unix)]
    mark: String,
    /// Whether the first is a watchdog, which kills the rest.
    is_watched: bool,
    /// What the watchdog reads, until it is asked to kill the tree.
    lifeline: Option<io::PipeWriter>,
    /// Whether this process, which starts no others, becomes the parent of those that lose theirs.
    has_orphans: bool,
    status: Option<ExitStatus>,
}

impl ProcessTree {
    /// Starts it. A watchdog has a lifeline.
    ///
    /// # Errors
    /// The operating system cannot.
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

    /// Starts it in a process that starts no others, and that becomes the parent of those that lose theirs where the
    /// system offers it.
    ///
    /// # Errors
    /// The operating system cannot.
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
    /// The operating system cannot say.
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.ending()?.is_some())
    }

    /// If the first process has ended, whether it did so by itself and not by a signal. It is not reaped yet: until then
    /// its number, which is also that of its group, is not given to another.
    #[cfg(unix)]
    fn ending(&mut self) -> io::Result<Option<bool>> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let pid = i32::try_from(self.first.as_u32()).ok().and_then(Pid::from_raw);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(pid.ok_or(io::ErrorKind::NotFound)?), options)?;
        Ok(status.map(|status| status.exited()))
    }

    /// How it ended cannot be told; to kill the job of one that has ended by itself does no harm.
    #[cfg(not(unix))]
    fn ending(&mut self) -> io::Result<Option<bool>> {
        Ok(self.child.inner_mut().try_wait()?.map(|_| false))
    }

    /// Asks the watchdog to kill all of it; where there is none, kills all that can be found now. Does not wait.
    pub(super) fn kill(&mut self) {
        match self.lifeline.take() {
            // One that has ended need not be asked.
            Some(mut lifeline) => drop(lifeline.write_all(KILL)),
            None if self.is_watched => {}
            None => self.kill_found(&mut self.ancestors()),
        }
    }

    /// Kills all of it, and says how the first process has ended.
    ///
    /// # Errors
    /// The operating system cannot say.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let mut known = self.ancestors();
        // A watchdog may be killed as well: what it has not done is done here.
        if !(self.is_watched && self.ended_by_watchdog()?) {
            self.kill_found(&mut known);
            let start = Instant::now();
            // A process that was about to be killed may have started another.
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

    /// Has the watchdog kill the rest, and waits until it ends; whether it ended by itself.
    fn ended_by_watchdog(&mut self) -> io::Result<bool> {
        self.kill();
        let start = Instant::now();
        while !self.has_ended()? && start.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        Ok(self.ending()? == Some(true))
    }

    /// Whose descendants belong to the tree.
    fn ancestors(&self) -> FxHashSet<Pid> {
        let own = self.has_orphans.then(|| Pid::from_u32(std::process::id()));
        own.into_iter().chain([self.first]).collect()
    }

    /// Kills the descendants that can be found, the group and the first process.
    fn kill_found(&mut self, known: &mut FxHashSet<Pid>) {
        // Before the group: a process whose parent has ended has another one.
        self.kill_descendants(known);
        // The group may be empty, or the first may have left it.
        let _ = self.child.start_kill();
        let _ = self.child.inner_mut().start_kill();
    }

    /// Finds and kills the living descendants. `known` grows by them: they stay ancestors when they have ended.
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

    /// The job holds all descendants. To look for them would be wrong: the number of a parent that has ended is given to
    /// others there, and a session is all that its user runs.
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
