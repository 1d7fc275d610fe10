use chrono::{DateTime, Utc};

use super::{Action, Case, Decision, Login, Stage, TABLE, Work, decide};
use crate::diagnosis::Cause;
use crate::task::BlockKind;

/// Every case there is.
fn every_case() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for &stage in Stage::ALL {
        for &cause in Cause::ALL {
            cases.extend(Work::ALL.iter().map(|&work| Case::new(stage, cause, work)));
        }
    }
    let with = |cases: Vec<Case>, change: fn(&mut Case)| -> Vec<Case> {
        let changed = cases.iter().cloned().map(|mut case| {
            change(&mut case);
            case
        });
        changed.chain(cases.iter().cloned()).collect()
    };
    let mut cases = with(cases, |case| case.login = Login::Broken);
    cases.extend(cases.clone().into_iter().map(|case| Case { login: Login::Mendable, ..case }));
    let cases = with(cases, |case| case.has_skills = false);
    let cases = with(cases, |case| case.may_retry = false);
    let cases = with(cases, |case| case.may_make = false);
    let cases = with(cases, |case| case.may_dispatch = false);
    let cases = with(cases, |case| case.wait = Some(DateTime::<Utc>::UNIX_EPOCH));
    let cases = with(cases, |case| case.is_told = true);
    with(cases, |case| case.triage_block = Some(case.block_kind()))
}

fn holds_for_every_case(law: impl Fn(&Case, &Decision) -> bool) {
    for case in every_case() {
        let decision = decide(&case);
        assert!(law(&case, &decision), "{case:?}\n{decision:?}");
    }
}

#[test]
fn only_accepted_work_is_completed_and_all_of_it() {
    holds_for_every_case(|case, decision| {
        let completes = decision.action == Action::Complete;
        completes == (case.work == Work::Accepted && case.stage.is_open())
    });
}

#[test]
fn nobody_is_disturbed() {
    let hands_off =
        [Stage::Finished, Stage::Waiting, Stage::Working, Stage::Fresh, Stage::Stranded, Stage::Theirs];
    holds_for_every_case(|case, decision| {
        !hands_off.contains(&case.stage) || decision.action == Action::Leave && decision.until.is_none()
    });
}

#[test]
fn a_block_of_somebody_else_ends_by_completion_alone() {
    holds_for_every_case(|case, decision| {
        case.stage != Stage::Yielding || matches!(decision.action, Action::Leave | Action::Complete)
    });
}

#[test]
fn nothing_is_blocked_a_second_time_for_one_kind() {
    holds_for_every_case(|case, decision| {
        (decision.kind.is_some() == (decision.action == Action::Block))
            && decision.kind.is_none_or(|kind| case.triage_block != Some(kind))
    });
}

#[test]
fn what_is_held_is_not_left_so() {
    holds_for_every_case(|case, decision| {
        let is_left = decision.action == Action::Leave && decision.until.is_none();
        case.stage != Stage::Held || !(is_left || decision.action == Action::Comment)
    });
}

#[test]
fn what_was_said_is_not_said_again() {
    holds_for_every_case(|case, decision| {
        let is_said = case.stage == Stage::Ours || case.is_told && case.stage != Stage::Held;
        !is_said || !matches!(decision.action, Action::Block | Action::Comment)
    });
}

#[test]
fn runs_and_makes_come_to_an_end() {
    holds_for_every_case(|case, decision| {
        let runs_again = matches!(decision.action, Action::Retry | Action::RepairLogin);
        (!runs_again || case.may_retry) && (decision.action != Action::Make || case.may_make)
    });
}

#[test]
fn a_login_is_repaired_before_anything_is_run_again() {
    holds_for_every_case(|case, decision| {
        let is_login = case.cause.is_about_login();
        let is_mendable = is_login && case.login == Login::Mendable;
        decision.action != Action::RepairLogin || is_mendable
    });
    holds_for_every_case(|case, decision| {
        let is_login = case.cause.is_about_login();
        !(is_login && case.login != Login::Good) || decision.action != Action::Retry
    });
}

#[test]
fn a_wait_is_told_only_where_nothing_is_done() {
    holds_for_every_case(|case, decision| {
        decision.until.is_none() || decision.action == Action::Leave && decision.until == case.wait
    });
}

#[test]
fn each_row_decides_some_case() {
    let cases = every_case();
    for row in TABLE {
        assert!(cases.iter().any(|case| decide(case).row == row.name), "nothing comes to `{}`", row.name);
    }
}

#[test]
fn rows_have_names_of_their_own() {
    let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn each_cause_has_one_kind_of_block() {
    let kind = |cause| Case::new(Stage::GivenUp, cause, Work::Lacking).block_kind();
    assert_eq!(kind(Cause::Revoked), BlockKind::NeedsInput);
    assert_eq!(kind(Cause::MissingSkill), BlockKind::Capability);
    assert_eq!(kind(Cause::Timeout), BlockKind::Transient);
    assert!(Cause::ALL.iter().all(|&cause| kind(cause) != BlockKind::Untyped));
}

/// The rules of the article, and what follows from them, a line each.
#[test]
fn the_cases_that_people_ask_about() {
    let told = [
        ("finished, but not closed", Case::new(Stage::GivenUp, Cause::ProtocolViolation, Work::Accepted)),
        (
            "the same, before the board runs it again",
            Case::new(Stage::Failed, Cause::ProtocolViolation, Work::Accepted),
        ),
        ("evidence without a report", Case::new(Stage::GivenUp, Cause::ProtocolViolation, Work::Makeable)),
        ("too little", Case::new(Stage::GivenUp, Cause::Crash, Work::Lacking)),
        ("a first timeout", Case::new(Stage::Failed, Cause::Timeout, Work::Makeable)),
        (
            "the last timeout",
            Case { may_retry: false, ..Case::new(Stage::GivenUp, Cause::Timeout, Work::Makeable) },
        ),
        (
            "no login, but one to link to",
            Case { login: Login::Mendable, ..Case::new(Stage::GivenUp, Cause::MissingLogin, Work::Lacking) },
        ),
        (
            "no login anywhere",
            Case { login: Login::Broken, ..Case::new(Stage::GivenUp, Cause::MissingLogin, Work::Lacking) },
        ),
        ("a person logged in again", Case::new(Stage::Ours, Cause::Revoked, Work::Lacking)),
        ("a person's block, complete", Case::new(Stage::Theirs, Cause::Unknown, Work::Accepted)),
        ("a live worker, complete", Case::new(Stage::Working, Cause::Unknown, Work::Accepted)),
        (
            "blocked for the same before",
            Case {
                own_blocks: vec![BlockKind::Transient],
                ..Case::new(Stage::GivenUp, Cause::Crash, Work::Lacking)
            },
        ),
    ];
    let lines: Vec<String> = told
        .iter()
        .map(|(what, case)| {
            let Decision { row, action, reason, .. } = decide(case);
            format!("{what}: {action} ({row}): {reason}")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
