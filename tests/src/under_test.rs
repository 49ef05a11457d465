//! The program `phi-ls` once more, so that tests of this crate can name its path: Cargo tells a test the paths of
//! its own package's programs only.

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    let end = runtime.block_on(phi_ls::lsp::serve(
        tokio::io::stdin(),
        tokio::io::stdout(),
        phi_ls::lsp::Setup::default(),
        |settings, _| phi_ls::assistant::Assistant::new(phi_engine::Engine::lookup(), settings),
    ));
    std::process::exit(end.exit_code());
}
