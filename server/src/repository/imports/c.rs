//! C and C++: a header next to the file, else below an include folder of one of its parent folders, else the nearest
//! whose path ends so; and the source file that a header declares.

use std::path::Path;

use super::site::{Site, join, segments};
use crate::facts::Import;
use crate::repository::index::FileId;

/// Usual include paths, relative to the parent folders of a file.
const ROOTS: [&str; 4] = ["", "include", "src", "inc"];
const SOURCES: [&str; 6] = ["c", "cc", "cpp", "cxx", "cu", "m"];
/// Headers of the C and POSIX libraries that a project may have a namesake of.
const STANDARD: &[&str] = &[
    "assert.h",
    "complex.h",
    "ctype.h",
    "errno.h",
    "fcntl.h",
    "fenv.h",
    "float.h",
    "inttypes.h",
    "limits.h",
    "locale.h",
    "math.h",
    "pthread.h",
    "semaphore.h",
    "setjmp.h",
    "signal.h",
    "stdalign.h",
    "stdarg.h",
    "stdatomic.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdio.h",
    "stdlib.h",
    "stdnoreturn.h",
    "string.h",
    "strings.h",
    "tgmath.h",
    "threads.h",
    "time.h",
    "uchar.h",
    "unistd.h",
    "wchar.h",
    "wctype.h",
];

/// The header first, then its source file.
pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let path = import.path.trim();
    // C++20's `using` declarations name no file.
    let Some(header) = header(site, path) else { return Vec::new() };
    let source = source(site, header);
    [header].into_iter().chain(source).collect()
}

fn header(site: &Site, path: &str) -> Option<FileId> {
    let beside = join(site.folder, path).and_then(|place| site.file(&place));
    if beside.is_some() || STANDARD.contains(&path) || path.starts_with("sys/") {
        return beside;
    }
    let around = site.folders().flat_map(|folder| ROOTS.iter().map(move |root| folder.join(root)));
    let around = around.into_iter().find_map(|root| site.file(&join(&root, path)?));
    // `../` and `./` are only the starting folder.
    let tail = path.trim_start_matches(['.', '/']);
    around.or_else(|| site.ending_in(&segments(tail, "/")?).into_iter().find(|file| *file != site.from))
}

/// Next to the header, else the nearest of its name in the same project.
fn source(site: &Site, header: FileId) -> Option<FileId> {
    let path = site.index.path(header);
    let (folder, stem) = (path.parent()?, path.file_stem()?.to_str()?);
    let is_header = path.extension().is_some_and(|end| end.to_string_lossy().starts_with('h'));
    if !is_header {
        return None;
    }
    let names: Vec<_> = SOURCES.iter().map(|end| format!("{stem}.{end}")).collect();
    let beside = names.iter().find_map(|name| site.file(&folder.join(name)));
    beside.or_else(|| {
        // `include/shop/till.h` and `src/till.c` are in one project.
        let project = folder.ancestors().find(|above| above.ends_with("include")).and_then(Path::parent);
        let project = project.or(folder.parent())?;
        let mut found: Vec<_> = names.iter().flat_map(|name| site.ending_in(&[name])).collect();
        found.retain(|file| site.index.path(*file).starts_with(project));
        let header = Site { index: site.index, from: header, path, folder };
        header.sort_by_distance(&mut found);
        found.first().copied()
    })
}
