//! The setting `model.adapters`, from the settings file to the engine.

use std::path::Path;

use phi_ls::models::{ModelState, Models};
use phi_ls::settings::{self, Layer};
use phi_ls::user_dirs::UserDirs;

/// A user's folder with the golden model `gqa` and this setting `model.adapters`; loads the model.
fn load(adapters: &str) -> (ModelState, String) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let home = tempfile::tempdir().expect("a folder");
    for name in ["gqa/model.gguf", "gqa/lora.gguf", "llama/lora.gguf"] {
        let copy = home.path().join(name);
        std::fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
        std::fs::copy(golden.join(name), copy).expect("copied");
    }
    let file = home.path().join("phi-ls.toml");
    std::fs::write(&file, format!("[model]\npath = \"~/gqa/model.gguf\"\nadapters = {adapters}\n"))
        .expect("written");
    let (settings, problems) = settings::load(&[Layer::UserFile(file)]);
    assert!(problems.is_empty(), "{problems:?}");
    let models = Models::default();
    models.load(&UserDirs::below(home.path()), &settings, |_| {});
    let state = models.state().borrow().clone();
    (state, models.engine().map_or_else(String::new, |engine| engine.model().title()))
}

#[test]
fn the_engine_runs_with_the_adapters_of_the_settings() {
    let two = r#"[{ path = "~/gqa/lora.gguf" }, { path = "~/gqa/lora.gguf", scale = -0.5 }]"#;
    assert_eq!(load(two), (ModelState::Ready, "model.gguf F16 with lora, lora".to_owned()));
    assert_eq!(load("[]"), (ModelState::Ready, "model.gguf F16".to_owned()));
}

/// A model whose adapter does not fit is not used: without the adapter, its answers would be other ones than the user asked for.
#[test]
fn a_wrong_adapter_is_the_reason_that_no_model_answers() {
    for (adapter, reason) in [
        ("llama/lora.gguf", "`general.architecture` is `llama`, not `phi3`"),
        ("gqa/none.gguf", "No such file"),
        ("gqa/model.gguf", "`general.type` is missing"),
    ] {
        let (state, title) = load(&format!("[{{ path = \"~/{adapter}\" }}]"));
        let names_it =
            |why: &str| why.contains(reason) && why.contains(adapter) && why.contains("`model.adapters`");
        assert!(matches!(&state, ModelState::Failed(why) if names_it(why)), "{state:?}");
        assert_eq!(title, "");
    }
}
