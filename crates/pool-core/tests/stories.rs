//! What the rules are like to live with, told one situation a test.

mod support;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Action, Change, ChangeError, Cooldowns, Credential, DefinitionEdit, Failure, Fingerprint, Grant,
    InFlight as _, Judged, Judgement, Kind, LastError, NoSecret, Outcome, PickRequest, Pools, Provider,
    Record, ResetFrom, Rest, Revive, SelectError, Source, Standing, State, Strategy, Target, Tokens,
    Unresolved, Usage, WhyOut,
};
use support::sim::{NOBODY, Sim};
use support::{
    blank, codex, days, fingerprint, held, hours, id, instant, key, lent, limited_until, login, mins,
    overloaded, refused, revoked, secret, secs, start, stored, throttled, token_of, unpaid,
};

fn marked(outcome: Outcome) -> Vec<String> {
    match outcome {
        Outcome::Judged { marked, .. } => marked.iter().map(ToString::to_string).collect(),
        other => panic!("not judged: {other:?}"),
    }
}

fn tokens(access: &str, refresh: &str) -> Tokens {
    Tokens::access(secret(access)).with_refresh(Some(secret(refresh)))
}

fn what_was_said(code: u16) -> LastError {
    LastError::of(&Failure::http(code), Kind::RateLimit, None)
}

mod the_incident_of_the_seed {
    use super::*;

    /// Three logins for Codex; the first in line was revoked upstream.
    fn fleet() -> Sim {
        let mut sim = Sim::of([
            login("9de82c", &token_of("revoked", 1), "refresh-1"),
            login("b31573", &token_of("healthy", 1), "refresh-2"),
            login("44d0aa", &token_of("spare", 1), "refresh-3"),
        ]);
        sim.edit_elsewhere(|credentials| {
            for (priority, credential) in (3..).zip(credentials) {
                credential.priority = priority;
            }
        });
        sim
    }

    #[test]
    fn a_revoked_login_costs_one_failure_that_day_not_seven() {
        let mut sim = fleet();
        let mut failures = Vec::new();
        while sim.now <= instant("2026-05-26T17:50:00Z") {
            while sim.next() == "9de82c" {
                sim.fail("9de82c", revoked());
                failures.push(sim.now);
            }
            sim.advance(mins(1));
        }
        assert_eq!(failures, [start()]);
        assert_eq!(sim.status("9de82c"), "dead");
    }

    #[test]
    fn the_operator_sees_why_it_is_out() {
        let mut sim = fleet();
        sim.fail("9de82c", revoked());
        sim.advance(hours(7));
        let standing = sim.standing("9de82c");
        assert_eq!(standing.since(), Some(start()));
        assert_eq!(standing.until(), None, "it does not return by itself");
        let error = standing.error().expect("a dead credential says why");
        assert_eq!((error.kind, error.code), (Kind::AuthPermanent, Some(401)));
        assert_eq!(error.reason.as_deref(), Some("token_invalidated"));
        let message = "Your authentication token has been invalidated. Please try signing in again.";
        assert_eq!(error.message.as_deref(), Some(message));
    }

    #[test]
    fn signed_in_again_anywhere_it_is_back_with_its_id_and_priority() {
        let new = || tokens(&token_of("revoked", 2), "refresh-4");
        let ways: [fn(&mut Sim, Tokens); 2] = [
            |sim, tokens| sim.sign_in_elsewhere("9de82c", tokens),
            |sim, tokens| drop(sim.rotate(stored("9de82c"), tokens, Grant::New)),
        ];
        for sign_in in ways {
            let mut sim = fleet();
            sim.fail("9de82c", revoked());
            sim.advance(hours(30));
            assert_eq!(sim.peek(), "b31573");
            sign_in(&mut sim, new());
            assert_eq!(sim.peek(), "9de82c");
            assert_eq!(sim.credential("9de82c").priority, 3);
        }
    }

    #[test]
    fn a_death_that_names_no_secret_ends_when_we_bring_a_new_one() {
        let mut sim = fleet();
        sim.fail("9de82c", revoked());
        let State::Dead(death) = sim.state("9de82c") else { panic!("it is dead") };
        sim.read_state("9de82c", State::Dead(pool_core::Death { subject: None, ..death }));
        sim.sign_in_elsewhere("9de82c", tokens(&token_of("revoked", 2), "refresh-4"));
        assert_eq!(sim.status("9de82c"), "dead", "nobody knows which secret it was");
        sim.rotate(stored("9de82c"), tokens(&token_of("revoked", 3), "refresh-5"), Grant::New);
        assert_eq!(sim.status("9de82c"), "ok");
    }

    #[test]
    fn a_reset_counts_only_who_was_not_ok() {
        let mut sim = fleet();
        sim.fail("9de82c", revoked());
        sim.sign_in_elsewhere("9de82c", tokens(&token_of("revoked", 2), "refresh-4"));
        sim.fail("b31573", revoked());
        sim.fail("44d0aa", throttled());
        assert_eq!(sim.reset(Revive::Nobody), Outcome::Reset { cleared: vec![id("44d0aa")] });
        assert_eq!(sim.reset(Revive::TheDead), Outcome::Reset { cleared: vec![id("b31573")] });
        assert_eq!(sim.reset(Revive::TheDead), Outcome::Reset { cleared: vec![] });
    }

    #[test]
    fn the_late_401_of_another_request_does_not_kill_the_token_that_replaced_it() {
        let mut sim = fleet().lease_cap(2);
        let (first, second) = (sim.lease(), sim.lease());
        assert_eq!(first.target(), second.target());
        sim.fail_target(first.target(), revoked());
        drop(first);
        sim.rotate(stored("9de82c"), tokens(&token_of("revoked", 2), "refresh-4"), Grant::Same);
        sim.advance(secs(1));
        assert_eq!(sim.fail_target(second.target(), revoked()), Outcome::Stale);
        drop(second);
        assert_eq!(sim.peek(), "9de82c");
    }

    #[test]
    fn a_spent_refresh_token_is_judged_apart_from_the_access_token() {
        let mut sim = fleet();
        sim.fail_target(held("9de82c", "refresh-1"), Failure::http(401).code("refresh_token_reused"));
        sim.sign_in_elsewhere("9de82c", tokens(&token_of("revoked", 2), "refresh-1"));
        assert_eq!(sim.status("9de82c"), "dead", "the refresh token that was judged is still there");
        sim.sign_in_elsewhere("9de82c", tokens(&token_of("revoked", 2), "refresh-4"));
        assert_eq!(sim.status("9de82c"), "ok");
    }
}

mod cooldowns {
    use super::*;

    #[test]
    fn an_exhausted_key_returns_at_its_reset() {
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.fail("a", limited_until(start() + secs(60)));
        assert_eq!(sim.next(), "b");
        sim.advance(secs(59));
        assert_eq!(sim.next(), "b");
        sim.advance(secs(1));
        assert_eq!(sim.next(), "a");
        assert!(!sim.state("a").holds(sim.credential("a"), &codex(), sim.now));
    }

    #[test]
    fn each_kind_of_failure_has_its_rest() {
        let cases = [
            (Failure::no_answer(), secs(60)),
            (refused(), mins(5)),
            (unpaid(), hours(1)),
            (Failure::http(403), hours(1)),
            (throttled(), hours(1)),
            (Failure::http(500), hours(1)),
            (overloaded(), hours(1)),
        ];
        for (failure, rest) in cases {
            let mut sim = Sim::with_keys(["a", "b"]);
            sim.fail("a", failure.clone());
            assert_eq!(sim.rest("a"), Some(rest), "{failure:?}");
        }
    }

