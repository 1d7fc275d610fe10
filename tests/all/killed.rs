//! The process that renews a login is killed, at each step, while many wait for it.

use std::net::TcpListener;

use serde_json::Value;

use crate::renewal::{End, Renewal, STORE, entry, hold, hold_grants, nothing_else_happened, record, refresh};
use crate::support::Home;
use crate::token_server::{Act, TokenServer};

/// A process that renews, and others that wait for it.
struct Scene {
    home: Home,
    server: TokenServer,
    waiters: usize,
}

impl Scene {
    fn of(waiters: usize, acts: impl IntoIterator<Item = Act>) -> Self {
        Self { home: Home::with_store(STORE), server: TokenServer::start(acts), waiters }
    }

    fn start(&self) -> Renewal {
        Renewal::start(&self.home, &refresh(&self.server))
    }

    /// Kills the one that renews once all others wait, and then lets go of what it had to wait for.
    fn kill(&self, winner: Renewal, held: impl Sized) -> Vec<End> {
        let others: Vec<Renewal> = (0..self.waiters).map(|_| self.start()).collect();
        others.iter().for_each(Renewal::wait_until_it_waits);
        winner.kill();
        drop(held);
        self.server.release();
        others.into_iter().map(Renewal::end).collect()
    }

    fn wait_for_record(&self, is_so: impl Fn(&Value) -> bool) {
        while !is_so(&record(&self.home)) {
            std::thread::yield_now();
        }
    }

    /// Everybody has the same tokens, and the old one was sent so often.
    #[track_caller]
    fn is_renewed(&self, ends: &[End], refresh_token: &str, spends: usize) {
        assert!(ends.iter().all(End::is_good), "{ends:?}");
        assert_eq!((self.server.posts(), self.server.spends_of("old-refresh")), (spends, spends));
        assert_eq!(entry(&self.home)["refresh_token"], refresh_token);
        assert_eq!(record(&self.home)["refresh"], Value::Null, "the intent is over");
        nothing_else_happened(&self.home);
    }

    /// The token was spent, and the server forgives nothing: one more attempt, and one clear word for everybody.
    #[track_caller]
    fn is_lost(&self, ends: &[End]) {
        let record = record(&self.home);
        let reason = record["last_error"]["reason"].as_str().unwrap();
        assert!(reason.starts_with("lost in a crash at 2"), "{record}");
        assert_eq!((record["status"].as_str(), &record["refresh"]), (Some("dead"), &Value::Null));
        let is_told =
            |end: &End| (end.outcome.as_str(), end.code) == ("failed", 1) && end.said.contains(reason);
        assert!(ends.iter().all(is_told), "{ends:?}");
        assert_eq!((self.server.posts(), self.server.spends_of("old-refresh")), (2, 2));
        nothing_else_happened(&self.home);
        assert!(is_told(&self.start().end()));
        assert_eq!(self.server.posts(), 2, "what is dead is not sent again");
        // An operator may know better, and a login that is renewed is alive again.
        self.home.pool("reset openai-codex --dead").succeeded();
    }
}

/// How many wait in each of the tests that always run, and in the one that takes longer.
const MANY: usize = 40;
const MORE: usize = 120;

const STEPS: [fn(usize); 7] = [
    before_the_lock,
    before_the_intent,
    before_the_post_arrived,
    before_the_answer,
    before_the_answer_of_a_forgiving_server,
    before_the_answer_is_kept,
    after_the_answer_is_kept,
];

fn before_the_lock(waiters: usize) {
    let scene = Scene::of(waiters, []);
    let grants = hold_grants(&scene.home);
    let winner = scene.start();
    winner.wait_until_it_waits();
    let ends = scene.kill(winner, grants);
    scene.is_renewed(&ends, "minted-refresh-1", 1);
}

fn before_the_intent(waiters: usize) {
    let scene = Scene::of(waiters, []);
    let store = hold(&scene.home, "auth.lock");
    let winner = scene.start();
    winner.wait_until_it_waits();
    let ends = scene.kill(winner, store);
    scene.is_renewed(&ends, "minted-refresh-1", 1);
}

fn before_the_post_arrived(waiters: usize) {
    let scene = Scene::of(waiters, []);
    // Connections are made, and nobody reads from them.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", deaf.local_addr().unwrap());
    let winner = Renewal::start(&scene.home, &format!("refresh openai-codex --token-url {url}"));
    scene.wait_for_record(|record| record["refresh"]["pid"] == winner.id());
    assert_eq!(entry(&scene.home)["refresh_token"], "old-refresh");
    let ends = scene.kill(winner, deaf);
    scene.is_renewed(&ends, "minted-refresh-1", 1);
}

fn before_the_answer(waiters: usize) {
    let scene = Scene::of(waiters, [Act::Hold]);
    let winner = scene.start();
    scene.server.wait_for_posts(1);
    let ends = scene.kill(winner, ());
    scene.is_lost(&ends);
}

fn before_the_answer_of_a_forgiving_server(waiters: usize) {
    let again = r#"{"access_token": "again-access", "refresh_token": "again-refresh", "expires_in": 60}"#;
    let scene = Scene::of(waiters, [Act::Hold, Act::Say(200, again)]);
    let winner = scene.start();
    scene.server.wait_for_posts(1);
    let ends = scene.kill(winner, ());
    scene.is_renewed(&ends, "again-refresh", 2);
}

fn before_the_answer_is_kept(waiters: usize) {
    let scene = Scene::of(waiters, [Act::Hold]);
    let winner = scene.start();
    scene.server.wait_for_posts(1);
    let store = hold(&scene.home, "auth.lock");
    scene.server.release();
    scene.server.wait_for_answers(1);
    // It has read the answer, and cannot write it down.
    winner.wait_until_it_waits();
    let ends = scene.kill(winner, store);
    scene.is_lost(&ends);
}

/// Here it may have released the lock already; what is killed at each call in between is in `killed_anywhere`.
fn after_the_answer_is_kept(waiters: usize) {
    let scene = Scene::of(waiters, [Act::Hold]);
    let winner = scene.start();
    scene.server.wait_for_posts(1);
    let others: Vec<Renewal> = (0..waiters).map(|_| scene.start()).collect();
    others.iter().for_each(Renewal::wait_until_it_waits);
    scene.server.release();
    scene.wait_for_record(|record| !record["renewed_at"].is_null());
    winner.kill();
    let ends: Vec<End> = others.into_iter().map(Renewal::end).collect();
    scene.is_renewed(&ends, "minted-refresh-1", 1);
}

#[test]
fn before_it_has_the_lock_nothing_happened() {
    before_the_lock(MANY);
}

#[test]
fn before_the_intent_nothing_happened() {
    before_the_intent(MANY);
}

#[test]
fn after_the_intent_the_token_is_sent_once_more() {
    before_the_post_arrived(MANY);
}

#[test]
fn while_it_waits_for_the_answer_the_login_is_lost() {
    before_the_answer(MANY);
}

#[test]
fn while_it_waits_for_the_answer_a_forgiving_server_saves_the_login() {
    before_the_answer_of_a_forgiving_server(MANY);
}

#[test]
fn before_it_keeps_the_answer_the_login_is_lost() {
    before_the_answer_is_kept(MANY);
}

#[test]
fn after_the_answer_is_kept_nothing_is_lost() {
    after_the_answer_is_kept(MANY);
}

#[test]
#[ignore = "it takes long: .ci/run runs it"]
fn at_each_step_before_the_eyes_of_a_hundred_and_twenty() {
    STEPS.iter().for_each(|step| step(MORE));
}
