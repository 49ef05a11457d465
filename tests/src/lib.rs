//! What is tested from outside: an LSP client, fixtures, flows, protocol, real editors, benchmarks.