    #[test]
    fn what_a_provider_says_overrides_the_table_within_reason() {
        let cases = [
            (mins(2), mins(2), ResetFrom::Provider),
            (days(45), days(45), ResetFrom::Provider),
            (days(46), hours(1), ResetFrom::Default),
            (secs(0), hours(1), ResetFrom::Default),
            (mins(-2), hours(1), ResetFrom::Default),
        ];
        for (stated, rest, says_who) in cases {
            let mut sim = Sim::with_keys(["a", "b"]);
            sim.fail("a", limited_until(start() + stated));
            let Standing::Resting { until, from, .. } = sim.standing("a") else { panic!("it rests") };
            assert_eq!((until - start(), from), (rest, says_who), "{stated}");
        }
    }

    #[test]
    fn a_cooldown_cleared_by_hand_stays_cleared_until_news() {
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.fail("a", throttled());
        sim.reset(Revive::Nobody);
        assert_eq!(sim.next(), "a");
        sim.fail("a", throttled());
        assert_eq!(sim.next(), "b");
    }

    #[test]
    fn news_from_before_it_was_cleared_does_not_undo_that() {
        for news in [throttled(), revoked()] {
            let mut sim = Sim::with_keys(["a", "b"]);
            sim.fail("a", throttled());
            sim.advance(secs(10));
            sim.reset(Revive::Nobody);
            sim.advance(secs(-1));
            assert_eq!(marked(sim.fail("a", news)), [""; 0]);
            sim.advance(secs(1));
            assert_eq!(sim.next(), "a");
        }
    }

    #[test]
    fn a_request_that_began_earlier_does_not_clear_what_was_judged_meanwhile() {
        let mut sim = Sim::with_keys(["a", "b"]).lease_cap(2);
        let slow = sim.lease();
        sim.advance(secs(10));
        let quick = sim.lease();
        sim.advance(secs(1));
        sim.fail_target(quick.target(), throttled());
        sim.advance(secs(1));
        sim.succeed_since(slow.target(), slow.picked_at());
        assert_eq!(sim.status("a"), "exhausted");
        sim.succeed_since(slow.target(), sim.now);
        assert_eq!(sim.status("a"), "ok");
    }

    #[test]
    fn a_verdict_from_a_clock_that_is_ahead_counts_as_of_now() {
        let mut sim = Sim::with_keys(["a", "b"]);
        let rest = |at| Rest {
            at: Some(at),
            until: start() + hours(9),
            from: ResetFrom::Default,
            judged: Judged::Unbound,
            error: what_was_said(429),
        };
        sim.read_state("a", State::Exhausted(rest(start() + hours(8))));
        assert_eq!(sim.state("a").judged_at(sim.now), Some(start()));
        sim.advance(mins(1));
        sim.succeed("a");
        assert_eq!(sim.status("a"), "exhausted", "a success of now is not later than now");

        sim.read_state("a", State::Exhausted(rest(sim.now + mins(5))));
        assert_eq!(sim.state("a").judged_at(sim.now), Some(sim.now + mins(5)), "so little is tolerated");
    }

    #[test]
    fn a_rest_that_is_read_back_has_an_end_that_can_be_believed() {
        let (at, now) = (start() - mins(10), start());
        let provider = |time: DateTime<Utc>| Some((time, ResetFrom::Provider));
        let read = |at, reset| Rest::read(at, reset, Judged::Unbound, what_was_said(429), now);
        let end = |rest: Option<Rest>| rest.map(|rest| (rest.until, rest.from));

        assert_eq!(end(read(Some(at), provider(now + mins(1)))), provider(now + mins(1)));
        assert_eq!(end(read(Some(at), provider(at + days(45)))), provider(at + days(45)));
        let by_table = Some((at + hours(1), ResetFrom::Default));
        assert_eq!(end(read(Some(at), provider(at + days(46)))), by_table);
        assert_eq!(end(read(Some(at), None)), by_table);
        assert_eq!(end(read(Some(now + days(1)), None)), Some((now + hours(1), ResetFrom::Default)));
        assert_eq!(end(read(Some(at), provider(at - days(1)))), provider(at - days(1)), "over long ago");
        assert_eq!(read(None, None), None, "with neither time it is over");
        assert_eq!(read(None, provider(now + days(46))), None);
    }
}

mod the_only_one {
    use super::*;

    /// One key that could serve, beside others that could not however long one waits.
    fn alone() -> Sim {
        let mut sim = Sim::of([
            key("a"),
            key("dead"),
            blank("blank"),
            lent("lent", Err(Unresolved::VariableNotSet)),
            key("newer"),
            key("removed"),
        ]);
        sim.fail("dead", revoked());
        sim.read_state("newer", State::Unknown { word: "quarantined".into() });
        sim.read_state("removed", State::Removed { at: None, subject: Some(fingerprint("key-removed")) });
        sim
    }

    #[test]
    fn its_throttle_ends_after_a_minute_since_there_is_nothing_to_rotate_to() {
        for failure in [throttled(), Failure::http(403), Failure::http(500), overloaded()] {
            let mut sim = alone();
            sim.fail("a", failure.clone());
            assert_eq!(sim.rest("a"), Some(secs(60)), "{failure:?}");
            assert_eq!(sim.unavailable().first_return().map(|(_, at)| at), Some(start() + secs(60)));
            sim.advance(secs(59));
            assert_eq!(sim.peek(), NOBODY);
            sim.advance(secs(1));
            assert_eq!(sim.peek(), "a");
        }
    }

    #[test]
    fn not_so_for_money_a_refused_secret_or_what_the_provider_said() {
        let cases =
            [(unpaid(), hours(1)), (refused(), mins(5)), (limited_until(start() + mins(20)), mins(20))];
        for (failure, rest) in cases {
            let mut sim = alone();
            sim.fail("a", failure.clone());
            assert_eq!(sim.rest("a"), Some(rest), "{failure:?}");
        }
    }

    #[test]
    fn it_is_decided_when_asked_and_not_written() {
        let mut sim = alone();
        sim.fail("a", throttled());
        sim.add(key("b")).expect("it is new");
        assert_eq!(sim.rest("a"), Some(hours(1)));
        sim.remove("b");
        assert_eq!(sim.rest("a"), Some(secs(60)));
    }

    #[test]
    fn a_key_that_rests_is_another_one() {
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.fail("a", throttled());
        sim.fail("b", unpaid());
        assert_eq!(sim.rest("a"), Some(hours(1)));
    }

    #[test]
    fn each_new_throttle_rests_another_minute() {
        let mut sim = alone();
        for _ in 0..3 {
            assert_eq!(sim.next(), "a");
            sim.fail("a", throttled());
            assert_eq!(sim.next(), NOBODY);
            sim.advance(secs(60));
        }
    }

    #[test]
    fn whatever_fails_after_that_minute_rests_as_long_as_it_should() {
        for (failure, rest) in [(refused(), mins(5)), (Failure::no_answer(), secs(60))] {
            let mut sim = alone();
            sim.fail("a", throttled());
            sim.advance(secs(60));
            sim.fail("a", failure.clone());
            assert_eq!(sim.rest("a"), Some(rest), "{failure:?}");
        }
    }

