//! A process with all that it starts, so that all of it ends.
//!
//! On Windows a job holds them all. Elsewhere a process group holds most of them, and a process that has left it is known
//! by descent: its parent is one of them, or its session is, or its environment holds the mark that was given to the
//! first. Only one that loses its parent, begins its own session and clears its environment is not found; under Linux a
//! guard finds that as well, because who has lost its parent is given to it.

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
/// What a guard is told when it is to end the tree, and whoever tells it lives on.
const END: &[u8] = b"e";
/// A process that is killed is gone soon, unless its device hangs.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Whether a variable marks a tree that this process itself is in.
pub(super) fn is_mark(name: &str) -> bool {
    name.starts_with(MARK)
}

/// A running process and its descendants; they end when it is dropped.
#[derive(Debug)]
pub(super) struct ProcessTree {
    child: Box<dyn ChildWrapper>,
    first: Pid,
    /// `NAME=value`, as environments hold it.
    #[cfg(unix)]
    mark: String,
    /// Whether the first is a guard, which ends the rest.
    is_guarded: bool,
    /// What the guard listens to, until it is told to end the tree.
    lifeline: Option<io::PipeWriter>,
    /// Whether who loses its parent becomes a child of this process, which has no others.
    has_orphans: bool,
    status: Option<ExitStatus>,
}

impl ProcessTree {
    /// Starts it. A guard has a lifeline.
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
        let first = Pid::from_u32(child.id());
        let is_guarded = lifeline.is_some();
        Ok(ProcessTree {
            child,
            first,
            #[cfg(unix)]
            mark: format!("{name}=1"),
            is_guarded,
            lifeline,
            has_orphans: false,
            status: None,
        })
    }

    /// Starts it in a process that starts nothing else, and is given who loses its parent where that can be had.
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

    /// Whether the first process has ended. It is not taken note of yet: until then its number, which is also that of
    /// its group, is given to nobody else.
    ///
    /// # Errors
    /// The operating system cannot say.
    #[cfg(unix)]
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.end_of_first()?.is_some())
    }

    /// Whether the first process has ended by itself, not by a signal.
    #[cfg(unix)]
    fn has_exited(&mut self) -> io::Result<bool> {
        Ok(self.end_of_first()?.is_some_and(|status| status.exited()))
    }

    #[cfg(unix)]
    fn end_of_first(&self) -> io::Result<Option<rustix::process::WaitIdStatus>> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let pid = i32::try_from(self.first.as_u32()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::NotFound)?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(pid), options)?)
    }

    /// Whether the first process has ended.
    #[cfg(not(unix))]
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.inner_mut().try_wait()?.is_some())
    }

    /// Nobody can tell; to end the job of one that has does no harm.
    #[cfg(not(unix))]
    fn has_exited(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    /// Has the guard end all of it; where there is none, kills all that can be found now. Waits for the end of none.
    pub(super) fn kill(&mut self) {
        match self.lifeline.take() {
            // One that has ended needs not be told.
            Some(mut lifeline) => drop(lifeline.write_all(END)),
            None if self.is_guarded => {}
            None => self.kill_known(&mut self.ancestors()),
        }
    }

    /// Ends all of it, and says how the first process has ended.
    ///
    /// # Errors
    /// The operating system cannot say.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        if self.is_guarded {
            self.kill();
            let start = Instant::now();
            while !self.has_ended()? && start.elapsed() < PATIENCE {
                thread::sleep(PAUSE);
            }
            if self.has_exited()? {
                let status = self.child.wait()?;
                self.status = Some(status);
                return Ok(status);
            }
        }
        let mut known = self.ancestors();
        self.kill_known(&mut known);
        let start = Instant::now();
        // One that was about to be killed may have started another.
        let mut living = self.kill_descendants(&mut known);
        while !living.is_empty() && start.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
            living = self.kill_descendants(&mut known);
        }
        if !living.is_empty() {
            tracing::warn!("processes of the check command do not end: {living:?}");
        }
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    /// Whose descendants belong to the tree.
    fn ancestors(&self) -> FxHashSet<Pid> {
        let own = self.has_orphans.then(|| Pid::from_u32(std::process::id()));
        own.into_iter().chain([self.first]).collect()
    }

    fn kill_known(&mut self, known: &mut FxHashSet<Pid>) {
        // Before the group ends: a process whose parent has ended has another one.
        self.kill_descendants(known);
        // There may be nobody left in the group, or the first may have left it.
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
        let mut living = Vec::new();
        loop {
            let more: Vec<&Process> = system
                .processes()
                .values()
                .filter(|process| process.pid() != own && !known.contains(&process.pid()))
                .filter(|process| self.descends(process, known))
                .collect();
            if more.is_empty() {
                break;
            }
            known.extend(more.iter().map(|process| process.pid()));
        }
        for pid in known.iter().filter(|pid| ![own, self.first].contains(pid)) {
            if let Some(process) = system.process(*pid)
                && !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)
                && self.descends(process, known)
            {
                process.kill();
                living.push(*pid);
            }
        }
        living
    }

    /// The job holds all descendants. Looking for them would be wrong: the number of a parent that has ended is given to
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
