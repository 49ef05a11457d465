//! The program `phi-ls` as a program of this package: Cargo gives a test the paths of its own package's programs only.

fn main() -> std::process::ExitCode {
    phi_ls::cli::main()
}
