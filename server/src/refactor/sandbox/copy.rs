//! Which files of a workspace are copied, and how.
//!
//! | what | copied |
//! | --- | --- |
//! | files that ignore files or the rules for secrets exclude, by name or text | no, except what the user's `refactor.copy` names |
//! | `.git` and similar, caches with a `CACHEDIR.TAG`, Python's virtual environments | no |
//! | everything else, including hidden, generated and large files: builds need them | yes |
//! | `node_modules` next to `package.json`, `vendor` next to `composer.json`, even if ignored | yes, without secrets |
//! | links that lead to a copied file or folder of the same workspace folder | as links within the copy |
//! | all other links | no |
//!
//! Folders of dependencies are copied, not linked: a command that writes to a link writes to the user's folder. If the
//! file system can share their blocks, a copy costs nothing. A virtual environment contains its own absolute path in
//! many files; its programs can be named by that path, or found through `PATH`, and run from the original folder.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::Mutex;
use rayon::prelude::*;

use crate::files;
use crate::refactor::apply::VERSION_CONTROL;
use crate::repository::rules::{Excluded, FILE_BYTES, Rules};
use crate::secrets::has_key;

/// Folders of packages that a build needs and users do not edit, and the files next to which they are recognized.
const DEPENDENCIES: [(&str, &str); 2] = [("node_modules", "package.json"), ("vendor", "composer.json")];
/// Files that mark a folder as one that is generated again if it is missing.
const REBUILT: [&str; 2] = ["CACHEDIR.TAG", "pyvenv.cfg"];

/// The limits of a copy.
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

/// Maximum number of reported paths that are not copied.
const NAMED: usize = 20;

/// A folder to be copied.
struct Folder {
    path: PathBuf,
    to: PathBuf,
    kind: Kind,
}

/// A file to be copied.
struct Job {
    from: PathBuf,
    to: PathBuf,
    kind: Kind,
}

/// Why something is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is part of the workspace.
    Own,
    /// It contains packages: ignore files do not apply.
    Dependency,
    /// The user has named it: no rule applies.
    Named,
    /// Only files in it that the user has named are copied.
    Around,
}

/// Additional paths that the user wants copied.
struct Besides(Vec<(PathBuf, Gitignore)>);

impl Besides {
    fn new(roots: &[PathBuf], patterns: &[String]) -> io::Result<Besides> {
        let of_root = |root: &PathBuf| {
            let mut builder = GitignoreBuilder::new(root);
            for pattern in patterns {
                builder.add_line(None, pattern).map_err(|problem| bad(pattern, &problem))?;
            }
            let built = builder.build().map_err(|problem| bad(&patterns.join(" "), &problem))?;
            Ok((root.clone(), built))
        };
        let of_roots = if patterns.is_empty() { Ok(Vec::new()) } else { roots.iter().map(of_root).collect() };
        of_roots.map(Besides)
    }

    fn name(&self, path: &Path, is_folder: bool) -> bool {
        let mut own = self.0.iter().filter(|(root, _)| path.starts_with(root));
        own.any(|(_, patterns)| patterns.matched_path_or_any_parents(path, is_folder).is_ignore())
    }
}

fn bad(pattern: &str, problem: &ignore::Error) -> io::Error {
    io::Error::other(format!("the setting `refactor.copy`: `{pattern}` is no pattern: {problem}"))
}

/// Copies all workspace folders to the paths of `copy_of`. Returns the first paths that are not copied.
pub(super) fn workspace(
    rules: &Rules,
    copy_of: impl Fn(&Path) -> Option<PathBuf>,
    besides: &[String],
    bounds: Bounds,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> io::Result<Vec<PathBuf>> {
    let besides = Besides::new(rules.roots(), besides)?;
    let mut left_out = Vec::new();
    let mut entries = 0;
    let mut folders: Vec<Folder> = Vec::new();
    let (mut jobs, mut links) = (Vec::new(), Vec::new());
    for root in rules.roots() {
        if let Some(to) = copy_of(root) {
            folders.push(Folder { path: root.clone(), to, kind: Kind::Own });
        }
    }
    while let Some(folder) = folders.pop() {
        if folder.kind != Kind::Around {
            fs::create_dir_all(&folder.to)?;
        }
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
                if folder.kind != Kind::Around {
                    links.push((entry.path(), to));
                }
            } else if kind.is_dir() {
                // A workspace folder in another one is copied separately.
                if !rules.roots().contains(&entry.path()) {
                    let below = below(rules, &folder, &entry, to, &besides);
                    let is_left_out = below.as_ref().is_none_or(|below| below.kind == Kind::Around);
                    if is_left_out && folder.kind != Kind::Around && !is_version_control(&entry.file_name()) {
                        left_out.push(entry.path());
                    }
                    folders.extend(below);
                }
            } else if kind.is_file() {
                let path = entry.path();
                if besides.name(&path, false) && !is_version_control(&entry.file_name()) {
                    fs::create_dir_all(&folder.to)?;
                    jobs.push(Job { from: path, to, kind: Kind::Named });
                } else if folder.kind != Kind::Around && is_copied(rules, &path, folder.kind) {
                    jobs.push(Job { from: path, to, kind: folder.kind });
                } else if folder.kind == Kind::Own {
                    left_out.push(path);
                }
            }
        }
    }
    let bytes = AtomicU64::new(0);
    let secret: Mutex<Vec<PathBuf>> = Mutex::default();
    jobs.par_iter().try_for_each(|job| {
        if cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file(job, &bytes, bounds.bytes) {
            Ok(true) => Ok(()),
            Ok(false) => {
                secret.lock().push(job.from.clone());
                Ok(())
            }
            Err(error) if is_none_of_ours(&error) => Ok(()),
            Err(error) => Err(at(&job.from, error)),
        }
    })?;
    for (from, to) in links {
        link(rules, &from, &to)?;
    }
    left_out.extend(secret.into_inner());
    left_out.sort();
    left_out.truncate(NAMED);
    Ok(left_out)
}

