//! Real commands in real copies: their input, their permissions, and that they end.
#![cfg(unix)]

use std::fs;

use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use super::*;
use crate::refactor::sandbox::Bounds;
use crate::repository::rules::Rules;
use crate::testing::until;

/// More than any command here needs.
const AMPLE: Limits = Limits { time: Duration::from_secs(300), output: 100_000 };

struct World {
    folder: tempfile::TempDir,
    copy: SandboxCopy,
}

impl World {
    fn new(files: &[(&str, &str)]) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join("w").join(path);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        fs::create_dir_all(folder.path().join("w")).expect("a folder");
        let rules = Rules::new(&[folder.path().join("w")], &[]);
        let copy = SandboxCopy::of(&rules, &folder.path().join("copies"), &[], Bounds::default(), &|| false);
        World { copy: copy.expect("a copy"), folder }
    }

    async fn check(&self, command: &[&str], limits: Limits) -> io::Result<Checked> {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        check(&self.copy, &command, limits).await
    }

    async fn shell(&self, script: &str, limits: Limits) -> Checked {
        self.check(&["sh", "-c", script], limits).await.expect("sh runs")
    }

    /// The process whose id a script has written to `pid` in the copy.
    fn noted(&self) -> Pid {
        let text = fs::read_to_string(self.copy.root().join("pid")).expect("it is noted");
        Pid::from_u32(text.trim().parse().expect("a number"))
    }
}

fn lives(pid: Pid) -> bool {
    let mut system = System::new().expect("a system with processes");
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    let gone = [ProcessStatus::Zombie, ProcessStatus::Dead];
    system.process(pid).is_some_and(|process| !gone.contains(&process.status()))
}

#[tokio::test]
async fn a_command_passes_or_fails_in_the_copy() {
    let world = World::new(&[("a.c", "int x\n"), ("check.sh", "#!/bin/sh\nexit 0\n")]);
    let passed = world.shell("test -f a.c && echo done", AMPLE).await;
    assert_eq!(
        passed,
        Checked { passed: true, timed_out: false, output: "done\n".to_owned(), problems: Vec::new() }
    );
    let script = r#"echo "$PWD/a.c:1:6: error: expected ';'"; echo x > a.c; exit 3"#;
    let failed = world.shell(script, AMPLE).await;
    let path = world.folder.path().join("w/a.c");
    assert!(!failed.passed && !failed.timed_out);
    let problem = Problem { path: path.clone(), line: 0, message: "error: expected ';'".to_owned() };
    assert_eq!(failed.problems, [problem]);
    assert_eq!(failed.output, format!("{}:1:6: error: expected ';'\n", path.display()));
    assert_eq!(fs::read_to_string(path).expect("a text"), "int x\n", "the user's file is as it was");
    assert!(!world.shell("kill -9 $$", AMPLE).await.passed);
}

