//! The transition table of docs/design.md section 4: one row a case, one column a state that it begins in.

mod support;

use chrono::TimeDelta;
use pool_core::{Grant, Outcome, Revive, State, Tokens};
use support::sim::Sim;
use support::{
    bad_request, days, held, hours, limited_until, login, mins, overloaded, refused, revoked, secret, secs,
    start, stored, throttled, token_of, unpaid,
};

/// What became of a credential that was ok, exhausted or dead.
#[derive(PartialEq, Debug)]
struct Row {
    from_ok: String,
    from_exhausted: String,
    from_dead: String,
}

/// Runs one event on each of the three states, a minute after the state was reached.
fn row(event: impl Fn(&mut Sim)) -> Row {
    let after = |begin: fn(&mut Sim)| {
        let mut sim = Sim::of([subject(), bystander()]);
        begin(&mut sim);
        sim.advance(mins(1));
        event(&mut sim);
        if sim.has("a") { sim.status("a") } else { "gone".to_owned() }
    };
    Row { from_ok: after(|_| {}), from_exhausted: after(exhaust), from_dead: after(kill) }
}

fn is(from_ok: &str, from_exhausted: &str, from_dead: &str) -> Row {
    Row { from_ok: from_ok.into(), from_exhausted: from_exhausted.into(), from_dead: from_dead.into() }
}

/// A login that nobody added by hand, of an account that is known.
fn subject() -> pool_core::Credential {
    login("a", &token_of("mine", 1), "refresh-1")
}

/// With a second one there is something to rotate to, so that a throttle lasts as long as it says.
fn bystander() -> pool_core::Credential {
    login("b", &token_of("other", 1), "refresh-b")
}

fn exhaust(sim: &mut Sim) {
    sim.fail("a", refused());
}

fn kill(sim: &mut Sim) {
    sim.fail("a", revoked());
}

fn tokens(account: &str, serial: u32) -> Tokens {
    Tokens::access(secret(&token_of(account, serial)))
        .with_refresh(Some(secret(&format!("refresh-{serial}"))))
}

// The rows.

#[test]
fn a_transient_failure_exhausts_what_is_not_dead() {
    for failure in [throttled(), refused(), unpaid(), overloaded()] {
        let outcome = row(|sim| drop(sim.fail("a", failure.clone())));
        assert_eq!(outcome, is("exhausted", "exhausted", "dead"), "{failure:?}");
    }
}

#[test]
fn a_terminal_failure_kills() {
    assert_eq!(row(|sim| drop(sim.fail("a", revoked()))), is("dead", "dead", "dead"));
}

#[test]
fn the_requests_own_fault_changes_nothing() {
    assert_eq!(row(|sim| drop(sim.fail("a", bad_request()))), is("ok", "exhausted", "dead"));
}

#[test]
fn a_success_clears_what_is_not_dead() {
    assert_eq!(row(|sim| drop(sim.succeed("a"))), is("ok", "ok", "dead"));
}

#[test]
fn a_success_that_began_before_the_verdict_clears_nothing() {
    let late = |sim: &mut Sim| drop(sim.succeed_since(stored("a"), start()));
    assert_eq!(row(late), is("ok", "exhausted", "dead"));
}

#[test]
fn a_success_with_a_secret_that_is_no_longer_stored_clears_nothing() {
    let stale = |sim: &mut Sim| {
        assert_eq!(sim.succeed_since(held("a", "an older secret"), sim.now), Outcome::Stale);
    };
    assert_eq!(row(stale), is("ok", "exhausted", "dead"));
}

#[test]
fn at_its_reset_time_what_is_exhausted_returns() {
    assert_eq!(row(|sim| sim.advance(mins(5))), is("ok", "ok", "dead"));
    assert_eq!(row(|sim| sim.advance(mins(4) - secs(1))), is("ok", "exhausted", "dead"));
}

#[test]
fn a_new_secret_brings_back_what_was_judged_by_the_old_one() {
    let ours = |sim: &mut Sim| drop(sim.rotate(stored("a"), tokens("mine", 2), Grant::New));
    let refresh = |sim: &mut Sim| drop(sim.rotate(stored("a"), tokens("mine", 2), Grant::Same));
    let elsewhere = |sim: &mut Sim| sim.sign_in_elsewhere("a", tokens("mine", 2));
    assert_eq!(row(ours), is("ok", "ok", "ok"));
    assert_eq!(row(refresh), is("ok", "ok", "ok"));
    assert_eq!(row(elsewhere), is("ok", "ok", "ok"));
}

