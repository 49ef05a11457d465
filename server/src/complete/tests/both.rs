//! The n-gram model beside a neural one.

use super::*;

/// The n-gram model is sure how the line of `$0` goes on: `acquire(limits)?;`.
const COPIED: &str = "fn a() {\n    let pool = Pool::acquire(limits)?;\n    one(pool);\n}\n\nfn b() {\n    let pool = \
                      Pool::acquire(limits)?;\n    two(pool);\n}\n\nfn c() {\n    let pool = Pool::$0\n}\n";

fn stage() -> Stage {
    Stage::with(COPIED, |engine| Models::default().with(engine))
}

/// What is shown if the neural model needs more time than a user notices.
async fn at_once(stage: &Stage) -> Option<String> {
    let asked = stage.request(Trigger::Automatic);
    while !asked.is_finished() {
        // The n-gram model works on another thread.
        tokio::time::advance(Duration::from_millis(1)).await;
        settle().await;
    }
    shown(asked.await.expect("no panic"))
}

#[tokio::test(start_paused = true)]
async fn the_ngram_model_answers_while_the_neural_one_works_and_the_rest_follows() {
    let text = COPIED.replacen("(limits)?;", "(limits).await?;", 1);
    let mut stage = Stage::with(&text, |engine| Models::default().with(engine));
    let mut ready = stage.completions.ready();
    assert_eq!(at_once(&stage).await.as_deref(), Some("acquire(limits)"));
    tokio::time::advance(Duration::from_millis(300)).await;
    stage.prompts.recv().await.expect("the neural model is asked as well");
    stage.answers.send("acquire(limits).await?;").expect("the engine runs");
    ready.changed().await.expect("the client is notified");
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some("acquire(limits).await?;"));
}

#[tokio::test(start_paused = true)]
async fn what_was_drawn_gives_way_to_another_answer_only_if_the_user_asks() {
    let mut stage = stage();
    let ready = stage.completions.ready();
    assert_eq!(at_once(&stage).await.as_deref(), Some("acquire(limits)?;"));
    tokio::time::advance(Duration::from_millis(300)).await;
    stage.prompts.recv().await.expect("the neural model is asked as well");
    stage.answers.send("default();").expect("the engine runs");
    while stage.completions.usage(&stage.document.id).is_none() {
        settle().await;
    }
    settle().await;
    assert!(!ready.has_changed().expect("it is open"), "no notification");
    assert_eq!(at_once(&stage).await.as_deref(), Some("acquire(limits)?;"));
    assert_eq!(stage.ready(Trigger::Invoked).await.as_deref(), Some("default();"));
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_of_the_neural_model_is_shown_first() {
    let mut stage = stage();
    assert_eq!(stage.answered(Trigger::Invoked, "default();").await.as_deref(), Some("default();"));
    assert_eq!(stage.ready(Trigger::Automatic).await.as_deref(), Some("default();"));
    stage.keys("def");
    assert_eq!(
        stage.ready(Trigger::Automatic).await.as_deref(),
        Some("ault();"),
        "it was drawn, and matches"
    );
}

#[tokio::test(start_paused = true)]
async fn where_the_neural_model_has_nothing_the_ngram_model_answers() {
    let mut stage = stage();
    assert_eq!(stage.answered(Trigger::Invoked, "").await.as_deref(), Some("acquire(limits)?;"));
}
