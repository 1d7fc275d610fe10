use super::*;

/// Logs of real workers, by name: made with Hermes Agent, its dispatcher's arguments, and local servers that answer as the name says.
const LOGS: [(&str, &str); 6] = [
    ("429", include_str!("../../tests/logs/429.log")),
    ("bearer", include_str!("../../tests/logs/bearer.log")),
    ("invalid", include_str!("../../tests/logs/invalid.log")),
    ("refused", include_str!("../../tests/logs/refused.log")),
    ("region", include_str!("../../tests/logs/region.log")),
    ("user", include_str!("../../tests/logs/user.log")),
];

fn now() -> DateTime<Utc> {
    pool_core::time::parse_text("2026-11-21T12:00:00Z").unwrap()
}

#[test]
fn each_log_has_its_diagnosis() {
    let table: Vec<String> = LOGS
        .iter()
        .map(|(name, log)| {
            let diagnosis = diagnose(&Evidence::at(now()).log(log));
            format!(
                "{name:8} {:20} {:?} {:?} {}",
                diagnosis.cause, diagnosis.line, diagnosis.kind, diagnosis.says
            )
        })
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}
