//! A run that was cancelled and is resumed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use tokio::sync::Notify;

use super::super::journal::{Header, Journal};
use super::*;

#[tokio::test]
async fn what_is_finished_when_it_is_cancelled_is_not_asked_for_again() {
    let (release, held) = mpsc::channel::<()>();
    let is_held = Arc::new(AtomicBool::new(false));
    let holds = is_held.clone();
    let answer = move |item: &str| {
        if item.contains("fn main") && holds.load(Ordering::SeqCst) {
            // Ends when the other end is dropped.
            let _ = held.recv();
        }
        rename(item)
    };
    let project = Project::new(SHAPES, answer).await;
    let plan = project.plan(order(RENAME, Some("area"), &[])).expect("a plan");
    let whole = project.diff(&project.run(&plan).await);
    let journals = project.folder.path().join("journals");
    let header = Header { id: new_id(), roots: vec![project.root()], plan: plan.clone() };
    let mut journal = Journal::create(&journals, &header).expect("a journal");
    is_held.store(true, Ordering::SeqCst);
    let third = Notify::new();
    let listener = |progress: Progress| {
        if progress.done == 3 {
            third.notify_one();
        }
    };
    let resume = ResumeState { journal: Some(&mut journal), finished: &[], copies: None };
    tokio::select! {
        biased;
        () = third.notified() => {}
        done = run(&project.assistant.workspace, &project.assistant.models, &plan, resume, &listener) => panic!("not cancelled: {done:?}"),
    }
    drop((journal, release));
    // One of the finished items has changed.
    let shape = project.root().join("src/shape.rs");
    let text = std::fs::read_to_string(&shape).expect("a text").replace("product()", "sum()");
    std::fs::write(&shape, &text).expect("written");

    let asked = project.prompts().len();
    let latest = Journal::latest(&journals, &header.roots).expect("a journal");
    let (mut journal, header, finished) = Journal::open(&latest).expect("a journal");
    let resume = ResumeState { journal: Some(&mut journal), finished: &finished, copies: None };
    let outcome = run(&project.assistant.workspace, &project.assistant.models, &header.plan, resume, &|_| {})
        .await
        .expect("it runs");
    let outcomes: Vec<_> =
        outcome.report.sites.iter().map(|site| (site.site.label(), &site.outcome)).collect();
    expect![[r#"
        [
            (
                "area",
                Changed {
                    repaired: false,
                    resumed: false,
                },
            ),
            (
                "use crate::shape::{Shape, area};",
                Changed {
                    repaired: false,
                    resumed: true,
                },
            ),
            (
                "draw",
                Changed {
                    repaired: false,
                    resumed: true,
                },
            ),
            (
                "main",
                Changed {
                    repaired: false,
                    resumed: false,
                },
            ),
            (
                "use super::area;",
                Changed {
                    repaired: false,
                    resumed: false,
                },
            ),
            (
                "tests.small",
                Changed {
                    repaired: false,
                    resumed: false,
                },
            ),
        ]
    "#]]
    .assert_eq(&format!("{outcomes:#?}\n"));
    assert_eq!(project.prompts().len() - asked, 4, "one anew, three for the first time");
    assert_eq!(project.diff(&outcome).replace("sum()", "product()"), whole);
}
