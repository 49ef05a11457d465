//! Merging layers, reporting problems, and the documents generated from the table.

use std::path::PathBuf;

use expect_test::{Expect, expect, expect_file};
use serde_json::json;

use super::*;
use crate::user_dirs::SETTINGS_FILE;

/// The problems in a settings file with this text, without the folder in the paths.
fn problems_of(layer: fn(PathBuf) -> Layer, text: &str) -> (Settings, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(SETTINGS_FILE);
    std::fs::write(&path, text).expect("written");
    let (settings, problems) = load(&[layer(path)]);
    let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    (settings, lines.replace(&format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR), ""))
}

fn check(layer: fn(PathBuf) -> Layer, text: &str, expected: Expect) -> Settings {
    let (settings, problems) = problems_of(layer, text);
    expected.assert_eq(&problems);
    settings
}

#[test]
fn settings_md_is_up_to_date() {
    expect_file!["../../SETTINGS.md"].assert_eq(&document::markdown());
}

#[test]
fn every_default_is_of_its_own_kind_and_survives_a_round_trip() {
    for row in ROWS {
        let mut settings = Settings::default();
        let default = (row.read)(&settings);
        assert!(row.kind.accepts(&default), "{}", row.name);
        (row.write)(&mut settings, default);
        assert_eq!(settings, Settings::default(), "{}", row.name);
        if let Kind::Choice(words) = row.kind {
            for word in words {
                (row.write)(&mut settings, json!(word));
            }
        }
    }
}

