//! Finding models in folders laid out as other programs do.

use std::fs;

use expect_test::{Expect, expect};

use super::*;

struct Machine {
    folder: tempfile::TempDir,
    dirs: UserDirs,
}

impl Machine {
    fn with(files: &[(&str, &str)]) -> Machine {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let dirs = UserDirs::below(folder.path());
        Machine { folder, dirs }
    }

    /// Source, name and path of all candidates.
    fn check(&self, expected: Expect) {
        let line = |Candidate { source, name, path }: Candidate| {
            let below = path.strip_prefix(self.folder.path()).expect("below the folder");
            format!("{source}: {name}: {}\n", below.display())
        };
        expected.assert_eq(&candidates(&self.dirs).map(line).collect::<String>());
    }

    fn settings(&self, model: &str) -> Settings {
        let mut settings = Settings::default();
        settings.model.path = model.to_owned();
        settings
    }
}

const HASH: &str = "b5374915da53ed4a7f1d4ed1d1d9cf4d1e2a3d1f2b8b4e1ae5d2c1f0e9d8c7b6";

fn manifest(digest: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"layers":[
            {{"mediaType":"application/vnd.ollama.image.template","digest":"sha256:00","size":1}},
            {{"mediaType":"application/vnd.ollama.image.model","digest":"{digest}","size":1}}]}}"#
    )
}

