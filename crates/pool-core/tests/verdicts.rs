//! Recorded failures of real providers, and what each means.

use chrono::{DateTime, Utc};
use pool_core::{Failure, Provider, classify, time};
use serde_json::Value;

/// What a case says, and what was said of it; `None` where both agree.
fn disagreement(case: &Value) -> Option<String> {
    let text = |name: &str| case[name].as_str();
    let now = time::parse_text(text("now").expect("a time")).expect("a time");
    let provider = Provider::new(text("provider").expect("a provider")).expect("not empty");
    let told = text("response").or(text("log")).expect("a response or a log");
    let failure = Failure::read(told.as_bytes());
    let verdict = classify(&failure, &provider, now);
    let expected = &case["expected"];
    let reset_in = verdict.until.map(|until| seconds(until, now));
    let agrees = verdict.kind.as_str() == expected["kind"]
        && verdict.scope.as_str() == expected["scope"]
        && verdict.is_terminal() == expected["terminal"]
        && match (reset_in, expected["reset_in"].as_f64()) {
            (Some(said), Some(expected)) => (said - expected).abs() <= 1.0,
            (said, expected) => said.is_none() && expected.is_none(),
        };
    let name = text("name").unwrap_or_default();
    (!agrees).then(|| {
        format!(
            "{name}: {}/{} {reset_in:?} by {}, expected {expected}\n    {failure:?}",
            verdict.kind, verdict.scope, verdict.rule
        )
    })
}

fn seconds(until: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    (until - now).as_seconds_f64()
}

fn check(text: &str) {
    let cases: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("one case a line")).collect();
    let wrong: Vec<String> = cases.iter().filter_map(disagreement).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn recorded_failures_mean_what_was_recorded() {
    check(include_str!("../../../tests/data/verdicts.jsonl"));
}

#[test]
fn failures_of_real_providers_mean_what_their_sources_say() {
    check(include_str!("../../../tests/data/failures.jsonl"));
}