#[test]
fn invalid_values_are_reported_with_their_position_and_the_others_apply() {
    let settings = check(
        Layer::UserFile,
        "'é' = 1\n[completion]\nmaxLines = 4\n  'budgetMs' = \"700\"\nenabeld = true\nmax_tokens = 9\ndebounceMs = 2_001\n\
         prefetch = 2026-01-01\nmenu = 'sometimes'\n[model]\nthreads = 0x2\nkvMegabytes = []\n[modle]\npath = ''\n",
        expect![[r#"
            phi-ls.toml:1:1: there is no setting `é`; `phi-ls settings` lists all
            phi-ls.toml:4:16: `completion.budgetMs` must be a whole number from 50 to 5000, not "700"; it remains 700
            phi-ls.toml:5:1: there is no setting `completion.enabeld`; did you mean `completion.enabled`?
            phi-ls.toml:6:1: there is no setting `completion.max_tokens`; did you mean `completion.maxTokens`?
            phi-ls.toml:7:14: `completion.debounceMs` must be a whole number from 0 to 2000, not 2_001; it remains 150
            phi-ls.toml:8:12: `completion.prefetch` must be true or false, not 2026-01-01; it remains true
            phi-ls.toml:9:8: `completion.menu` must be one of "auto", "always", "never", not 'sometimes'; it remains "auto"
            phi-ls.toml:12:15: `model.kvMegabytes` must be a whole number from 64 to 1048576, not []; it remains 1664
            phi-ls.toml:13:2: there is no setting `modle`; did you mean `model`?
        "#]],
    );
    assert_eq!((settings.completion.max_lines, settings.model.threads), (4, 2));
    assert_eq!(settings.completion.budget_ms, Settings::default().completion.budget_ms);
}

#[test]
fn a_file_that_is_not_toml_is_ignored_as_a_whole() {
    let settings = check(
        Layer::UserFile,
        "[completion]\nmaxLines = 4\nprefetch = maybe\n",
        expect![[r#"
        phi-ls.toml:3:12: string values must be quoted, expected literal string; the whole file is ignored
    "#]],
    );
    assert_eq!(settings, Settings::default());
}

#[test]
fn a_project_cannot_decide_what_runs_on_the_users_machine() {
    let text = "[completion]\nmaxLines = 4\n[model]\npath = '/tmp/evil.gguf'\n";
    let settings = check(
        Layer::ProjectFile,
        text,
        expect![[r#"
        phi-ls.toml:4:8: `model.path` is ignored here: set it in your own settings, because a repository must not decide what runs on your machine
    "#]],
    );
    assert_eq!((settings.completion.max_lines, settings.model.path.as_str()), (4, ""));
    assert_eq!(check(Layer::UserFile, text, expect![[""]]).model.path, "/tmp/evil.gguf");
}

#[test]
fn an_invalid_action_is_ignored_and_the_others_apply() {
    let text = "[[actions.own]]\ntitle = 'Log'\ninstruction = 'Log each call.'\n\n[[actions.own]]\ntitle = 'No'\n\n\
        [[actions.own]]\ntitle = 'Test'\ninstruction = 'Add a test.'\nkind = 'sauce'\n";
    let settings = check(
        Layer::UserFile,
        text,
        expect![[r#"
        phi-ls.toml:5:1: action 2 of `actions.own` is ignored: missing field `instruction`
        phi-ls.toml:8:1: action 3 of `actions.own` is ignored: unknown variant `sauce`, expected one of `quickfix`, `refactor.extract`, `refactor.inline`, `refactor.rewrite`, `source`
    "#]],
    );
    assert_eq!(settings.actions.own.iter().map(|own| own.title.as_str()).collect::<Vec<_>>(), ["Log"]);
    let text = "actions.own = [\n  { title = 'a', instruction = 'b' },\n  { title = 3 },\n]\n";
    assert_eq!(
        check(
            Layer::UserFile,
            text,
            expect![[r#"
        phi-ls.toml:3:3: action 2 of `actions.own` is ignored: invalid type: integer `3`, expected a string
    "#]]
        )
        .actions
        .own
        .len(),
        1
    );
    assert_eq!(check(Layer::UserFile, "actions.own = 3\n", expect![[r#"
        phi-ls.toml:1:15: `actions.own` must be a list of tables, each with `title` and `instruction`, not 3; it remains []
    "#]]).actions.own.len(), 0);
    assert_eq!(check(Layer::ProjectFile, text, expect![[r#"
        phi-ls.toml:1:15: `actions.own` is ignored here: set it in your own settings, because a repository must not decide what runs on your machine
    "#]]).actions.own.len(), 0);
}

#[test]
fn many_problems_are_counted() {
    let (_, problems) =
        problems_of(Layer::ProjectFile, &(0..5000).map(|n| format!("a{n} = 1\n")).collect::<String>());
    assert_eq!(problems.lines().count(), 17);
    assert_eq!(problems.lines().last(), Some("phi-ls.toml: and 4984 more problems"));
}

#[test]
fn editors_send_objects_or_dotted_names_and_their_own_settings() {
    let how = "initializationOptions";
    let values = json!({
        "completion.maxLines": 3,
        "completion": { "maxTokens": 64, "prefetch": null, "enabled": "yes" },
        "server": { "path": "/usr/bin/phi-ls" },
        "enable": { "*": true, "markdown": false },
        "trace.server": "verbose",
        "completions": { "enabled": false },
    });
    let (settings, problems) = load(&[Layer::Editor { how, values }]);
    assert_eq!((settings.completion.max_lines, settings.completion.max_tokens), (3, 64));
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    expect![[r#"
        initializationOptions: `completion.enabled` must be true or false, not "yes"; it remains true
        initializationOptions: there is no setting `completions`; did you mean `completion`?"#]]
    .assert_eq(&lines.join("\n"));
    let (_, problems) = load(&[Layer::Editor { how, values: json!({ "completion": "x" }) }]);
    expect!["initializationOptions: `completion` is a group of settings, such as `completion.enabled`; set one of these"].assert_eq(&problems[0].to_string());
    let (_, problems) = load(&[Layer::Editor { how, values: json!(["a"]) }]);
    expect![[r#"initializationOptions: should be an object of settings, not ["a"]; ignored"#]]
        .assert_eq(&problems[0].to_string());
}

#[test]
fn later_layers_override_earlier_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        std::fs::create_dir_all(folder.path().join(name)).expect("a folder");
        std::fs::write(folder.path().join(name).join(SETTINGS_FILE), text).expect("written");
        folder.path().join(name)
    };
    let user = file("user", "completion.maxLines = 1\ncompletion.maxTokens = 1\ncompletion.budgetMs = 100\n");
    let project = file("project", "completion.maxLines = 2\ncompletion.maxTokens = 2\n");
    let mut layers =
        of_files(Some(&user.join(SETTINGS_FILE)), &[project, folder.path().join("no such folder")]);
    layers.push(Layer::Editor {
        how: "workspace/configuration",
        values: json!({ "completion": { "maxLines": 3 } }),
    });
    let (settings, problems) = load(&layers);
    assert!(problems.is_empty(), "{problems:?}");
    let Completion { max_lines, max_tokens, budget_ms, .. } = settings.completion;
    assert_eq!((max_lines, max_tokens, budget_ms), (3, 2, 100));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_a_settings_file_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("large"), vec![b'#'; (1 << 20) + 1]).expect("written");
    std::fs::write(folder.path().join("bytes"), [0xff]).expect("written");
    let problem = |path: PathBuf| load(&[Layer::ProjectFile(path)]).1.remove(0).message;
    assert_eq!(problem(folder.path().to_owned()), "it is not a file; ignored");
    assert_eq!(problem("/dev/zero".into()), "it is not a file; ignored");
    assert_eq!(problem(folder.path().join("large")), "it is larger than a megabyte; ignored");
    assert_eq!(problem(folder.path().join("bytes")), "it is not UTF-8 text; ignored");
}

#[test]
fn vs_codes_workspace_settings_cannot_set_what_a_project_cannot_set() {
    let properties = document::vscode_properties();
    assert_eq!(properties["phi-ls.model.path"]["scope"], "machine");
    assert_eq!(
        properties["phi-ls.completion.maxLines"],
        json!({
            "type": ["integer", "null"], "minimum": 1, "maximum": 100, "default": null, "scope": "window",
            "markdownDescription": "Maximum length of a completion, in lines. Default: `12`.",
        })
    );
}
