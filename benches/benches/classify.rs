//! What upstream said is read and judged, beside serde_json passing over the same bytes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pool_core::{Failure, Provider, classify, time};
use serde::de::IgnoredAny;

/// An error of 1 kB, as Google writes them: nested, indented, with what the limit is and when it resets.
fn usual() -> Vec<u8> {
    let violation = |metric: &str| {
        format!(
            r#"{{"quotaMetric": "generativelanguage.googleapis.com/{metric}", "quotaId": "{metric}PerModel"}}"#
        )
    };
    let body = format!(
        r#"{{"error": {{"code": 429, "status": "RESOURCE_EXHAUSTED",
            "message": "You exceeded your current quota, please check your plan and billing details. Please retry in 34.07s.",
            "details": [
                {{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{}, {}]}},
                {{"@type": "type.googleapis.com/google.rpc.Help", "links": [{{"description": "{}"}}]}},
                {{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}}]}}}}"#,
        violation("GenerateRequests"),
        violation("GenerateTokens"),
        "Learn more about quotas. ".repeat(10),
    );
    body.into_bytes()
}

/// Ten megabytes of this, and then the error that matters where something can come after it.
fn large(begin: &str, part: &str, end: &str) -> Vec<u8> {
    format!("{begin}{}{end}", part.repeat(10_000_000 / part.len())).into_bytes()
}

fn benches(criterion: &mut Criterion) {
    let error = r#""error": {"code": "rate_limit_exceeded", "message": "Please try again in 20s."}}"#;
    let words = "the rate limit of the model was reached, please try again later ";
    let cases = [
        ("1 kB", usual()),
        ("10 MB of words", large(r#"{"error": {"message": ""#, words, r#""}}"#)),
        ("10 MB before the error", large(r#"{"pad": ""#, "x", &format!("\", {error}"))),
        ("10 MB of values", large("[", "1,", "1]")),
        ("10 MB of objects", large("[", r#"{"error":{"code":"x"}},"#, "{}]")),
        ("10 MB of depth", large("", "[", "")),
        ("10 MB of escapes", large("\"", r"\u0041", "\"")),
        (
            "10 MB of HTML",
            large("<html><title>Blocked</title>", "<p>sorry, you have been blocked</p>", "</html>"),
        ),
        ("10 MB of plain words", large("", words, "")),
    ];
    let provider = Provider::new("google").expect("not empty");
    let now = time::parse_text("2026-05-26T10:27:00Z").expect("RFC 3339");
    let mut group = criterion.benchmark_group("classify");
    group.sample_size(20);
    for (name, body) in &cases {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::new("ours", name), body, |bencher, body| {
            bencher.iter(|| classify(&Failure::http(429).body(body), &provider, now));
        });
        // What it costs to look at each byte once; it gives up where the depth or the text is no JSON.
        group.bench_with_input(BenchmarkId::new("serde_json passes over it", name), body, |bencher, body| {
            bencher.iter(|| serde_json::from_slice::<IgnoredAny>(body).is_ok());
        });
    }
}

criterion_group!(all, benches);
criterion_main!(all);