/// The folder of `entry`, if it or something in it may be copied.
fn below(rules: &Rules, folder: &Folder, entry: &DirEntry, to: PathBuf, besides: &Besides) -> Option<Folder> {
    let (path, name) = (entry.path(), entry.file_name());
    if is_version_control(&name) {
        return None;
    }
    let is_packages =
        DEPENDENCIES.iter().any(|(packages, beside)| name == *packages && folder.path.join(beside).is_file());
    if folder.kind == Kind::Named || besides.name(&path, true) {
        return Some(Folder { path, to, kind: Kind::Named });
    }
    let is_copied = || match rules.check_folder(&path) {
        Ok(()) => true,
        Err(Excluded::Vendored(tag)) => !REBUILT.contains(&tag),
        Err(reason) => !reason.holds_for_open_files(),
    };
    let kind = match folder.kind {
        Kind::Dependency => Kind::Dependency,
        Kind::Own if is_packages => Kind::Dependency,
        Kind::Own if is_copied() => Kind::Own,
        // The user may have named something in it, but folders of packages or build output are not searched for that.
        _ if besides.0.is_empty() => return None,
        _ => Kind::Around,
    };
    Some(Folder { path, to, kind })
}

/// Whether a file is copied, judged by its name.
fn is_copied(rules: &Rules, path: &Path, kind: Kind) -> bool {
    if path.file_name().is_some_and(is_version_control) {
        return false;
    }
    match kind {
        Kind::Own => rules.check(path).is_ok(),
        Kind::Dependency => rules.check_secret(path).is_ok(),
        Kind::Named => true,
        Kind::Around => false,
    }
}

/// Files that were removed meanwhile, or that the user may not read, cannot be part of a build.
fn is_none_of_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
}

fn is_version_control(name: &OsStr) -> bool {
    VERSION_CONTROL.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Copies a file unless it holds a secret; returns whether it did.
fn file(job: &Job, bytes: &AtomicU64, most: u64) -> io::Result<bool> {
    let metadata = fs::metadata(&job.from)?;
    if bytes.fetch_add(metadata.len(), Ordering::Relaxed) + metadata.len() > most {
        return Err(too_much(format!("{} MB", most >> 20)));
    }
    if job.kind != Kind::Own || metadata.len() > FILE_BYTES {
        // Its content is never shown to a model. The system may share its blocks.
        fs::copy(&job.from, &job.to)?;
    } else {
        let content = files::bytes_up_to(&job.from, FILE_BYTES)?;
        // A test may need its password to run; the command's output is filtered line by line.
        if std::str::from_utf8(&content).is_ok_and(has_key) {
            return Ok(false);
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
    Ok(true)
}

/// Creates the same link in the copy, if its target is copied.
fn link(rules: &Rules, from: &Path, to: &Path) -> io::Result<()> {
    let Ok(target) = fs::read_link(from) else { return Ok(()) };
    if !stays_inside(rules, from, &target) {
        return Ok(());
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, to)?;
    // On Windows only administrators can create links.
    #[cfg(not(unix))]
    let _ = to;
    Ok(())
}

/// Whether the target of the link at `from` is in its workspace folder and not excluded, and would be from any other
/// path to which the folder is copied.
fn stays_inside(rules: &Rules, from: &Path, target: &Path) -> bool {
    let Some(root) =
        rules.roots().iter().filter(|root| from.starts_with(root)).max_by_key(|root| root.as_os_str().len())
    else {
        return false;
    };
    let depth = from.strip_prefix(root).map_or(0, |below| below.components().count() - 1);
    // `..` is allowed only at the beginning: a folder named in the target may be a link, and `..` would leave its
    // target.
    let parts: Vec<Component> = target.components().collect();
    let up = parts.iter().take_while(|part| matches!(part, Component::ParentDir)).count();
    let is_below = parts[up..].iter().all(|part| matches!(part, Component::Normal(_)));
    if !is_below || up > depth || parts.is_empty() {
        return false;
    }
    let (Ok(real), Ok(real_root)) = (from.canonicalize(), root.canonicalize()) else { return false };
    let Ok(below) = real.strip_prefix(real_root) else { return false };
    let is_dependency = below.iter().any(|part| DEPENDENCIES.iter().any(|(name, _)| part == *name));
    let kind = if is_dependency { Kind::Dependency } else { Kind::Own };
    below.iter().all(|part| !is_version_control(part)) && is_copied(rules, &root.join(below), kind)
}

/// Gives the owner all rights to the folders in `folder`.
#[cfg(unix)]
pub(super) fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A failure here is reported when the folder cannot be removed.
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
