//! Which models are on this machine, and which one is used.