    #[test]
    fn who_cannot_serve_does_not_rest_shorter_because_another_can() {
        let mut sim = Sim::of([key("a"), lent("lent", Err(Unresolved::VariableNotSet))]);
        sim.fail("lent", throttled());
        sim.advance(mins(2));
        assert_eq!(sim.standing("lent").status(), "exhausted");
        let before = sim.state("lent");
        sim.fail("lent", refused());
        assert_eq!(sim.state("lent"), before, "the refusal ends sooner than the throttle");
    }
}

mod accounts {
    use super::*;

    /// Two logins of one account, one of another, and a key of which nobody knows the account.
    fn household() -> Sim {
        Sim::of([
            login("laptop", &token_of("home", 1), "refresh-1"),
            login("desktop", &token_of("home", 2), "refresh-2"),
            login("work", &token_of("work", 1), "refresh-3"),
            key("key"),
        ])
    }

    #[test]
    fn a_quota_of_an_account_rests_all_its_logins() {
        let mut sim = household();
        assert_eq!(marked(sim.fail("desktop", throttled())), ["laptop", "desktop"]);
        assert_eq!(sim.peek(), "work");
    }

    #[test]
    fn what_is_said_of_one_secret_rests_only_that_one() {
        for failure in [refused(), revoked(), overloaded(), Failure::no_answer()] {
            let mut sim = household();
            assert_eq!(marked(sim.fail("laptop", failure.clone())), ["laptop"], "{failure:?}");
            assert_eq!(sim.peek(), "desktop");
        }
    }

    #[test]
    fn an_unknown_account_is_never_the_same() {
        let mut sim =
            Sim::of([key("a"), key("b"), login("c", "opaque", "refresh"), login("d", "opaque too", "other")]);
        assert_eq!(marked(sim.fail("a", unpaid())), ["a"]);
        assert_eq!(marked(sim.fail("c", unpaid())), ["c"]);
    }

    #[test]
    fn a_sibling_that_rests_longer_or_is_dead_keeps_its_verdict() {
        let mut sim = household();
        sim.fail("desktop", revoked());
        sim.fail("laptop", limited_until(start() + hours(2)));
        let (laptop, desktop) = (sim.state("laptop"), sim.state("desktop"));
        sim.sign_in_elsewhere("key", tokens(&token_of("home", 3), "refresh-4"));
        assert_eq!(marked(sim.fail("key", throttled())), ["key"]);
        assert_eq!((sim.state("laptop"), sim.state("desktop")), (laptop, desktop));
    }

    #[test]
    fn a_quota_survives_a_new_token_of_the_account_and_a_refused_secret_does_not() {
        let forbidden = Failure::http(403);
        let quotas = [throttled(), unpaid(), forbidden].map(|failure| (failure, true));
        let refusals = [refused(), revoked(), overloaded()].map(|failure| (failure, false));
        for (failure, survives) in quotas.into_iter().chain(refusals) {
            let ways: [fn(&mut Sim, Tokens); 3] = [
                |sim, tokens| sim.sign_in_elsewhere("laptop", tokens),
                |sim, tokens| drop(sim.rotate(stored("laptop"), tokens, Grant::New)),
                |sim, tokens| drop(sim.rotate(stored("laptop"), tokens, Grant::Same)),
            ];
            for renew in ways {
                let mut sim = household();
                sim.fail("laptop", failure.clone());
                renew(&mut sim, tokens(&token_of("home", 9), "refresh-9"));
                assert_eq!(sim.status("laptop") == "exhausted", survives, "{failure:?}");
            }
        }
    }

    #[test]
    fn a_quota_does_not_follow_to_another_account() {
        let mut sim = household();
        sim.fail("laptop", throttled());
        sim.sign_in_elsewhere("laptop", tokens(&token_of("somebody else", 1), "refresh-9"));
        assert_eq!(sim.status("laptop"), "ok");

        let mut sim = household();
        sim.fail("laptop", throttled());
        sim.rotate(stored("laptop"), tokens(&token_of("somebody else", 1), "refresh-9"), Grant::New);
        assert_eq!(sim.status("laptop"), "ok");
    }

    #[test]
    fn our_own_refresh_keeps_a_quota_even_where_the_account_is_not_known() {
        let renewed = |failure: Failure, grant| {
            let mut sim = Sim::of([login("a", "opaque", "refresh"), key("b")]);
            sim.fail("a", failure);
            sim.rotate(stored("a"), tokens("opaque 2", "refresh 2"), grant);
            sim
        };
        let mut sim = renewed(throttled(), Grant::Same);
        assert_eq!(sim.rest("a"), Some(hours(1)));
        sim.sign_in_elsewhere("a", tokens("opaque 3", "refresh 3"));
        assert_eq!(sim.status("a"), "ok", "it is bound to the token that the refresh brought");

        assert_eq!(renewed(throttled(), Grant::New).status("a"), "ok");
        assert_eq!(renewed(refused(), Grant::Same).status("a"), "ok");
        assert_eq!(renewed(overloaded(), Grant::Same).status("a"), "ok", "an outage is no quota");
    }

    #[test]
    fn a_refresh_that_brings_no_refresh_token_keeps_the_old_one() {
        let mut sim = household();
        sim.rotate(stored("laptop"), Tokens::access(secret("opaque")), Grant::Same);
        assert!(sim.credential("laptop").holds(fingerprint("refresh-1")));
        assert!(sim.credential("laptop").holds(fingerprint("opaque")));
    }

    #[test]
    fn a_secret_that_several_store_is_judged_wherever_it_stands() {
        let mut sim = Sim::of([login("a", "access-a", "shared"), login("b", "access-b", "shared"), key("c")]);
        let spent = Failure::http(401).code("refresh_token_reused");
        assert_eq!(marked(sim.fail_target(Target::Secret(fingerprint("shared")), spent)), ["a", "b"]);
        for name in ["a", "b"] {
            sim.sign_in_elsewhere(name, tokens("a new access token", "shared"));
            assert_eq!(sim.status(name), "dead", "{name} still has the refresh token that was judged");
            sim.sign_in_elsewhere(name, tokens("a new access token", &format!("not shared by {name}")));
            assert_eq!(sim.status(name), "ok", "{name}");
        }
    }
}

mod pruning {
    use super::*;

    fn dead_since(at: Option<DateTime<Utc>>, source: &str) -> Sim {
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.edit_elsewhere(|credentials| credentials[0].source = Source::new(source));
        sim.fail("a", revoked());
        let State::Dead(death) = sim.state("a") else { panic!("it is dead") };
        sim.read_state("a", State::Dead(pool_core::Death { at, ..death }));
        sim
    }

    #[test]
    fn a_day_after_its_death_goes_what_a_person_added() {
        for source in ["manual", "manual:device_code", "MANUAL"] {
            let mut sim = dead_since(Some(start()), source);
            sim.advance(hours(24) - secs(1));
            assert_eq!(sim.prune(), [""; 0], "{source}");
            sim.advance(secs(1));
            assert_eq!(sim.prune(), ["a"], "{source}");
            assert!(!sim.has("a"));
        }
    }

    #[test]
    fn what_a_source_would_seed_again_stays() {
        for source in ["device_code", "env:KEY", "claude_code", "", "manually"] {
            let mut sim = dead_since(Some(start()), source);
            sim.advance(days(90));
            assert_eq!(sim.prune(), [""; 0], "{source}");
        }
    }

    #[test]
    fn a_time_of_death_that_cannot_be_believed_prunes_nothing() {
        for at in [None, Some(instant("2019-12-31T23:59:59Z")), Some(start() + hours(48))] {
            let mut sim = dead_since(at, "manual");
            sim.advance(hours(25));
            assert_eq!(sim.prune(), [""; 0], "{at:?}");
        }
        assert_eq!(dead_since(Some(instant("2020-01-01T00:00:00Z")), "manual").prune(), ["a"]);
    }