#[test]
fn ollama_names_blobs_in_manifests() {
    let good = manifest(&format!("sha256:{HASH}"));
    let library = "ollama/manifests/registry.ollama.ai/library";
    Machine::with(&[
        (&format!("{library}/phi3.5/latest"), &good),
        (&format!("{library}/phi3.5/bad"), "{"),
        (&format!("{library}/phi3.5/elsewhere"), &manifest("sha256:../../../../etc/passwd")),
        ("ollama/manifests/hf.co/bartowski/Phi-3.5-mini-instruct-GGUF/Q4_K_M", &good),
        ("ollama/manifests/registry.ollama.ai/too-short", &good),
    ])
    .check(expect![[r#"
        Ollama: hf.co/bartowski/Phi-3.5-mini-instruct-GGUF:Q4_K_M: ollama/blobs/sha256-b5374915da53ed4a7f1d4ed1d1d9cf4d1e2a3d1f2b8b4e1ae5d2c1f0e9d8c7b6
        Ollama: phi3.5:latest: ollama/blobs/sha256-b5374915da53ed4a7f1d4ed1d1d9cf4d1e2a3d1f2b8b4e1ae5d2c1f0e9d8c7b6
    "#]]);
}

#[test]
fn the_hugging_face_cache_has_files_and_folders() {
    let gguf = "hub/models--bartowski--Phi-3.5-mini-instruct-GGUF";
    let whole = "hub/models--microsoft--Phi-3.5-mini-instruct";
    Machine::with(&[
        (&format!("{gguf}/refs/main"), "new\n"),
        (&format!("{gguf}/snapshots/old/Phi-3.5-mini-instruct-Q8_0.gguf"), ""),
        (&format!("{gguf}/snapshots/new/Phi-3.5-mini-instruct-Q4_K_M.gguf"), ""),
        (&format!("{gguf}/snapshots/new/README.md"), ""),
        (&format!("{whole}/refs/main"), "../../.."),
        (&format!("{whole}/snapshots/one/config.json"), "{}"),
        (&format!("{whole}/snapshots/one/model-00001-of-00002.safetensors"), ""),
        (&format!("{whole}/snapshots/one/sub/unrelated.gguf"), ""),
        ("hub/datasets--a--b/snapshots/one/x.gguf", ""),
    ])
    .check(expect![[r#"
        Hugging Face: bartowski/Phi-3.5-mini-instruct-GGUF/Phi-3.5-mini-instruct-Q4_K_M.gguf: hub/models--bartowski--Phi-3.5-mini-instruct-GGUF/snapshots/new/Phi-3.5-mini-instruct-Q4_K_M.gguf
        Hugging Face: microsoft/Phi-3.5-mini-instruct: hub/models--microsoft--Phi-3.5-mini-instruct/snapshots/one
    "#]]);
}

#[test]
fn our_folder_comes_first_and_parts_of_models_are_ignored() {
    Machine::with(&[
        ("lmstudio/bartowski/Phi-3.5-mini-instruct-GGUF/phi.gguf", ""),
        ("lmstudio/a/b/c/d/too-deep.gguf", ""),
        ("llama.cpp/ggml-org_phi.GGUF", ""),
        ("llama.cpp/mmproj-vision.gguf", ""),
        ("llama.cpp/big-00001-of-00002.gguf", ""),
        ("llama.cpp/big-00002-of-00002.gguf", ""),
        ("llama.cpp/phi.gguf.json", ""),
        ("models/mine.gguf", ""),
    ])
    .check(expect![[r#"
        phi-ls: mine.gguf: models/mine.gguf
        llama.cpp: big-00001-of-00002.gguf: llama.cpp/big-00001-of-00002.gguf
        llama.cpp: ggml-org_phi.GGUF: llama.cpp/ggml-org_phi.GGUF
        LM Studio: bartowski/Phi-3.5-mini-instruct-GGUF/phi.gguf: lmstudio/bartowski/Phi-3.5-mini-instruct-GGUF/phi.gguf
    "#]]);
}

#[test]
fn an_unusable_model_is_listed_with_the_reason_and_not_used() {
    let machine = Machine::with(&[("models/mine.gguf", "not a model")]);
    let (models, used) = list(&machine.dirs, &Settings::default());
    assert_eq!((models.len(), used), (1, None));
    let Facts::Unusable { reason } = &models[0].facts else { panic!("{models:?}") };
    assert!(reason.contains("mine.gguf"), "{reason}");
    assert_eq!(choose(&machine.dirs, &Settings::default()), Choice::NgramOnly);
}

#[test]
fn a_chosen_model_is_not_replaced_by_another() {
    let mut machine = Machine::with(&[("a.gguf", "x")]);
    let unusable = |dirs: &UserDirs, settings: &Settings| match choose(dirs, settings) {
        Choice::Unusable { by, name, reason } if reason.contains(&name) => (by, name),
        other => panic!("{other:?}"),
    };
    let missing = machine.settings("~/missing.gguf");
    assert_eq!(unusable(&machine.dirs, &missing), (Source::Setting, "missing.gguf".into()));
    machine.dirs.model = Some("~/a.gguf".into());
    assert_eq!(unusable(&machine.dirs, &Settings::default()), (Source::Environment, "a.gguf".into()));
    assert_eq!(choose(&machine.dirs, &machine.settings("none")), Choice::NgramOnly);
    // What a source names is listed, whichever source decides.
    let sources = |path: &str| {
        let (models, used) = list(&machine.dirs, &machine.settings(path));
        assert_eq!(used, None, "{models:?}");
        models.iter().map(|model| model.source).collect::<Vec<_>>()
    };
    assert_eq!(sources("~/missing.gguf"), [Source::Setting, Source::Environment]);
    assert_eq!(sources("none"), [Source::Environment]);
    assert_eq!(sources("auto"), [Source::Environment]);
    assert_eq!(sources("~/a.gguf"), [Source::Setting], "once");
}

#[test]
fn a_name_selects_one_model_or_is_an_error() {
    let library = "ollama/manifests/registry.ollama.ai/library/phi3.5";
    let good = manifest(&format!("sha256:{HASH}"));
    let machine = Machine::with(&[
        (&format!("{library}/latest"), &good),
        ("models/same.gguf", ""),
        ("llama.cpp/same.gguf", ""),
        ("own.gguf", "x"),
    ]);
    assert_eq!(named(&machine.dirs, "Phi3.5").map(|model| model.source), Ok(Source::Ollama));
    assert_eq!(named(&machine.dirs, "~/own.gguf").map(|model| model.source), Ok(Source::Setting));
    let error = |name: &str| named(&machine.dirs, name).expect_err("no model").to_string();
    let several = error("same.gguf");
    assert!(several.starts_with("several models are called `same.gguf`"), "{several}");
    assert_eq!(error("gpt"), "there is no file and no model `gpt`; `phi-ls model list` lists the models");
    assert_eq!(
        error("phi-3.5-mini"),
        "there is no file and no model `phi-3.5-mini`; did you mean `phi3.5:latest`?"
    );
}

/// The settings hold for programs that start in another folder.
#[test]
fn a_path_is_absolute_and_plain() {
    let machine = Machine::with(&[("a/m.gguf", "x"), ("b/c/n.gguf", "x")]);
    let path = |name: &str| named(&machine.dirs, name).map(|model| model.path);
    let at = |below: &str| Ok(machine.folder.path().join(below));
    assert_eq!(path("~/./b//../a/m.gguf"), at("a/m.gguf"));
    assert_eq!(path("~/b/c/"), at("b/c"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(machine.folder.path().join("b/c"), machine.folder.path().join("a/link"))
            .expect("a link");
        assert_eq!(path("~/a/link/n.gguf"), at("a/link/n.gguf"), "a link stays");
        assert_eq!(path("~/a/link/../c/n.gguf"), at("b/c/n.gguf"), "the system reads it so");
    }
}

#[test]
fn a_folder_without_a_model_says_what_is_missing() {
    let machine = Machine::with(&[("a/notes", ""), ("b/config.json", "{}")]);
    let reason = |name: &str| match named(&machine.dirs, name).expect("a folder").facts {
        Facts::Unusable { reason } => reason,
        Facts::Usable { .. } => panic!("{name}"),
    };
    assert!(reason("~/a").contains("a has no config.json; name a folder with"), "{}", reason("~/a"));
    assert!(reason("~/b").contains("b has no tokenizer.json; "), "{}", reason("~/b"));
}

#[test]
fn a_setting_and_the_environment_take_names_too() {
    let library = "ollama/manifests/registry.ollama.ai/library/phi3.5";
    let mut machine = Machine::with(&[(&format!("{library}/latest"), &manifest(&format!("sha256:{HASH}")))]);
    let unusable = |machine: &Machine, path: &str| match choose(&machine.dirs, &machine.settings(path)) {
        Choice::Unusable { by, reason, .. } => format!("{by}: {reason}"),
        other => panic!("{path}: {other:?}"),
    };
    // The blob is not there, which shows that it was looked for.
    let reason = unusable(&machine, "phi3.5");
    assert!(reason.starts_with("model.path: ") && reason.contains(HASH), "{reason}");
    assert_eq!(list(&machine.dirs, &machine.settings("phi3.5")).0.len(), 1, "it is listed once");
    let reason = unusable(&machine, "gpt");
    assert_eq!(
        reason,
        "model.path: there is no file and no model `gpt`; `phi-ls model list` lists the models"
    );
    machine.dirs.model = Some("gpt".into());
    assert!(unusable(&machine, "").starts_with("PHI_LS_MODEL: there is no file and no model `gpt`"));
    assert_eq!(
        choose(&machine.dirs, &machine.settings("auto")),
        Choice::NgramOnly,
        "the environment does not count"
    );
}
