//! The program `phi-ls`.

fn main() -> std::process::ExitCode {
    phi_ls::cli::main()
}