    #[test]
    fn a_secret_that_was_replaced_is_looked_at_first() {
        let mut sim = dead_since(Some(start()), "manual");
        sim.advance(days(2));
        sim.sign_in_elsewhere("a", Tokens::access(secret("a new key")));
        assert_eq!(sim.prune(), [""; 0]);
        assert_eq!(sim.peek(), "a");
    }

    #[test]
    fn the_store_learns_what_to_drop_and_the_log_why() {
        let mut sim = dead_since(Some(start()), "manual");
        sim.advance(days(2));
        let [pruned] = sim.pool.prune(sim.now).try_into().expect("one goes");
        assert_eq!((pruned.label.as_str(), pruned.reason.as_str()), ("label of a", "token_invalidated"));
        assert_eq!(pruned.edit(), DefinitionEdit::Removed(id("a"), Some(fingerprint("key-a"))));
        let remembered = State::Removed { at: Some(sim.now), subject: Some(fingerprint("key-a")) };
        assert_eq!(sim.state("a"), remembered);
    }
}

mod removal {
    use super::*;

    #[test]
    fn a_removed_key_that_a_stale_writer_brings_back_is_not_handed_out() {
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.remove("a");
        sim.edit_elsewhere(|credentials| credentials.push(key("a")));
        assert_eq!(sim.status("a"), "removed");
        assert_eq!(sim.next(), "b");
        assert_eq!(sim.prune(), ["a"]);
        assert!(!sim.has("a"));
    }

    #[test]
    fn with_another_secret_it_is_a_new_one() {
        let mut sim = Sim::with_keys(["a"]);
        sim.remove("a");
        sim.edit_elsewhere(|credentials| credentials.push(key("a")));
        sim.sign_in_elsewhere("a", Tokens::access(secret("another key")));
        assert_eq!(sim.next(), "a");
        assert_eq!(sim.prune(), [""; 0]);
    }

    #[test]
    fn added_again_it_is_back() {
        let mut sim = Sim::with_keys(["a"]);
        sim.remove("a");
        sim.add(key("a")).expect("nobody has that id or secret");
        assert_eq!(sim.next(), "a");
    }

    #[test]
    fn what_a_stale_writer_brought_back_does_not_keep_it_from_being_added_again() {
        for new in [key("a"), Credential { id: id("c"), ..key("a") }] {
            let name = new.id.to_string();
            let mut sim = Sim::with_keys(["a"]);
            sim.remove("a");
            sim.edit_elsewhere(|credentials| credentials.push(key("a")));
            sim.add(new).expect("whoever was removed is not in the way");
            assert_eq!(sim.next(), name);
            sim.prune();
            assert_eq!(sim.pool.credentials().len(), 1);
            assert_eq!(sim.next(), name);
        }
    }

    #[test]
    fn neither_a_late_report_nor_the_operator_undoes_a_removal() {
        let events: [fn(&mut Sim); 6] = [
            |sim| drop(sim.fail("a", throttled())),
            |sim| drop(sim.fail("a", revoked())),
            |sim| drop(sim.fail("sibling", throttled())),
            |sim| drop(sim.succeed("a")),
            |sim| drop(sim.reset(Revive::TheDead)),
            |sim| drop(sim.rotate(stored("a"), Tokens::default(), Grant::Same)),
        ];
        for event in events {
            let removed = || login("a", &token_of("home", 1), "refresh-1");
            let mut sim = Sim::of([removed(), login("sibling", &token_of("home", 2), "refresh-2"), key("c")]);
            sim.remove("a");
            sim.edit_elsewhere(|credentials| credentials.insert(0, removed()));
            event(&mut sim);
            sim.advance(days(1));
            assert_eq!(sim.status("a"), "removed");
        }
    }

    #[test]
    fn it_is_remembered_for_30_days() {
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.remove("a");
        sim.advance(days(30));
        assert_eq!(sim.pool.forget_removed(sim.now), []);
        sim.advance(secs(1));
        assert_eq!(sim.pool.forget_removed(sim.now), [id("a")]);
        assert_eq!(sim.pool.record(&id("a")), None);
    }

    #[test]
    fn while_it_is_brought_back_it_is_not_forgotten() {
        let mut sim = Sim::with_keys(["a"]);
        sim.remove("a");
        sim.edit_elsewhere(|credentials| credentials.push(key("a")));
        sim.advance(days(31));
        assert_eq!(sim.pool.forget_removed(sim.now), []);
        assert_eq!(sim.next(), NOBODY);
    }
}

mod words_of_a_newer_program {
    use super::*;

    #[test]
    fn are_kept_and_fail_closed() {
        let unknown = State::Unknown { word: "quarantined".into() };
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.read_state("a", unknown.clone());
        let events: [fn(&mut Sim); 6] = [
            |sim| drop(sim.fail("a", throttled())),
            |sim| drop(sim.fail("a", revoked())),
            |sim| drop(sim.succeed("a")),
            |sim| drop(sim.reset(Revive::TheDead)),
            |sim| drop(sim.rotate(stored("a"), Tokens::access(secret("new")), Grant::New)),
            |sim| drop(sim.prune()),
        ];
        for event in events {
            event(&mut sim);
            sim.advance(days(2));
            assert_eq!(sim.state("a"), unknown);
            assert_eq!(sim.status("a"), "quarantined");
            assert_eq!(sim.peek(), "b");
        }
    }
}

mod namesakes {
    //! Two entries of one id share a record; the secret in it tells verdicts apart.

    use super::*;

    fn two_of_a() -> Sim {
        let other = Credential { label: "other".into(), priority: 2, ..key("b") };
        let mut sim = Sim::of([key("a"), Credential { id: id("a"), ..other }]);
        sim.edit_elsewhere(|credentials| credentials.push(Credential { priority: 1, ..key("between") }));
        sim
    }

    fn ready(sim: &Sim) -> Vec<String> {
        let ready = sim.pool.standings(sim.now).filter(|(_, standing)| *standing == Standing::Ready);
        ready.map(|(credential, _)| credential.label.clone()).collect()
    }

    #[test]
    fn one_may_be_dead_and_the_other_not() {
        let mut sim = two_of_a();
        sim.fail_target(held("a", "key-a"), revoked());
        assert_eq!(ready(&sim), ["label of between", "other"]);
    }

    #[test]
    fn what_happens_to_one_does_not_clear_the_other() {
        let events: [fn(&mut Sim); 3] = [
            |sim| drop(sim.succeed_since(held("a", "key-b"), sim.now)),
            |sim| drop(sim.rotate(held("a", "key-b"), Tokens::access(secret("new")), Grant::New)),
            |sim| drop(sim.apply(Action::Remove { target: held("a", "key-b") })),
        ];
        for failure in [revoked(), refused()] {
            for event in events {
                let mut sim = two_of_a();
                sim.fail_target(held("a", "key-a"), failure.clone());
                sim.advance(secs(1));
                event(&mut sim);
                assert!(!ready(&sim).contains(&"label of a".to_owned()), "{failure:?}");
            }
        }
    }

    /// One record cannot hold two verdicts: the first death is kept.
    #[test]
    fn a_failure_of_one_does_not_revive_the_other() {
        for failure in [throttled(), revoked()] {
            let mut sim = two_of_a();
            sim.fail_target(held("a", "key-a"), revoked());
            sim.fail_target(held("a", "key-b"), failure);
            assert_eq!(ready(&sim), ["label of between", "other"]);
        }
    }