#[tokio::test]
async fn programs_are_found_as_their_user_would() {
    let world = World::new(&[("check.sh", "#!/bin/sh\necho checked\n"), ("sh", "#!/bin/sh\nexit 7\n")]);
    use std::os::unix::fs::PermissionsExt;
    for program in ["check.sh", "sh"] {
        let program = world.copy.root().join(program);
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("set");
    }
    assert_eq!(world.check(&["./check.sh"], AMPLE).await.expect("it runs").output, "checked\n");
    assert!(world.shell("exit 0", AMPLE).await.passed, "a name in the repository is not a program's");
    // No shell parses the arguments.
    let said = world.check(&["echo", "$HOME; exit 1", "`pwd`"], AMPLE).await.expect("it runs");
    assert_eq!(said.output, "$HOME; exit 1 `pwd`\n");
    for (command, what) in [(&["no-such-program-here"][..], "no-such-program-here"), (&[], "is empty")] {
        let error = world.check(command, AMPLE).await.expect_err("nothing to run").to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[tokio::test]
async fn the_environment_holds_what_is_documented() {
    let world = World::new(&[("src/a.py", "x = 1\n")]);
    // Cargo sets it for this test, but the command does not get it.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let output = world.check(&["env"], AMPLE).await.expect("it runs").output;
    let set = ["PATH", "TMPDIR", "TEMP", "TMP", "CI", "NO_COLOR", "TERM", "CARGO_TERM_COLOR", "PYTHONPATH"];
    let also = ["PYTHONDONTWRITEBYTECODE", "GIT_CEILING_DIRECTORIES", "PWD", "SHLVL", "_"];
    for line in output.lines() {
        let name = line.split('=').next().expect("a name");
        let kept = KEPT.iter().any(|kept| name.starts_with(kept.trim_end_matches('*')));
        assert!(kept || set.contains(&name) || also.contains(&name) || tree::is_mark(name), "{line}");
    }
    let script =
        r#"case $TMPDIR in "$PWD"*) exit 1;; esac; echo $PYTHONPATH; touch "$TMPDIR/x"; cat; exec 0<&-"#;
    let checked = world.shell(script, AMPLE).await;
    let root = world.folder.path().join("w");
    assert!(checked.passed, "{checked:?}");
    assert_eq!(checked.output, format!("{0}:{0}/src\n", root.display()));
}

#[test]
fn folders_of_the_path_that_depend_on_where_one_is_are_left_out() {
    let path = absolute("/usr/bin::.:bin:/bin:./x:".as_ref()).expect("a path");
    assert_eq!(path, "/usr/bin:/bin");
}

#[tokio::test]
async fn output_has_a_bound_and_its_beginning_and_end_are_kept() {
    let world = World::new(&[]);
    let limits = Limits { output: 1000, ..AMPLE };
    let script = "echo first; echo second >&2; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last";
    let checked = world.shell(script, limits).await;
    assert!(checked.passed && checked.output.len() < 1100, "{} bytes", checked.output.len());
    assert!(checked.output.starts_with("first\nsecond\nxxx") && checked.output.ends_with("xxx\nlast\n"));
    assert!(checked.output.contains("bytes left out]"));
    let noise = world.shell("head -c 3000000 /dev/urandom", AMPLE).await;
    assert!(noise.output.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
}

#[tokio::test]
async fn a_command_whose_time_is_up_is_ended() {
    let world = World::new(&[]);
    let limits = Limits { time: Duration::from_millis(50), ..AMPLE };
    for script in ["exec sleep 1000", "trap '' TERM INT HUP; while :; do :; done", "yes"] {
        let checked = world.shell(script, limits).await;
        assert!(checked.timed_out && !checked.passed, "{script}");
    }
}

/// Processes that try to outlive the command, each with its id in `pid`, and the command that waits for that.
const SURVIVORS: [&str; 4] = [
    "sh -c 'echo $$ > pid; exec sleep 1000' &",
    "setsid sh -c 'echo $$ > pid; exec sleep 1000' &",
    "(setsid sh -c 'echo $$ > pid; exec sleep 1000' &)",
    "nohup setsid sh -c \"trap '' TERM HUP; sh -c 'echo \\$\\$ > pid; exec sleep 1000' & wait\" &",
];
/// One that can be found only by its parent.
const CLEARED: &str = "env -i PATH=\"$PATH\" setsid sh -c 'echo $$ > pid; exec sleep 1000' &";
const NOTED: &str = "while [ ! -s pid ]; do :; done";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_command_leaves_behind_ends_with_it() {
    for survivor in SURVIVORS {
        let world = World::new(&[]);
        let checked = world.shell(&format!("{survivor}\n{NOTED}"), AMPLE).await;
        assert!(checked.passed && !checked.timed_out, "{survivor}: {checked:?}");
        assert!(!lives(world.noted()), "it lives on: {survivor}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_the_check_ends_it_and_what_it_started() {
    for survivor in SURVIVORS.into_iter().chain([CLEARED]) {
        let mut world = World::new(&[]);
        let script = format!("{survivor}\n{NOTED}\ntouch noted; exec sleep 1000");
        {
            let mut checked = std::pin::pin!(world.shell(&script, AMPLE));
            let noted = world.copy.root().join("noted");
            while !noted.exists() {
                let pause = tokio::time::sleep(Duration::from_millis(1));
                tokio::select! { _ = &mut checked => panic!("{survivor}: it ended by itself"), () = pause => {} }
            }
        }
        let survivor_id = world.noted();
        // The thread that kills the processes holds the copy until it is done.
        let folder = world.copy.tree().to_owned();
        world.copy = World::new(&[]).copy;
        until("the copy to be removed", || !folder.exists()).await;
        assert!(!lives(survivor_id), "it lives on: {survivor}");
    }
}

#[tokio::test]
async fn the_runtime_goes_on_meanwhile() {
    let world = World::new(&[]);
    // A single-threaded runtime: if it were blocked, the file that the command waits for would not be created.
    let go = world.copy.root().join("go");
    let (checked, ()) = tokio::join!(world.shell("while [ ! -e go ]; do :; done", AMPLE), async {
        fs::write(go, "").expect("written");
    });
    assert!(checked.passed);
}
