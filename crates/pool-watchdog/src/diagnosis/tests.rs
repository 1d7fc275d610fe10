use super::*;

/// Logs of real workers, made with Hermes Agent, its dispatcher's arguments, and local servers that answer as the name says.
const LOGS: [(&str, &str); 23] = [
    ("429", include_str!("../../tests/logs/429.log")),
    ("bearer", include_str!("../../tests/logs/bearer.log")),
    ("invalid", include_str!("../../tests/logs/invalid.log")),
    ("refused", include_str!("../../tests/logs/refused.log")),
    ("region", include_str!("../../tests/logs/region.log")),
    ("user", include_str!("../../tests/logs/user.log")),
    ("answer", include_str!("../../tests/logs/answer.log")),
    ("complete", include_str!("../../tests/logs/complete.log")),
    ("compression", include_str!("../../tests/logs/compression.log")),
    ("empty-login", include_str!("../../tests/logs/empty-login.log")),
    ("killed", include_str!("../../tests/logs/killed.log")),
    ("late-region", include_str!("../../tests/logs/late-region.log")),
    ("model", include_str!("../../tests/logs/model.log")),
    ("money", include_str!("../../tests/logs/money.log")),
    ("no-login", include_str!("../../tests/logs/no-login.log")),
    ("no-name", include_str!("../../tests/logs/no-name.log")),
    ("overloaded", include_str!("../../tests/logs/overloaded.log")),
    ("quote", include_str!("../../tests/logs/quote.log")),
    ("server-error", include_str!("../../tests/logs/server-error.log")),
    ("skill", include_str!("../../tests/logs/skill.log")),
    ("timeout", include_str!("../../tests/logs/timeout.log")),
    ("title", include_str!("../../tests/logs/title.log")),
    ("usage", include_str!("../../tests/logs/usage.log")),
];

fn now() -> DateTime<Utc> {
    pool_core::time::parse_text("2026-11-21T12:00:00Z").unwrap()
}

/// A diagnosis in one line, and one more for each thing aside.
fn row(name: &str, diagnosis: &Diagnosis) -> String {
    let Diagnosis { cause, says, line, provider, model, kind, until, residency, skills, asides } = diagnosis;
    let line = line.map(|line| format!("line {line}"));
    let until = until.map(|until| format!("until {}", pool_core::time::format(until)));
    let residency = residency.as_ref().map(|residency| format!("{}={}", residency.claim, residency.value));
    let provider = provider.as_ref().map(ToString::to_string);
    let kind = kind.map(|kind| kind.to_string());
    let facts = [line, kind, provider, model.clone(), until, residency, Some(skills.join("+"))];
    let facts: Vec<String> = facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect();
    let asides: String = asides.iter().map(|aside| format!("\n    aside: {aside}")).collect();
    format!("{name}: {cause} ({})\n    {says}{asides}", facts.join(", "))
}

#[test]
fn each_log_has_its_diagnosis() {
    let table = LOGS.map(|(name, log)| row(name, &diagnose(&Evidence::at(now()).log(log))));
    insta::assert_snapshot!(table.join("\n"));
}