    #[test]
    fn the_counters_of_one_outlive_the_other() {
        let mut sim = two_of_a();
        sim.next();
        sim.apply(Action::Remove { target: held("a", "key-b") });
        assert_eq!(sim.pool.record(&id("a")).map(|record| record.usage.request_count), Some(1));
    }

    #[test]
    fn they_are_cleared_as_one() {
        let mut sim = two_of_a();
        sim.fail_target(held("a", "key-a"), throttled());
        assert_eq!(sim.reset(Revive::Nobody), Outcome::Reset { cleared: vec![id("a")] });
    }

    #[test]
    fn their_id_does_not_say_whom_to_remove_or_renew() {
        let mut sim = two_of_a();
        let ambiguous = Err(ChangeError::Ambiguous { provider: codex(), id: id("a") });
        assert_eq!(sim.try_apply(Action::Remove { target: stored("a") }), ambiguous);
        let rotate = Action::Rotate {
            target: stored("a"),
            tokens: Tokens::access(secret("new")),
            grant: Grant::New,
            expires_at: None,
        };
        assert_eq!(sim.try_apply(rotate), ambiguous);
        assert!(
            matches!(sim.pool.select("a"), Err(SelectError::Ambiguous { candidates, .. }) if candidates.len() == 2)
        );
    }
}

mod nothing_available {
    use super::*;

    #[test]
    fn everybody_is_named_with_the_reason() {
        let mut sim = Sim::of([
            key("dead"),
            blank("blank"),
            lent("lent", Err(Unresolved::Placeholder)),
            key("newer"),
            key("removed"),
            key("resting"),
        ]);
        sim.fail("dead", revoked());
        sim.read_state("newer", State::Unknown { word: "quarantined".into() });
        sim.read_state("removed", State::Removed { at: None, subject: Some(fingerprint("key-removed")) });
        sim.fail("resting", unpaid());
        let out = sim.unavailable().out;
        let reasons: Vec<_> = out.iter().map(|out| (out.id.as_str(), out.why.standing())).collect();
        let without = |why| Some(Standing::NoSecret { why, otherwise: Box::new(Standing::Ready) });
        assert!(matches!(reasons[0], ("dead", Some(Standing::Dead { .. }))));
        assert_eq!(reasons[1], ("blank", without(NoSecret::NotStored).as_ref()));
        assert_eq!(reasons[2], ("lent", without(NoSecret::NotLent(Unresolved::Placeholder)).as_ref()));
        assert_eq!(reasons[3], ("newer", Some(&Standing::UnknownStatus("quarantined".into()))));
        assert_eq!(reasons[4], ("removed", Some(&Standing::Removed)));
        assert!(matches!(reasons[5], ("resting", Some(Standing::Resting { .. }))));
    }

    #[test]
    fn the_first_to_return_and_the_last_real_error_are_told() {
        let mut sim = Sim::with_keys(["a", "b", "c", "d"]);
        sim.fail("d", revoked());
        sim.fail("b", unpaid());
        sim.advance(secs(1));
        sim.fail("c", limited_until(start() + mins(10)));
        sim.fail("a", limited_until(start() + mins(30)));
        let unavailable = sim.unavailable();
        let (first, at) = unavailable.first_return().expect("three return");
        assert_eq!((first.id.as_str(), at), ("c", start() + mins(10)));
        let (whose, error) = unavailable.last_error().expect("four failed");
        assert_eq!((whose.id.as_str(), error.code), ("a", Some(429)), "the first in line of the latest");
    }

    #[test]
    fn whom_the_request_leaves_out_is_named_too() {
        let sim = Sim::with_keys(["a"]);
        let request = PickRequest::new(codex()).leave_out(id("a"));
        let unavailable = sim.pool.pick(&request, &(), sim.now, 0).expect_err("the only one is left out");
        assert_eq!(unavailable.out.iter().map(|out| &out.why).collect::<Vec<_>>(), [&WhyOut::LeftOut]);
        assert_eq!((unavailable.first_return(), unavailable.last_error()), (None, None));
    }

    #[test]
    fn an_empty_pool_and_no_pool_answer_alike() {
        let empty = Sim::of([]).unavailable();
        let none =
            Pools::default().pick(&PickRequest::new(codex()), &(), start(), 0).expect_err("nobody is there");
        assert_eq!(empty, none);
        assert_eq!(empty.out, []);
        assert_eq!(empty.to_string(), "no usable credential for `openai-codex`");
    }

    #[test]
    fn a_lent_secret_that_is_blank_is_no_secret() {
        for empty in ["", " ", "\n\t"] {
            let mut sim = Sim::of([lent("lent", Ok(empty)), key("b")]);
            assert_eq!(sim.next(), "b", "{empty:?}");
            let why = NoSecret::NotLent(Unresolved::VariableNotSet);
            let standing = sim.standing("lent");
            assert!(matches!(standing, Standing::NoSecret { why: told, .. } if told == why), "{standing:?}");
        }
    }
}

mod models {
    use super::*;

    #[test]
    fn a_key_that_rests_for_one_model_serves_the_others() {
        let mut sim = Sim::with_keys(["a", "b"]);
        let rest = Rest {
            at: Some(start()),
            until: start() + mins(10),
            from: ResetFrom::Provider,
            judged: Judged::Secret(fingerprint("key-a")),
            error: what_was_said(429),
        };
        let models = [("large".to_owned(), State::Exhausted(rest))].into();
        sim.read_record("a", Record { models, ..Record::default() });

        assert_eq!(sim.clone().model("small").next(), "a");
        let mut large = sim.clone().model("large");
        assert_eq!(large.next(), "b");
        large.advance(mins(10));
        assert_eq!(large.next(), "a");

        let mut replaced = sim.clone().model("large");
        replaced.sign_in_elsewhere("a", Tokens::access(secret("new")));
        assert_eq!(replaced.next(), "a");

        let mut alone = sim.clone().model("large");
        alone.remove("b");
        let out = alone.unavailable().out;
        assert!(
            matches!(&out[0].why, WhyOut::Model(Standing::Resting { until, .. }) if *until == start() + mins(10))
        );

        assert_eq!(sim.reset(Revive::Nobody), Outcome::Reset { cleared: vec![id("a")] });
        assert_eq!(sim.model("large").next(), "a");
    }

    fn throttled_model() -> Failure {
        Failure::http(429).message("Rate limit reached for model `large` in organization `o`.")
    }

    #[test]
    fn a_throttle_of_a_model_that_was_named_marks_only_that() {
        let mut sim = Sim::with_keys(["a", "b"]);
        assert_eq!(marked(sim.fail("a", throttled_model().for_model("large"))), ["a"]);
        assert_eq!(sim.status("a"), "ok");
        assert_eq!(
            (sim.clone().model("large").peek(), sim.clone().model("small").peek()),
            ("b".into(), "a".into())
        );
        sim.advance(hours(1));
        assert_eq!(sim.model("large").peek(), "a");
    }

    #[test]
    fn where_no_model_was_named_the_credential_rests() {
        let mut sim = Sim::with_keys(["a", "b"]);
        sim.fail("a", throttled_model());
        assert_eq!(sim.status("a"), "exhausted");
    }

    #[test]
    fn a_model_that_is_not_there_marks_nobody_unless_it_was_named() {
        let gone = Failure::http(404).code("model_not_found");
        let mut sim = Sim::with_keys(["a", "b"]);
        assert_eq!(marked(sim.fail("a", gone.clone())), [""; 0]);
        assert_eq!(marked(sim.fail("a", gone.for_model("large"))), ["a"]);
        assert_eq!(sim.status("a"), "ok");
        assert_eq!(sim.model("large").peek(), "b");
    }

