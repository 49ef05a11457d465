//! The files of the workspace: which may be read at all, and reading them.
