//! A check command, and the repairs of its problems. The command is a shell script.
#![cfg(unix)]

use super::*;

/// Fails if `area` is no longer defined but still used.
const CHECK: &str = "\
//- /check.sh
grep -q 'fn area' src/shape.rs && exit 0
grep -n 'area[(;}]' src/*.rs | sed 's/:\\([0-9]*\\):.*/:\\1: error: there is no area/' > found
cat found
test ! -s found
//- /always.sh
echo 'src/draw.rs:4: error: it was never right'
exit 1
";

#[tokio::test]
async fn what_a_check_complains_of_is_repaired() {
    let answer = |item: &str| if item.contains("fn small") { item.to_owned() } else { rename(item) };
    let project = Project::new(&format!("{SHAPES}{CHECK}"), answer).await;
    let mut plan = project.plan(order(RENAME, Some("area"), &["*.rs"])).expect("a plan");
    plan.sites.truncate(1);
    let copies = project.folder.path().join("copies");
    let checked = async |command: &[&str]| {
        let mut plan = plan.clone();
        plan.order.check = Some(command.iter().map(|word| word.to_string()).collect());
        let resume = ResumeState { copies: Some(&copies), ..ResumeState::default() };
        let mut outcome =
            run(&project.assistant.workspace, &project.assistant.models, &plan, resume, &|_| {})
                .await
                .expect("it runs");
        outcome.report.time = Duration::ZERO;
        outcome.report.tokens = Default::default();
        outcome.report.text(&project.root())
    };
    expect![[r#"
        6 sites: 5 changed, 0 unchanged, 1 refused; 0.0 s, 0 tokens read, 0 written by scripted; `sh check.sh` fails after a round of repairs
        Changed:
          src/shape.rs:6 area
          src/draw.rs:3 draw (repaired)
          src/draw.rs:1 use crate::shape::{Shape, area}; (repaired)
          src/main.rs:4 main (repaired)
          src/shape.rs:13 use super::area; (repaired)
        Refused:
          src/shape.rs:15 tests.small: the model's answer was refused: It changes nothing.
        The check complains:
          src/shape.rs:17: error: there is no area
        The check says:
          src/shape.rs:17: error: there is no area
    "#]].assert_eq(&checked(&["sh", "check.sh"]).await);
    let is_repair =
        |prompt: &String| prompt.contains("Fix the problem. This") && prompt.contains("\nfn main() {");
    let prompt = project.prompts().into_iter().find(is_repair).expect("main was repaired");
    expect![[r#"
        Already changed, in w/src/shape.rs:
        ```rust
        pub fn surface(shape: &Shape) -> u32
        ```

        The problem:
        ```
        In `println!("{}", area(shape));`: error: there is no area
        ```

        The item:
        ```rust
        pub fn draw(shape: &Shape) {
            println!("{}", area(shape));
        }
        ```

        The instruction: Fix the problem. This change was already made, here or in other files: Rename `area` to `surface`.<|end|><|assistant|>```rust
    "#]].assert_eq(&prompt[prompt.find("Already changed").expect("what has changed")..]);
    // Problems that also occur without the refactoring are ignored.
    expect![[r#"
        1 site: 1 changed, 0 unchanged, 0 refused; 0.0 s, 0 tokens read, 0 written by scripted; `sh always.sh` fails, as it does without this refactoring
        Changed:
          src/shape.rs:6 area
        The check says:
          src/draw.rs:4: error: it was never right
    "#]].assert_eq(&checked(&["sh", "always.sh"]).await);
    expect![[r#"
        1 site: 1 changed, 0 unchanged, 0 refused; 0.0 s, 0 tokens read, 0 written by scripted; `no-such-program-of-phi-ls` fails
        Changed:
          src/shape.rs:6 area
        The check complains:
          it could not be run: the check command `no-such-program-of-phi-ls` cannot be started: No such file or directory (os error 2)
    "#]].assert_eq(&checked(&["no-such-program-of-phi-ls"]).await);
    let text = std::fs::read_to_string(project.root().join("src/shape.rs")).expect("a text");
    assert!(text.contains("fn area"), "the files of the workspace stay as they are");
}