    #[test]
    fn a_success_with_a_model_ends_its_rest_and_no_other() {
        let mut sim = Sim::with_keys(["a", "b"]);
        for model in ["large", "small"] {
            sim.fail("a", throttled_model().for_model(model));
        }
        sim.advance(mins(1));
        let (target, began_at) = (stored("a"), sim.now);
        sim.apply(Action::Succeed { target, began_at, model: Some("large".to_owned()) });
        assert_eq!((sim.clone().model("large").peek(), sim.model("small").peek()), ("a".into(), "b".into()));
    }

    #[test]
    fn models_that_were_over_a_day_ago_are_forgotten() {
        let mut sim = Sim::with_keys(["a"]);
        for number in 0..40 {
            sim.fail("a", throttled_model().for_model(format!("model-{number}")));
            sim.advance(hours(1));
        }
        let models = sim.pool.record(&id("a")).expect("it was judged").models.len();
        assert!(models <= 25, "{models} models are remembered");
    }
}

/// A key that is refused as wrong, again and again.
mod strikes {
    use super::*;

    fn wrong() -> Failure {
        Failure::http(401).code("invalid_api_key").message("Incorrect API key provided.")
    }

    /// How long each of these refusals makes it rest, in minutes; none for what died of it.
    fn rests(pauses: &[TimeDelta]) -> Vec<Option<i64>> {
        let mut sim = Sim::with_keys(["a", "b"]);
        let mut strike = |pause: &TimeDelta| {
            sim.advance(*pause);
            sim.fail("a", wrong());
            sim.rest("a").map(|rest| rest.num_minutes())
        };
        pauses.iter().map(&mut strike).collect()
    }

    #[test]
    fn each_doubles_the_rest_and_the_fourth_kills() {
        let rested = [mins(0), mins(5), mins(10), mins(20)];
        assert_eq!(rests(&rested), [Some(5), Some(10), Some(20), None]);
    }

    #[test]
    fn it_takes_half_an_hour_however_many_there_are() {
        let quick = [mins(0), mins(1), mins(1), mins(1), mins(1), mins(25), mins(1)];
        assert_eq!(rests(&quick), [Some(5), Some(10), Some(20), Some(40), Some(80), Some(160), None]);
    }

    #[test]
    fn no_rest_is_longer_than_six_hours() {
        let quickly = [secs(11); 12];
        assert_eq!(rests(&quickly).last(), Some(&Some(6 * 60)));
    }

    #[test]
    fn refusals_of_requests_that_ran_side_by_side_are_one() {
        let mut threads = [secs(1); 8];
        threads[0] = mins(0);
        assert_eq!(rests(&threads).last(), Some(&Some(5)));
        assert_eq!(rests(&[threads.as_slice(), &[mins(40)]].concat()).last(), Some(&Some(10)));
    }

    #[test]
    fn a_clock_that_goes_back_makes_it_begin_anew() {
        let mut sim = Sim::with_keys(["a", "b"]);
        for back in [mins(0), secs(20), secs(20), -mins(31), mins(32)] {
            sim.advance(back);
            sim.fail("a", wrong());
        }
        assert_eq!(sim.status("a"), "exhausted");
    }

    #[test]
    fn a_success_between_makes_it_begin_anew() {
        let mut sim = Sim::with_keys(["a", "b"]);
        for _ in 0..3 {
            sim.fail("a", wrong());
            sim.advance(mins(40));
        }
        sim.succeed("a");
        sim.fail("a", wrong());
        assert_eq!(sim.rest("a"), Some(mins(5)));
    }

    #[test]
    fn a_reset_and_a_new_key_make_it_begin_anew() {
        let mut struck = Sim::with_keys(["a", "b"]);
        for _ in 0..3 {
            struck.fail("a", wrong());
            struck.advance(mins(40));
        }
        let mut reset = struck.clone();
        assert_eq!(reset.reset(Revive::Nobody), Outcome::Reset { cleared: vec![id("a")] });
        struck.sign_in_elsewhere("a", Tokens::access(secret("new")));
        for mut sim in [reset, struck] {
            sim.advance(mins(1));
            sim.fail("a", wrong());
            assert_eq!(sim.rest("a"), Some(mins(5)));
        }
    }

    #[test]
    fn other_refusals_are_no_strikes() {
        let mut sim = Sim::with_keys(["a", "b"]);
        for failure in
            [refused(), Failure::http(401).code("token_expired"), overloaded()].iter().cycle().take(30)
        {
            sim.fail("a", failure.clone());
            sim.advance(hours(1));
        }
        assert_eq!(
            (sim.status("a").as_str(), sim.pool.record(&id("a")).and_then(|record| record.strikes)),
            ("ok", None)
        );
    }

    #[test]
    fn a_key_that_died_of_strikes_says_so_and_comes_back_with_another_key() {
        let mut sim = Sim::with_keys(["a", "b"]);
        for _ in 0..4 {
            sim.fail("a", wrong());
            sim.advance(mins(20));
        }
        let standing = sim.standing("a");
        let error = standing.error().expect("a dead credential says why");
        assert_eq!(
            (sim.status("a").as_str(), error.kind, error.reason.as_deref()),
            ("dead", Kind::AuthPermanent, Some("invalid_api_key"))
        );
        sim.sign_in_elsewhere("a", Tokens::access(secret("new")));
        assert_eq!(sim.status("a"), "ok");
    }
}

/// What a provider says about its end is followed, within reason.
mod hints {
    use super::*;

    fn rest_of(failure: Failure, cooldowns: &Cooldowns) -> TimeDelta {
        Judgement::of(failure, &codex(), cooldowns, start()).until - start()
    }

    fn in_days(count: i64) -> Failure {
        Failure::http(429)
            .body(format!("{{\"error\": {{\"resets_in_seconds\": {}}}}}", count * 86_400).as_bytes())
    }

    #[test]
    fn a_far_hint_is_cut_at_a_week_unless_told_otherwise() {
        let default = Cooldowns::default();
        assert_eq!(rest_of(in_days(3), &default), days(3));
        assert_eq!(rest_of(in_days(30), &default), days(7));
        assert_eq!(rest_of(in_days(30), &default.clone().with_longest_hint(days(45))), days(30));
        assert_eq!(rest_of(in_days(30), &default.clone().with_longest_hint(hours(2))), hours(2));
        assert_eq!(rest_of(in_days(60), &default), hours(1), "and one that is absurd is none");
    }

    #[test]
    fn a_reset_that_the_caller_states_is_not_cut() {
        assert_eq!(rest_of(limited_until(start() + days(30)), &Cooldowns::default()), days(30));
    }
}

mod strategies {
    use super::*;

    fn line(sim: &mut Sim, count: usize) -> String {
        (0..count).map(|_| sim.next()).collect()
    }

    #[test]
    fn fill_first_stays_with_the_first_that_is_ready() {
        let mut sim = Sim::with_keys(["a", "b", "c"]);
        assert_eq!(line(&mut sim, 3), "aaa");
        sim.fail("a", throttled());
        assert_eq!(line(&mut sim, 3), "bbb");
    }

    #[test]
    fn priority_comes_before_the_order_of_the_file() {
        let with = |name, priority| Credential { priority, ..key(name) };
        let mut sim = Sim::of([with("late", 5), with("first", -1), with("second", 0), with("third", 0)]);
        let line: Vec<_> = sim.pool.credentials().iter().map(|credential| credential.id.as_str()).collect();
        assert_eq!(line, ["first", "second", "third", "late"]);
        assert_eq!(sim.next(), "first");
    }

