//! Renewing logins at a certified OpenID provider, which rotates refresh tokens and punishes who uses one twice.

use serde_json::Value;

use crate::openid_provider::{OpenidProvider, Tally};
use crate::renewal::Renewal;
use crate::support::Home;

const RENEWED_ONCE: Tally = Tally { posts: 1, minted: 1, refused: 0, revoked: 0 };

/// A home whose only login holds this refresh token, and an access token that has ended.
fn home(provider: &OpenidProvider, refresh_token: &str) -> Home {
    let home = Home::with_store(&store(refresh_token));
    let url = provider.url();
    home.write_private("pool.toml", &format!("[oauth.acme]\ntoken_url = \"{url}\"\nclient_id = \"agent\"\n"));
    home
}

fn store(refresh_token: &str) -> String {
    format!(
        r#"{{"version": 1, "providers": {{}}, "credential_pool": {{"acme": [
            {{"id": "9de82c", "label": "work", "auth_type": "oauth", "priority": 0, "source": "manual:device_code",
              "access_token": "ended", "refresh_token": "{refresh_token}", "expires_at": "2026-01-01T01:00:00Z"}}]}}}}"#
    )
}

fn refresh(home: &Home) -> String {
    Renewal::start(home, "refresh acme").end().outcome
}

/// Renews even what was renewed a moment ago.
fn refresh_again(home: &Home) -> String {
    Renewal::start(home, "refresh acme --force").end().outcome
}

fn refresh_token(home: &Home) -> String {
    let document: Value = serde_json::from_str(&home.read_store()).unwrap();
    document["credential_pool"]["acme"][0]["refresh_token"].as_str().unwrap().to_owned()
}

fn record(home: &Home) -> Value {
    let document: Value = serde_json::from_str(&home.read_store()).unwrap();
    document["credential_pool_runtime"]["acme"]["9de82c"].clone()
}

#[test]
fn each_renewal_leaves_a_token_that_can_be_renewed() {
    let Some(provider) = OpenidProvider::start() else { return };
    let first = provider.login();
    let home = home(&provider, &first);
    assert_eq!(refresh(&home), "renewed");
    let second = refresh_token(&home);
    assert_ne!(second, first, "it was rotated");
    assert_eq!(provider.tally(), RENEWED_ONCE);
    assert_eq!(refresh(&home), "fresh");
    assert_eq!(provider.tally(), RENEWED_ONCE);
    assert_eq!(refresh_again(&home), "renewed");
    assert_ne!(refresh_token(&home), second);
    assert_eq!(provider.tally(), Tally { posts: 2, minted: 2, ..RENEWED_ONCE });
}

#[test]
fn of_a_hundred_and_twenty_processes_one_is_seen_by_the_provider() {
    let Some(provider) = OpenidProvider::start() else { return };
    let first = provider.login();
    let home = home(&provider, &first);
    provider.hold();
    let winner = Renewal::start(&home, "refresh acme");
    provider.wait_for_posts(1);
    let others: Vec<Renewal> = (1..120).map(|_| Renewal::start(&home, "refresh acme")).collect();
    provider.release();
    assert_eq!(winner.end().outcome, "renewed");
    for other in others {
        assert!(["adopted", "fresh"].contains(&other.end().outcome.as_str()));
    }
    assert_eq!(provider.tally(), RENEWED_ONCE);
    assert_ne!(refresh_token(&home), first);
    assert_eq!(refresh_again(&home), "renewed", "what they share is good");
}

#[test]
fn a_token_that_was_spent_elsewhere_is_dead_and_so_is_its_successor() {
    let Some(provider) = OpenidProvider::start() else { return };
    let first = provider.login();
    let (here, elsewhere) = (home(&provider, &first), home(&provider, &first));
    assert_eq!(refresh(&elsewhere), "renewed");
    assert_eq!(refresh(&here), "failed");
    assert_eq!(record(&here)["status"], "dead");
    assert_eq!(record(&here)["last_error"]["reason"], "invalid_grant");
    assert_eq!(provider.tally(), Tally { posts: 2, minted: 1, refused: 1, revoked: 1 });
    // A thief and an owner look the same to the provider: it ends the grant for both.
    assert_eq!(refresh_again(&elsewhere), "failed");
    assert_eq!(record(&elsewhere)["status"], "dead");
    // What is dead is not sent again.
    assert_eq!(refresh(&here), "failed");
    assert_eq!(provider.tally().posts, 3);
}

#[test]
fn a_refusal_of_a_token_that_is_stored_no_longer_is_not_believed() {
    let Some(provider) = OpenidProvider::start() else { return };
    let first = provider.login();
    let (here, elsewhere) = (home(&provider, &first), home(&provider, &first));
    assert_eq!(refresh(&elsewhere), "renewed");
    provider.hold();
    let refused = Renewal::start(&here, "refresh acme");
    provider.wait_for_posts(2);
    // Another program, which knows nothing of locks, logs in meanwhile.
    let other = provider.login();
    here.write_store(&store(&other));
    provider.release();
    assert_eq!(refused.end().outcome, "adopted");
    assert_eq!(provider.tally(), Tally { posts: 2, minted: 1, refused: 1, revoked: 1 });
    assert_eq!(refresh_token(&here), other);
    assert_ne!(record(&here)["status"], "dead");
    assert_eq!(refresh(&here), "renewed");
}
