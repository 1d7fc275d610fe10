//! `pool-migrate` on the store that ships. What it writes is pinned by the snapshots of pool-migrate.

use serde_json::Value;

use crate::support::{Home, LEGACY_STORE};

#[test]
fn a_rollback_gives_back_what_was_said_at_the_start() {
    let home = Home::legacy();
    home.pool_migrate("auth.json").succeeded();
    home.pool_migrate("--rollback auth.json").succeeded();
    let (start, end) = (json(LEGACY_STORE), json(&home.read_store()));
    for (provider, entries) in start["credential_pool"].as_object().unwrap() {
        for (index, entry) in entries.as_array().unwrap().iter().enumerate() {
            let after = &end["credential_pool"][provider][index];
            for (name, value) in
                entry.as_object().unwrap().iter().filter(|(name, _)| *name != "request_count")
            {
                // A field that is not there is null.
                assert_eq!(value, &after[name], "{provider} {index} {name}");
            }
        }
    }
}

#[test]
fn a_migrated_store_is_left_alone() {
    let home = Home::legacy();
    home.pool_migrate("auth.json").succeeded();
    let migrated = home.read_store();
    assert_eq!(home.pool_migrate("--check auth.json").succeeded(), "nothing to move\n");
    assert_eq!(home.pool_migrate("auth.json").succeeded(), "nothing to move: the store is migrated\n");
    assert_eq!(home.read_store(), migrated);
    home.pool("reset openai-codex --dead").succeeded();
    assert_eq!(home.pool_migrate("--check auth.json").succeeded(), "nothing to move\n");
}

#[test]
fn a_rolled_back_store_stays_so_while_it_is_used() {
    let home = Home::legacy();
    home.pool_migrate("auth.json").succeeded();
    home.pool_migrate("--rollback auth.json").succeeded();
    home.pool("report openai-codex 7db7c3 --status 401 --code token_revoked").succeeded();
    let store = json(&home.read_store());
    assert_eq!(store["credential_pool_compat"]["layout"], "inline");
    assert_eq!(store["credential_pool"]["openai-codex"][2]["last_status"], "dead");
    assert_eq!(store["credential_pool_runtime"], Value::Null);
    assert_eq!(home.pool("pick openai-codex").succeeded(), "e5e5e5 second-account-laptop\n");
    home.pool_migrate("auth.json").succeeded();
    assert_eq!(home.pool("pick openai-codex").succeeded(), "e5e5e5 second-account-laptop\n");
}

#[test]
fn a_store_beside_hermes_shows_in_its_entries_what_its_records_say() {
    let home = Home::legacy();
    let said = home.pool_migrate("--beside-hermes auth.json --now 2026-05-26T12:00:00Z").succeeded();
    insta::assert_snapshot!(said, @r"
    migrated, and from now on shown in the entries too: auth.json
    backup: auth.json.20260526T120000.000000Z.bak (it holds secrets; remove it once all is well)
    ");
    let again = home.pool_migrate("--beside-hermes auth.json").succeeded();
    insta::assert_snapshot!(again, @"nothing to move: the store is migrated, and shown in the entries too");
    home.pool("report openai-codex 7db7c3 --status 401 --code token_revoked").succeeded();
    assert_eq!(home.pool_migrate("--check auth.json").succeeded(), "nothing to move\n");
    assert_eq!(home.pool_migrate("auth.json").succeeded(), "nothing to move: the store is migrated\n");
    let store = json(&home.read_store());
    assert_eq!(store["credential_pool"]["openai-codex"][2]["last_status"], "dead");
    assert_eq!(store["credential_pool_runtime"]["openai-codex"]["7db7c3"]["status"], "dead");

    // Hermes writes back the entry as it remembers it.
    let forgotten = home.read_store().replace(r#""last_status": "dead""#, r#""last_status": null"#);
    home.write_store(&forgotten);
    let check = home.pool_migrate("--check auth.json");
    assert_eq!(check.code, 4);
    insta::assert_snapshot!(check.out, @"migration needed: 2 entries say something else than their records");
    let plan = home.pool_migrate("--dry-run auth.json").succeeded();
    insta::assert_snapshot!(plan, @r#"
    openai-codex 9de82c (agent@example.com)
      credential_pool.openai-codex
        - last_status: null
        + last_status: "dead"
    openai-codex 7db7c3 (third-account)
      credential_pool.openai-codex
        - last_status: null
        - request_count: 0
        + last_status: "dead"

    2 entries would change; nothing was written
    "#);
    assert_eq!(home.pool("pick openai-codex").succeeded(), "e5e5e5 second-account-laptop\n");

    let said = home.pool_migrate("--no-beside-hermes auth.json --now 2026-05-26T12:01:00Z").succeeded();
    insta::assert_snapshot!(said, @r"
    migrated, and no longer shown in the entries: auth.json
    backup: auth.json.20260526T120100.000000Z.bak (it holds secrets; remove it once all is well)
    ");
    assert!(!home.read_store().contains("last_status"));
    let again = home.pool_migrate("--no-beside-hermes auth.json").succeeded();
    insta::assert_snapshot!(again, @"nothing to move: the store is migrated, and not shown in the entries");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