    #[test]
    fn round_robin_takes_the_one_that_waited_longest_within_one_tick_too() {
        let mut sim = Sim::with_keys(["a", "b", "c"]).strategy(Strategy::RoundRobin);
        assert_eq!(line(&mut sim, 7), "abcabca");
        sim.fail("b", throttled());
        assert_eq!(line(&mut sim, 4), "caca");
        sim.advance(hours(1));
        assert_eq!(line(&mut sim, 4), "bcab");
    }

    #[test]
    fn least_used_evens_out() {
        let mut sim = Sim::with_keys(["a", "b", "c"]).strategy(Strategy::LeastUsed);
        sim.fail("c", limited_until(start() + mins(1)));
        assert_eq!(line(&mut sim, 6), "ababab");
        sim.advance(mins(1));
        assert_eq!(line(&mut sim, 4), "ccca");
    }

    #[test]
    fn random_reaches_everybody_and_repeats_with_its_seed() {
        let sim = Sim::with_keys(["a", "b", "c"]).strategy(Strategy::Random);
        let pick = |seed| sim.pick(seed).expect("all are ready").id.clone();
        let seen: BTreeSet<_> = (0..50).map(pick).collect();
        assert_eq!(seen.len(), 3);
        assert_eq!((0..50).map(pick).collect::<Vec<_>>(), (0..50).map(pick).collect::<Vec<_>>());
    }

    #[test]
    fn counters_of_several_views_add_up() {
        let mut sim = Sim::with_keys(["a"]);
        let usage = |request_count, at| Usage { request_count, last_used_at: Some(at) };
        for (count, at) in [(2, start() + secs(9)), (u64::MAX, start()), (1, start() + secs(1))] {
            assert_eq!(
                sim.apply(Action::Count { uses: [(id("a"), usage(count, at))].into() }),
                Outcome::Counted
            );
        }
        let record = sim.pool.record(&id("a")).expect("it was counted");
        assert_eq!(record.usage, usage(u64::MAX, start() + secs(9)));
        assert_eq!(usage(3, start()).merge(usage(2, start() + secs(1))), usage(3, start() + secs(1)));
    }
}

mod leases {
    use super::*;

    #[test]
    fn who_is_in_flight_is_passed_over_and_returns_when_dropped() {
        let mut sim = Sim::with_keys(["a", "b"]);
        let first = sim.lease();
        assert_eq!(first.id().as_str(), "a");
        assert_eq!(sim.peek(), "b");
        drop(first);
        assert_eq!(sim.peek(), "a");
        assert_eq!(sim.leases.of(&codex(), &id("a")), 0);
    }

    #[test]
    fn they_never_block() {
        let mut sim = Sim::with_keys(["a", "b"]);
        let held: Vec<_> = (0..5).map(|_| sim.lease()).collect();
        let line: String = held.iter().map(|lease| lease.id().to_string()).collect();
        assert_eq!(line, "ababa");
    }

    #[test]
    fn the_cap_says_how_many_are_fine() {
        let mut sim = Sim::with_keys(["a", "b"]).lease_cap(3);
        let held: Vec<_> = (0..7).map(|_| sim.lease()).collect();
        let line: String = held.iter().map(|lease| lease.id().to_string()).collect();
        assert_eq!(line, "aaabbba");
    }

    #[test]
    fn one_that_is_dropped_on_another_thread_is_released() {
        let mut sim = Sim::with_keys(["a"]);
        let lease = sim.lease();
        std::thread::spawn(move || drop(lease)).join().expect("dropping does not panic");
        assert_eq!(sim.leases.of(&codex(), &id("a")), 0);
    }

