//! What of a workspace is copied, and how.
//!
//! | what | copied |
//! | --- | --- |
//! | files that ignore files or the rules for secrets exclude, by name or text | no |
//! | `.git` and its like, caches with a `CACHEDIR.TAG`, Python's virtual environments | no |
//! | all else, hidden, generated and large files too: builds need them | yes |
//! | `node_modules` beside `package.json`, `vendor` beside `composer.json`, though ignored | yes, without secrets |
//! | links that lead to a copied file or folder of the same workspace folder | as links within the copy |
//! | all other links | no |
//!
//! Folders of dependencies are copied, not linked: a command that writes to a link writes to the user's folder. Where the
//! file system can, their blocks are shared, and a copy costs nothing. A virtual environment is full of its own absolute
//! path; its programs can be named by that path, or found through `PATH`, and are run where they lie.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::files;
use crate::refactor::apply::VERSION_CONTROL;
use crate::repository::rules::{Excluded, Rules, has_key};
use crate::repository::walk::FILE_BYTES;

/// Folders of packages that a build needs and nobody writes code in, and what lies beside them.
const DEPENDENCIES: [(&str, &str); 2] = [("node_modules", "package.json"), ("vendor", "composer.json")];
/// By these a folder says that it is made anew when it is gone.
const REBUILT: [&str; 2] = ["CACHEDIR.TAG", "pyvenv.cfg"];

/// How much is copied at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Files, folders and links.
    pub entries: usize,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Default for Bounds {
    /// A large project with its packages.
    fn default() -> Bounds {
        Bounds { entries: 300_000, bytes: 4 << 30 }
    }
}

/// A folder that is copied.
struct Folder {
    path: PathBuf,
    to: PathBuf,
    /// It holds packages: ignore files are not asked.
    is_dependency: bool,
}

/// A file to be copied.
struct Job {
    from: PathBuf,
    to: PathBuf,
    is_dependency: bool,
}

/// Copies all workspace folders to where `copy_of` says.
pub(super) fn workspace(
    rules: &Rules,
    copy_of: impl Fn(&Path) -> Option<PathBuf>,
    bounds: Bounds,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> io::Result<()> {
    let mut entries = 0;
    let mut folders: Vec<Folder> = Vec::new();
    let (mut jobs, mut links) = (Vec::new(), Vec::new());
    for root in rules.roots() {
        if let Some(to) = copy_of(root) {
            folders.push(Folder { path: root.clone(), to, is_dependency: false });
        }
    }
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(&folder.to)?;
        let listed = match fs::read_dir(&folder.path) {
            Ok(listed) => listed,
            Err(error) if is_none_of_ours(&error) => continue,
            Err(error) => return Err(at(&folder.path, error)),
        };
        for entry in listed {
            let entry = entry.map_err(|error| at(&folder.path, error))?;
            entries += 1;
            if entries > bounds.entries {
                return Err(too_much(format!("{} files and folders", bounds.entries)));
            }
            if cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let kind = entry.file_type().map_err(|error| at(&entry.path(), error))?;
            let to = folder.to.join(entry.file_name());
            if kind.is_symlink() {
                links.push((entry.path(), to));
            } else if kind.is_dir() {
                // A workspace folder in another one is copied by itself.
                if !rules.roots().contains(&entry.path()) {
                    folders.extend(below(rules, &folder, &entry, to));
                }
            } else if kind.is_file() && is_copied(rules, &entry.path(), folder.is_dependency) {
                jobs.push(Job { from: entry.path(), to, is_dependency: folder.is_dependency });
            }
        }
    }
    let bytes = AtomicU64::new(0);
    jobs.par_iter().try_for_each(|job| {
        if cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file(job, &bytes, bounds.bytes) {
            Err(error) if is_none_of_ours(&error) => Ok(()),
            copied => copied.map_err(|error| at(&job.from, error)),
        }
    })?;
    for (from, to) in links {
        link(rules, &from, &to)?;
    }
    Ok(())
}

