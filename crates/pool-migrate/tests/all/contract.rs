//! Whole files before and after: changing one of these snapshots is changing the contract.

use crate::support::{
    FIXTURE, migrate_at_noon, migrated, pin, read, rendered, roll_back_at_noon, rolled_back, without_tokens,
};

/// A small store with one of each oddity.
const ODD: &str = r#"{
  "version": 1,
  "theirs": {"limit": 1e400, "digits": 123456789012345678901234567890, "one": 1.0, "half": "\ud800"},
  "credential_pool": {
    "odd": "no list",
    "untouched": [{ "id":"u1","note" : "Jürgen" }],
    "acme": [
      null,
      "a text",
      {"label": "no id", "last_status": "dead"},
      {
        "id": "unknown",
        "access_token": "secret-of-unknown",
        "last_status": "quarantined",
        "last_status_at": "2026-05-26T10:27:00.5+00:00",
        "last_error_code": "429.0",
        "last_error_message": "Ünknown \ud83d\udd11",
        "last_error_reset_at": null,
        "request_count": 12,
        "limit": 1e400
      },
      {
        "id": "unreadable",
        "access_token": "secret-of-unreadable",
        "last_status": 7,
        "last_status_at": "yesterday",
        "last_error_code": 42900,
        "last_error_reason": ["a", 1.0],
        "last_error_message": "\udfff",
        "last_error_reset_at": 0,
        "request_count": 1e3
      },
      {
        "id": "partly",
        "access_token": "secret-of-partly",
        "last_status": "exhausted",
        "last_status_at": "1779791220000",
        "last_error_code": "HTTP 429",
        "last_error_reason": "slow_down",
        "failure_reason": "rate_limit",
        "last_error_reset_at": "in an hour"
      },
      {
        "id": "hinted",
        "access_token": "secret-of-hinted",
        "last_status": "dead",
        "last_status_at": 1779791220.25,
        "last_error_code": 401,
        "last_error_message": "the key secret-of-hinted was revoked, use sk-live-1234567890",
        "last_error_reset_at": 1779794820
      },
      {
        "id": "lent",
        "source": "env:ACME_API_KEY",
        "secret_fingerprint": "sha256:9f86d081884c7d65",
        "last_status": "exhausted",
        "last_status_at": 1779791220,
        "last_error_code": 402
      },
      {
        "id": "renewed",
        "access_token": "secret-of-renewed",
        "last_refresh": "2026-05-26T11:00:00Z",
        "last_status": "dead",
        "last_status_at": 1779791220,
        "last_error_code": 401
      },
      {
        "id": "silent",
        "access_token": "secret-of-silent",
        "last_status": null,
        "last_status_at": null,
        "request_count": 0
      },
      {
        "id": "known",
        "access_token": "secret-of-known",
        "last_status": "ok",
        "last_status_at": 1779791220,
        "request_count": 3
      }
    ]
  },
  "credential_pool_runtime": {
    "acme": {
      "known": {"status": "exhausted", "status_at": "2026-05-26T09:00:00Z", "request_count": 7, "theirs": 1e400},
      "gone": {"status": "removed", "status_at": "2026-05-26T09:00:00Z", "subject": "sha256:9f86d081884c7d65"}
    },
    "nobody": {"orphan": {"status": "dead"}}
  }
}
"#;

#[test]
fn the_fixture_migrated_and_rolled_back() {
    pin("fixture_before", &without_tokens(FIXTURE));
    let mut document = migrated(FIXTURE);
    pin("fixture_migrated", &without_tokens(&rendered(&document)));
    roll_back_at_noon(&mut document);
    pin("fixture_rolled_back", &without_tokens(&rendered(&document)));
}

#[test]
fn a_store_of_oddities_migrated_and_rolled_back() {
    let mut document = migrated(ODD);
    pin("oddities_migrated", &rendered(&document));
    roll_back_at_noon(&mut document);
    pin("oddities_rolled_back", &rendered(&document));
}

#[test]
fn what_a_dry_run_would_show() {
    let report = migrate_at_noon(&mut read(ODD));
    let mut text = String::new();
    for step in report.steps() {
        text.push_str(&format!("{} {} ({})\n", step.provider, step.id, step.label));
        for (name, value) in &step.removed {
            text.push_str(&format!("  - {name}: {}\n", step.show(value)));
        }
        for (sign, record) in [('<', &step.before), ('>', &step.after)] {
            let shown = record.as_ref().map_or_else(|| "none".to_owned(), |raw| step.show(raw));
            text.push_str(&format!("  {sign} {}\n", shown.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    for secret in ["secret-of", "sk-live"] {
        assert!(!text.contains(secret), "{secret}");
    }
    pin("oddities_reported", &text);
}

#[test]
fn both_stores_are_the_same_after_there_and_back_again() {
    for text in [FIXTURE, ODD] {
        let once = rendered(&migrated(text));
        let back = rendered(&rolled_back(&once));
        assert_eq!(rendered(&rolled_back(&back)), back, "a second rollback changes nothing");
        assert_eq!(rendered(&migrated(&once)), once, "a second migration changes nothing");
        let again = rendered(&migrated(&back));
        assert_eq!(rendered(&migrated(&rendered(&rolled_back(&again)))), again);
    }
}
