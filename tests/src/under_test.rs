//! The program `phi-ls` once more, so that tests of this crate can name its path: Cargo tells a test the paths of
//! its own package's programs only.

fn main() -> std::process::ExitCode {
    phi_ls::cli::main()
}
