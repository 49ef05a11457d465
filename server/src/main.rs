//! Arguments to one subcommand each.
fn main() {}
