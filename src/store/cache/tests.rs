use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{FutureExt as _, poll};
use tokio::sync::Notify;

use super::*;
use crate::clock::FixedMonotonic;
use crate::error::Error;
use crate::store::{BUDGET, Target};

const MS: Duration = Duration::from_millis(1);
const REMEMBER: Duration = Duration::from_millis(900);
const ALMOST: Duration = Duration::from_millis(899);

struct Scene {
    _dir: tempfile::TempDir,
    time: FixedMonotonic,
    store: Store,
}

async fn scene() -> Scene {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::connect(&Target::Sqlite(dir.path().join("t.db")), 1).await.expect("a file");
    let time = FixedMonotonic::default();
    Scene { _dir: dir, store: store.remembered_for(REMEMBER, Arc::new(time.clone())), time }
}

type Texts = Cache<String, String>;

impl Scene {
    fn cache(&self) -> Texts {
        Cache::new(&self.store, 1 << 20)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a look-up gives")]
fn found(value: &str) -> Result<Option<Answer<String>>> {
    Ok(Some(Answer::new(value.to_owned()).of("org")))
}

/// What a cache says, and whether it had to ask.
async fn ask(cache: &Texts, key: &str, value: &str) -> (String, bool) {
    let asked = Cell::new(false);
    let read = || async {
        asked.set(true);
        found(value)
    };
    let answer = cache.get(key.to_owned(), read).await.expect("no error").expect("an answer");
    (answer.value.clone(), asked.get())
}

/// What a cache says to somebody who expects `right`.
async fn judged(cache: &Texts, right: &str, value: &str) -> (bool, bool) {
    let asked = Cell::new(false);
    let read = || async {
        asked.set(true);
        found(value)
    };
    let judge = |seen: &String| if seen == right { Verdict::Good } else { Verdict::Doubt(()) };
    let verdict = cache.judged("k".to_owned(), judge, read).await.expect("no error");
    (matches!(verdict, Found::Good(_)), asked.get())
}

fn write(scene: &Scene, org_id: &str) {
    scene.store.changes.touch_none().also(org_id);
}

#[tokio::test]
async fn an_answer_is_good_for_so_long_and_until_its_organization_changes() {
    let scene = scene().await;
    let cache = scene.cache();
    assert_eq!(ask(&cache, "k", "1").await, ("1".to_owned(), true));
    scene.time.advance(ALMOST);
    write(&scene, "another one");
    assert_eq!(ask(&cache, "k", "2").await, ("1".to_owned(), false));
    scene.time.advance(MS);
    assert_eq!(ask(&cache, "k", "2").await, ("2".to_owned(), true));
    write(&scene, "org");
    assert_eq!(ask(&cache, "k", "3").await, ("3".to_owned(), true));
    write(&scene, "");
    assert_eq!(ask(&cache, "k", "4").await, ("4".to_owned(), true));
}

#[tokio::test]
async fn what_follows_from_another_answer_is_as_old_as_that_one() {
    let scene = scene().await;
    let (keys, answers) = (scene.cache(), scene.cache());
    let key = keys.get("key".to_owned(), || async { found("leaked") }).await.expect("no error").expect("a key");
    scene.time.advance(ALMOST);
    let read = || async { Ok(Some(Answer::new("good".to_owned()).from(key.asked()))) };
    answers.get("token".to_owned(), read).await.expect("no error");
    assert_eq!(ask(&answers, "token", "void").await, ("good".to_owned(), false), "the key was good a moment ago");
    scene.time.advance(MS);
    assert_eq!(ask(&answers, "token", "void").await, ("void".to_owned(), true), "not a moment longer");
}

#[tokio::test]
async fn nobody_is_refused_by_an_old_answer_and_nothing_unproven_is_kept() {
    let scene = scene().await;
    let cache = scene.cache();
    for _ in 0..3 {
        assert_eq!(judged(&cache, "wrong", "1").await, (false, true), "one look-up for each refusal");
    }
    assert_eq!(scene.store.remembered().bytes, 0, "strangers leave nothing behind");
    assert_eq!(judged(&cache, "1", "1").await, (true, true));
    assert_eq!(judged(&cache, "1", "2").await, (true, false), "who has proven itself is remembered");
    assert_eq!(judged(&cache, "2", "2").await, (true, true), "a new secret is good at once");
    assert_eq!(judged(&cache, "2", "3").await, (true, false));
    assert_eq!(judged(&cache, "wrong", "2").await, (false, true));
    assert_eq!(judged(&cache, "2", "3").await, (true, false), "and what is remembered stays");
}

#[tokio::test]
async fn a_herd_asks_once_whatever_the_answer_is() {
    let scene = scene().await;
    let cache = scene.cache();
    let (asked, go) = (AtomicUsize::new(0), Notify::new());
    let read = || async {
        asked.fetch_add(1, Ordering::Relaxed);
        go.notified().await;
        found("1")
    };
    let mut herd: Vec<_> = (0..1000).map(|_| Box::pin(cache.get("k".to_owned(), read))).collect();
    for one in &mut herd {
        assert!(poll!(one).is_pending());
    }
    go.notify_one();
    for one in futures::future::join_all(herd).await {
        assert_eq!(one.expect("no error").expect("an answer").value, "1");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // Who came while the store was being asked is not refused by what it said then: the first of them
    // asks again, for all.
    let judge = |_: &String| Verdict::Doubt(());
    let mut herd: Vec<_> = (0..1000).map(|_| Box::pin(cache.judged("j".to_owned(), judge, read))).collect();
    for one in &mut herd {
        assert!(poll!(one).is_pending());
    }
    go.notify_one();
    let mut herd = futures::future::join_all(herd);
    assert!(poll!(&mut herd).is_pending());
    go.notify_one();
    assert!(herd.await.into_iter().all(|one| matches!(one, Ok(Found::No((), _)))));
    assert_eq!(asked.load(Ordering::Relaxed), 3, "two look-ups for a thousand refusals");
}

#[tokio::test]
async fn who_goes_away_leaves_its_turn_to_the_next() {
    let scene = scene().await;
    let cache = scene.cache();
    let never = || async { std::future::pending().await };
    let mut first = Box::pin(cache.get("k".to_owned(), never));
    let mut second = Box::pin(cache.get("k".to_owned(), never));
    let mut third = Box::pin(ask(&cache, "k", "1"));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
    drop(second);
    assert!(poll!(&mut third).is_pending());
    drop(first);
    assert_eq!(third.await, ("1".to_owned(), true));
    assert_eq!(cache.flights.as_ref().expect("flights").waiting(), 0, "nothing is left of it");
}

#[tokio::test]
async fn a_write_in_between_voids_the_answer_for_who_asks_after_it() {
    let scene = scene().await;
    let cache = scene.cache();
    let go = Notify::new();
    let slow = || async {
        go.notified().await;
        found("old")
    };
    let mut before = Box::pin(cache.get("k".to_owned(), slow));
    assert!(poll!(&mut before).is_pending());
    write(&scene, "org");
    let mut after = Box::pin(ask(&cache, "k", "new"));
    assert!(poll!(&mut after).is_pending());
    go.notify_one();
    assert_eq!(before.await.expect("no error").expect("an answer").value, "old");
    assert_eq!(after.await, ("new".to_owned(), true));
    assert_eq!(ask(&cache, "k", "newer").await, ("new".to_owned(), false));
}

#[tokio::test]
async fn an_error_is_told_to_all_who_waited_and_to_nobody_after() {
    let scene = scene().await;
    let cache = scene.cache();
    let (asked, go) = (AtomicUsize::new(0), Notify::new());
    let fails = || async {
        asked.fetch_add(1, Ordering::Relaxed);
        go.notified().await;
        Err(Error::unavailable("away"))
    };
    let mut herd: Vec<_> = (0..100).map(|_| Box::pin(cache.get("k".to_owned(), fails))).collect();
    for one in &mut herd {
        assert!(poll!(one).is_pending());
    }
    go.notify_one();
    assert!(futures::future::join_all(herd).await.into_iter().all(|one| one.is_err()));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(ask(&cache, "k", "1").await, ("1".to_owned(), true));
}

#[tokio::test]
async fn answers_are_weighed_bounded_and_given_back() {
    let scene = scene().await;
    let cache = scene.cache();
    let heavy = "x".repeat(LARGEST);
    ask(&cache, "heavy", &heavy).await;
    assert_eq!(scene.store.remembered().bytes, 0, "too heavy to be kept");
    let kilobyte = "x".repeat(1 << 10);
    for n in 0..10_000 {
        ask(&cache, &n.to_string(), &kilobyte).await;
        assert!(scene.store.remembered().bytes <= 1 << 20);
    }
    let full = scene.store.remembered().bytes;
    assert!(full > 1 << 19, "{full}");
    scene.store.forget();
    assert_eq!(scene.store.remembered().bytes, full, "what is good stays");
    scene.time.advance(REMEMBER);
    scene.store.forget();
    assert_eq!(scene.store.remembered().bytes, 0, "what is old goes");
    let second: Texts = Cache::new(&scene.store, BUDGET);
    for n in 0..40_000 {
        ask(&second, &n.to_string(), &kilobyte).await;
    }
    let both = scene.store.remembered();
    assert!(both.bytes <= BUDGET - (1 << 20) && both.bytes > BUDGET / 2, "the rest of the budget: {both:?}");
}

#[tokio::test]
async fn zero_turns_memory_off_and_still_asks_once_at_a_time() {
    let scene = scene().await;
    let store = scene.store.remembered_for(Duration::ZERO, Arc::new(scene.time.clone()));
    let cache: Texts = Cache::new(&store, 1 << 20);
    assert_eq!(ask(&cache, "k", "1").await, ("1".to_owned(), true));
    assert_eq!(ask(&cache, "k", "2").await, ("2".to_owned(), true));
    assert!(ask(&cache, "k", "3").now_or_never().is_some(), "nobody to wait for");
}