#[test]
fn a_secret_that_is_replaced_by_itself_changes_nothing() {
    let ours = |sim: &mut Sim| drop(sim.rotate(stored("a"), tokens("mine", 1), Grant::New));
    let refresh = |sim: &mut Sim| drop(sim.rotate(stored("a"), tokens("mine", 1), Grant::Same));
    let by_nothing = |sim: &mut Sim| drop(sim.rotate(stored("a"), Tokens::default(), Grant::New));
    let elsewhere = |sim: &mut Sim| sim.sign_in_elsewhere("a", tokens("mine", 1));
    assert_eq!(row(ours), is("ok", "exhausted", "dead"));
    assert_eq!(row(refresh), is("ok", "exhausted", "dead"));
    assert_eq!(row(by_nothing), is("ok", "exhausted", "dead"));
    assert_eq!(row(elsewhere), is("ok", "exhausted", "dead"));
}

#[test]
fn the_operator_clears_cooldowns_and_revives_only_when_told() {
    assert_eq!(row(|sim| drop(sim.reset(Revive::Nobody))), is("ok", "ok", "dead"));
    assert_eq!(row(|sim| drop(sim.reset(Revive::TheDead))), is("ok", "ok", "ok"));
}

#[test]
fn after_24_hours_the_dead_are_kept_where_their_source_would_seed_them_again() {
    let a_day = |sim: &mut Sim| {
        sim.advance(hours(24));
        sim.prune();
    };
    assert_eq!(row(a_day), is("ok", "ok", "dead"));
}

#[test]
fn after_24_hours_the_dead_that_were_added_by_hand_go() {
    for source in ["manual", "manual:dashboard_pkce"] {
        let by_hand_for = |age: TimeDelta| {
            row(|sim| {
                sim.edit_elsewhere(|credentials| credentials[0].source = pool_core::Source::new(source));
                sim.advance(age - mins(1));
                sim.prune();
            })
        };
        assert_eq!(by_hand_for(hours(24) - secs(1)), is("ok", "ok", "dead"));
        assert_eq!(by_hand_for(hours(24)), is("ok", "ok", "gone"));
        assert_eq!(by_hand_for(days(400)), is("ok", "ok", "gone"));
    }
}

// What the cells say beside the word.

#[test]
fn of_two_resets_the_later_wins() {
    let mut sim = Sim::of([subject(), bystander()]);
    sim.fail("a", limited_until(start() + mins(30)));
    sim.advance(mins(1));
    sim.fail("a", limited_until(start() + mins(20)));
    assert_eq!(sim.rest("a"), Some(mins(29)));
    sim.fail("a", limited_until(start() + mins(40)));
    assert_eq!(sim.rest("a"), Some(mins(39)));
}

#[test]
fn a_verdict_that_does_not_extend_leaves_the_earlier_one_whole() {
    let mut sim = Sim::of([subject(), bystander()]);
    sim.fail("a", unpaid());
    let earlier = sim.state("a");
    sim.advance(mins(1));
    let outcome = sim.fail("a", refused());
    assert_eq!(sim.state("a"), earlier);
    let Outcome::Judged { standing, marked } = outcome else { panic!("{outcome:?}") };
    assert_eq!(marked, []);
    assert_eq!(standing.error().and_then(|error| error.code), Some(402));
}

#[test]
fn death_keeps_its_first_time_and_reason() {
    let mut sim = Sim::of([subject(), bystander()]);
    kill(&mut sim);
    let first = sim.state("a");
    sim.advance(mins(1));
    sim.fail("a", pool_core::Failure::http(401).code("refresh_token_reused"));
    assert_eq!(sim.state("a"), first);
    let State::Dead(death) = first else { panic!("{first:?}") };
    assert_eq!((death.at, death.error.reason.as_deref()), (Some(start()), Some("token_invalidated")));
}

#[test]
fn what_is_cleared_says_when() {
    let ways: [fn(&mut Sim); 3] = [
        |sim| drop(sim.reset(Revive::TheDead)),
        |sim| drop(sim.rotate(stored("a"), tokens("mine", 2), Grant::New)),
        |sim| drop(sim.succeed("a")),
    ];
    for clear in ways {
        let mut sim = Sim::of([subject(), bystander()]);
        exhaust(&mut sim);
        sim.advance(mins(1));
        clear(&mut sim);
        assert_eq!(sim.state("a"), State::Ok { since: Some(start() + mins(1)) });
    }
}

#[test]
fn nobody_else_is_touched() {
    let events: [fn(&mut Sim); 5] = [
        exhaust,
        kill,
        |sim| drop(sim.succeed("a")),
        |sim| drop(sim.rotate(stored("a"), tokens("mine", 2), Grant::New)),
        |sim| drop(sim.remove("a")),
    ];
    for event in events {
        let mut sim = Sim::of([subject(), bystander()]);
        sim.fail("b", refused());
        let before = sim.state("b");
        sim.advance(mins(1));
        event(&mut sim);
        assert_eq!(sim.state("b"), before);
    }
}