    #[test]
    fn one_that_panics_is_released() {
        let mut sim = Sim::with_keys(["a"]);
        let lease = sim.lease();
        let panicked = std::thread::spawn(move || {
            let _lease = lease;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        panicked.join().expect_err("it panicked");
        assert_eq!(sim.leases.of(&codex(), &id("a")), 0);
    }

    #[test]
    fn it_reports_on_the_secret_that_it_handed_out() {
        let mut sim = Sim::of([login("a", "access-1", "refresh-1")]);
        let lease = sim.lease();
        assert_eq!(lease.secret().expose(), "access-1");
        sim.sign_in_elsewhere("a", tokens("access-2", "refresh-2"));
        assert_eq!(sim.fail_target(lease.target(), revoked()), Outcome::Stale);
        assert_eq!(sim.succeed_since(lease.target(), lease.picked_at()), Outcome::Stale);
    }

    #[test]
    fn nothing_to_lend_no_lease() {
        let sim = Sim::of([blank("a"), lent("b", Ok(" "))]);
        for credential in sim.pool.credentials() {
            assert!(sim.leases.take(&codex(), credential, sim.now).is_none(), "{}", credential.id);
        }
    }
}

mod definitions {
    use super::*;

    #[test]
    fn a_new_key_comes_last_unless_it_is_told_where() {
        let mut sim = Sim::of([]);
        sim.add(key("a")).expect("new");
        sim.add(Credential { priority: -5, ..key("b") }).expect("new");
        let priority = |sim: &Sim, name: &str| sim.credential(name).priority;
        assert_eq!((priority(&sim, "a"), priority(&sim, "b")), (0, 1));
        let place = pool_core::Place::AsGiven;
        let first = Box::new(Credential { priority: -5, ..key("c") });
        sim.apply(Action::Add { credential: first, place });
        assert_eq!(sim.peek(), "c");

        let mut sim = Sim::of([Credential { priority: i64::MAX, ..key("a") }]);
        sim.add(key("b")).expect("new");
        assert_eq!(sim.peek(), "a");
    }

    #[test]
    fn the_same_secret_or_id_is_not_added_twice() {
        let mut sim = Sim::of([login("a", "access", "refresh")]);
        let duplicate = Err(ChangeError::Duplicate { provider: codex(), existing: id("a") });
        assert_eq!(sim.add(login("b", "access", "other")), duplicate);
        let taken = Err(ChangeError::IdTaken { provider: codex(), id: id("a") });
        assert_eq!(sim.add(login("a", "another", "other")), taken);
        assert_eq!(sim.pool.credentials().len(), 1);
    }

    #[test]
    fn what_was_remembered_of_an_id_is_forgotten_when_it_is_added_anew() {
        let mut sim = Sim::with_keys(["a"]);
        sim.fail("a", revoked());
        sim.next();
        sim.remove("a");
        sim.add(key("a")).expect("gone");
        assert_eq!(sim.pool.record(&id("a")), None);
    }

    #[test]
    fn a_lent_secret_is_not_replaced_here() {
        let mut sim = Sim::of([lent("a", Ok("lent-secret"))]);
        let rotate = Action::Rotate {
            target: stored("a"),
            tokens: Tokens::access(secret("new")),
            grant: Grant::New,
            expires_at: None,
        };
        let borrowed = Err(ChangeError::Borrowed { provider: codex(), id: id("a") });
        assert_eq!(sim.try_apply(rotate), borrowed);
    }

    #[test]
    fn a_lent_secret_that_changed_at_its_source_is_a_new_one() {
        let mut sim = Sim::of([lent("a", Ok("revoked-key")), key("b")]);
        sim.fail("a", revoked());
        assert_eq!(sim.peek(), "b");
        sim.edit_elsewhere(|credentials| credentials[0] = lent("a", Ok("fresh-key")));
        assert_eq!(sim.peek(), "a");
    }

    #[test]
    fn a_login_without_an_access_token_can_still_be_renewed() {
        let mut sim = Sim::of([login("a", "", "refresh-1"), key("b")]);
        assert_eq!(sim.next(), "b");
        sim.rotate(held("a", "refresh-1"), tokens("access-2", "refresh-2"), Grant::Same);
        assert_eq!(sim.next(), "a");
    }

    #[test]
    fn a_renewed_login_drops_the_key_that_was_minted_from_the_old_one() {
        let minted = Tokens::access(secret("access-1")).with_agent_key(Some(secret("minted-1")));
        let mut sim = Sim::of([key("a")]);
        sim.sign_in_elsewhere("a", minted);
        assert_eq!(sim.lease().secret().expose(), "minted-1");
        sim.rotate(stored("a"), Tokens::access(secret("access-2")), Grant::Same);
        assert_eq!(sim.lease().secret().expose(), "access-2");
    }

    #[test]
    fn a_renewal_leaves_the_fingerprint_of_what_it_replaced() {
        let first = || tokens("access-1", "refresh-1");
        let cases = [
            ("the refresh token is spent", tokens("access-2", "refresh-2"), Grant::Same, Some("refresh-1")),
            ("the refresh token stays", Tokens::access(secret("access-2")), Grant::Same, Some("access-1")),
            ("a login without one", Tokens::access(secret("access-2")), Grant::New, Some("refresh-1")),
            ("nothing new", first(), Grant::Same, None),
        ];
        for (what, renewed, grant, replaced) in cases {
            let mut sim = Sim::of([login("a", "access-1", "refresh-1"), key("b")]);
            sim.rotate(stored("a"), renewed, grant);
            let noted = sim.pool.record(&id("a")).and_then(|record| record.replaced.iter().next());
            assert_eq!(noted, replaced.map(Fingerprint::of), "{what}");
            // It is told, and nothing else: whoever wrote the old tokens back is picked as before.
            sim.sign_in_elsewhere("a", first());
            assert_eq!(sim.next(), "a", "{what}");
        }
    }

    #[test]
    fn what_is_stored_again_on_purpose_was_not_replaced() {
        let mut sim = Sim::of([login("a", "access-1", "")]);
        sim.rotate(stored("a"), Tokens::access(secret("access-2")), Grant::New);
        sim.rotate(stored("a"), tokens("access-2", "access-1"), Grant::New);
        assert!(sim.pool.record(&id("a")).is_none_or(|record| record.replaced.iter().len() == 0));
    }

    #[test]
    fn who_was_removed_stays_so_with_an_older_secret_too() {
        let mut sim = Sim::of([login("a", "access-1", "refresh-1"), key("b")]);
        sim.rotate(stored("a"), tokens("access-2", "refresh-2"), Grant::Same);
        sim.rotate(stored("a"), tokens("access-3", "refresh-3"), Grant::Same);
        sim.remove("a");
        for stale in ["1", "2", "3"] {
            let login = login("a", &format!("access-{stale}"), &format!("refresh-{stale}"));
            let mut records = std::collections::HashMap::new();
            records.insert(id("a"), sim.pool.record(&id("a")).unwrap().clone());
            let pool = pool_core::Pool::new(sim.pool.provider().clone(), vec![login.clone()], records);
            assert_eq!(pool.standing(&login, sim.now), Standing::Removed, "{stale}");
        }
    }

    #[test]
    fn nobody_of_that_name_is_an_error_and_changes_nothing() {
        let mut sim = Sim::with_keys(["a"]);
        let unknown = Err(ChangeError::UnknownCredential { provider: codex(), id: id("x") });
        let actions = [
            Action::Succeed { target: stored("x"), began_at: start(), model: None },
            Action::Reset { id: Some(id("x")), revive: Revive::TheDead },
            Action::Remove { target: stored("x") },
        ];
        for action in actions {
            assert_eq!(sim.try_apply(action.clone()), unknown, "{action:?}");
        }
        // Uses are counted of whoever is there.
        sim.apply(Action::Count { uses: [(id("x"), Usage::default())].into() });
        assert_eq!(sim.pool.record(&id("x")), None);
    }

    #[test]
    fn a_pool_of_another_provider_is_never_touched() {
        let mut sim = Sim::with_keys(["a"]);
        let other = Provider::new("anthropic").expect("not empty");
        let change = Change { provider: other.clone(), action: Action::Remove { target: stored("a") } };
        let unknown = Err(ChangeError::UnknownProvider { provider: other.clone() });
        assert_eq!(sim.pool.apply(&change, start()), unknown);
        assert!(sim.has("a"));
        let mut pools = Pools::new([sim.pool.clone()]);
        assert_eq!(pools.apply(&change, start()), unknown);

        let request = PickRequest::new(other.clone());
        let unavailable =
            sim.pool.pick(&request, &(), start(), 0).expect_err("these keys are not for that provider");
        assert_eq!((unavailable.provider, unavailable.out), (other, Vec::new()));
    }

    #[test]
    fn the_first_key_of_a_provider_makes_its_pool() {
        let mut pools = Pools::default();
        let action = Action::Add { credential: Box::new(key("a")), place: Default::default() };
        pools.apply(&Change { provider: codex(), action }, start()).expect("it is new");
        assert_eq!(pools.get(&codex()).map(|pool| pool.credentials().len()), Some(1));
        assert_eq!(pools.iter().count(), 1);
    }
}

mod names {
    use super::*;

    fn named(name: &str, label: &str) -> Credential {
        Credential { label: label.into(), ..key(name) }
    }

    fn select(sim: &Sim, name: &str) -> String {
        match sim.pool.select(name) {
            Ok(credential) => credential.id.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_person_names_a_credential_by_id_label_or_number() {
        let sim = Sim::of([named("aa11", "Work"), named("bb22", "Home"), named("cc33", "1")]);
        let cases = [
            ("aa11", "aa11"),
            ("work", "aa11"),
            ("HOME", "bb22"),
            ("2", "bb22"),
            ("#3", "cc33"),
            ("1", "cc33"),
            ("#1", "aa11"),
        ];
        for (name, expected) in cases {
            assert_eq!(select(&sim, name), expected, "{name}");
        }
    }

    #[test]
    fn the_number_is_the_place_in_line() {
        let sim = Sim::of([Credential { priority: 9, ..key("late") }, key("early")]);
        assert_eq!(select(&sim, "#1"), "early");
        assert_eq!(select(&sim, "#2"), "late");
    }

    #[test]
    fn a_name_of_nobody_says_so() {
        let sim = Sim::with_keys(["a"]);
        for name in ["x", "0", "#0", "2", "#", "-1", "99999999999999999999999"] {
            let expected = format!("no credential of `openai-codex` has the id, label or number `{name}`");
            assert_eq!(select(&sim, name), expected);
        }
    }

    #[test]
    fn a_name_of_several_names_them() {
        let sim = Sim::of([named("aa11", "Work"), named("bb22", "work"), named("cc33", "Home")]);
        let expected = "`work` names several credentials of `openai-codex`: #1 aa11 (Work), #2 bb22 (work)";
        assert_eq!(select(&sim, "work"), expected);
    }

    #[test]
    fn an_id_comes_before_the_label_of_another() {
        let sim = Sim::of([named("aa11", "bb22"), named("bb22", "Home")]);
        assert_eq!(select(&sim, "bb22"), "bb22");
    }
}