/// The folder that `entry` is, if it is copied.
fn below(rules: &Rules, folder: &Folder, entry: &DirEntry, to: PathBuf) -> Option<Folder> {
    let (path, name) = (entry.path(), entry.file_name());
    if is_version_control(&name) {
        return None;
    }
    let is_packages =
        DEPENDENCIES.iter().any(|(packages, beside)| name == *packages && folder.path.join(beside).is_file());
    let is_dependency = folder.is_dependency || is_packages;
    let is_copied = is_dependency
        || match rules.check_folder(&path) {
            Ok(()) => true,
            Err(Excluded::Vendored(tag)) => !REBUILT.contains(&tag),
            Err(reason) => !reason.holds_for_open_files(),
        };
    is_copied.then_some(Folder { path, to, is_dependency })
}

/// Whether a file is copied, as far as its name says.
fn is_copied(rules: &Rules, path: &Path, is_dependency: bool) -> bool {
    if path.file_name().is_some_and(is_version_control) {
        return false;
    }
    if is_dependency { rules.check_secret(path).is_ok() } else { rules.check(path).is_ok() }
}

/// What is gone meanwhile, or what its user may not read, can be no part of a build.
fn is_none_of_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
}

fn is_version_control(name: &OsStr) -> bool {
    VERSION_CONTROL.iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn file(job: &Job, bytes: &AtomicU64, most: u64) -> io::Result<()> {
    let metadata = fs::metadata(&job.from)?;
    if bytes.fetch_add(metadata.len(), Ordering::Relaxed) + metadata.len() > most {
        return Err(too_much(format!("{} MB", most >> 20)));
    }
    if job.is_dependency || metadata.len() > FILE_BYTES {
        // No model is ever shown what is in it. The system may share its blocks.
        fs::copy(&job.from, &job.to)?;
    } else {
        let content = files::bytes_up_to(&job.from, FILE_BYTES)?;
        // A password in a test is needed to run it; what the command says is looked through line by line.
        if std::str::from_utf8(&content).is_ok_and(has_key) {
            return Ok(());
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(&job.to)?;
        file.write_all(&content)?;
        file.set_permissions(metadata.permissions())?;
    }
    // Not all file systems have times.
    if let Ok(modified) = metadata.modified()
        && let Ok(file) = OpenOptions::new().read(true).write(cfg!(windows)).open(&job.to)
    {
        file.set_times(FileTimes::new().set_modified(modified))?;
    }
    Ok(())
}

/// Makes the same link in the copy, if it leads to something that is copied.
fn link(rules: &Rules, from: &Path, to: &Path) -> io::Result<()> {
    let Ok(target) = fs::read_link(from) else { return Ok(()) };
    if !stays_inside(rules, from, &target) {
        return Ok(());
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, to)?;
    // Elsewhere links are made by administrators.
    #[cfg(not(unix))]
    let _ = to;
    Ok(())
}

/// Whether the link at `from` leads to something of its workspace folder that is not excluded, and would from any other
/// place that the folder is copied to.
fn stays_inside(rules: &Rules, from: &Path, target: &Path) -> bool {
    let Some(root) =
        rules.roots().iter().filter(|root| from.starts_with(root)).max_by_key(|root| root.as_os_str().len())
    else {
        return false;
    };
    let depth = from.strip_prefix(root).map_or(0, |below| below.components().count() - 1);
    // `..` leads out of a folder on the way only where that folder is none of the target's own, which may be a link.
    let parts: Vec<Component> = target.components().collect();
    let up = parts.iter().take_while(|part| matches!(part, Component::ParentDir)).count();
    let is_below = parts[up..].iter().all(|part| matches!(part, Component::Normal(_)));
    if !is_below || up > depth || parts.is_empty() {
        return false;
    }
    let (Ok(real), Ok(real_root)) = (from.canonicalize(), root.canonicalize()) else { return false };
    let Ok(below) = real.strip_prefix(real_root) else { return false };
    let is_dependency = below.iter().any(|part| DEPENDENCIES.iter().any(|(name, _)| part == *name));
    below.iter().all(|part| !is_version_control(part)) && is_copied(rules, &root.join(below), is_dependency)
}

/// Gives their owner all rights to the folders below `folder`.
#[cfg(unix)]
pub(super) fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What fails here is said when it cannot be removed.
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(below.map(|entry| entry.path()));
    }
}

fn at(path: &Path, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        kind => io::Error::new(kind, format!("{}: {error}", path.display())),
    }
}

fn too_much(bound: String) -> io::Error {
    let what = format!(
        "the workspace has more than {bound} that are not ignored, too much to copy for a check: \
         name what a build makes in `.gitignore`, open a folder further down, or refactor without a check"
    );
    io::Error::other(what)
}
