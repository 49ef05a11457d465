//! The program `phi-ls`: arguments to one subcommand each.

fn main() -> std::process::ExitCode {
    phi_ls::cli::main()
}
