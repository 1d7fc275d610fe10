use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use pool_core::Provider;
use pool_format::Document;
use pool_migrate::migrate;
use tempfile::TempDir;

/// In which layout a store is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Every entry holds inline fields: nine of ten rest, one is dead.
    Legacy,
    /// The same, migrated.
    Migrated,
    /// Nothing ever happened to anybody.
    Fresh,
}

/// Whose credentials they are.
///
/// # Panics
///
/// Never: the name is not empty.
#[must_use]
pub fn provider() -> Provider {
    Provider::new("openai-codex").expect("a name")
}

/// A folder for stores under the folder of the build, `CARGO_TARGET_TMPDIR`: on a disk, where a sync costs what it costs.
/// The system's folder for temporary files may be memory.
///
/// # Panics
///
/// When it cannot be made.
#[must_use]
pub fn folder(target: &str) -> TempDir {
    tempfile::Builder::new().prefix("bench-").tempdir_in(target).expect("a folder on the disk")
}

/// Writes a store of so many credentials of some 1.9 kB each; answers where.
///
/// # Panics
///
/// When it cannot be written.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "no store of anybody's is meant")]
pub fn write_store(folder: &Path, count: usize, shape: Shape) -> PathBuf {
    let path = folder.join("auth.json");
    fs::write(&path, credential_pool(count, shape)).expect("the folder can be written to");
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("the file is ours");
    path
}

/// The text of a store.
///
/// # Panics
///
/// Never: what is made here can be read.
#[must_use]
pub fn credential_pool(count: usize, shape: Shape) -> Vec<u8> {
    let text = legacy_store(count, shape == Shape::Legacy || shape == Shape::Migrated).into_bytes();
    if shape != Shape::Migrated {
        return text;
    }
    let mut document = Document::read(text).expect("it can be read");
    migrate(&mut document, &(), now()).expect("it can be migrated");
    document.render().as_str().to_owned().into_bytes()
}

/// Some time after the inline verdicts, and before their rests end.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap_or_default()
}

/// The text of a store as an older program writes it, with or without verdicts.
///
/// # Panics
///
/// Never: JSON of strings and numbers can be written.
#[must_use]
pub fn legacy_store(count: usize, with_verdicts: bool) -> String {
    let mut random = fastrand::Rng::with_seed(count as u64);
    let entries: Vec<_> = (0..count).map(|number| entry(number, with_verdicts, &mut random)).collect();
    let store = serde_json::json!({
        "version": 1,
        "providers": {},
        "credential_pool": { "openai-codex": entries },
        "updated_at": "2026-05-26T10:27:00+00:00",
    });
    serde_json::to_string_pretty(&store).expect("JSON can be written")
}

fn entry(number: usize, with_verdict: bool, random: &mut fastrand::Rng) -> serde_json::Value {
    let mut entry = serde_json::json!({
        "id": format!("{number:06x}"),
        "label": format!("agent-{number}@example.com"),
        "auth_type": "oauth",
        "priority": number,
        "source": "manual:device_code",
        "access_token": token(number, random),
        "refresh_token": format!("rt_{}", noise(random, 384)),
        "base_url": "https://chatgpt.com/backend-api/codex",
        "expires_at": "2030-12-01T00:00:00Z",
        "last_refresh": "2026-05-20T10:00:00Z",
        "token_type": "Bearer",
        "scope": "openid profile email offline_access",
    });
    if with_verdict && let Some(entry) = entry.as_object_mut() {
        let is_dead = number.is_multiple_of(10);
        let (status, code, reason) = if is_dead {
            ("dead", 401, "token_invalidated")
        } else {
            ("exhausted", 429, "usage_limit_reached")
        };
        let reset = if is_dead { serde_json::Value::Null } else { (1_780_500_000 + number).into() };
        entry.insert("last_status".into(), status.into());
        entry.insert("last_status_at".into(), (1_779_791_220 + number).into());
        entry.insert("last_error_code".into(), code.into());
        entry.insert("last_error_reason".into(), reason.into());
        entry.insert("last_error_message".into(), "The usage limit has been reached".into());
        entry.insert("last_error_reset_at".into(), reset);
        entry.insert("request_count".into(), 12.into());
    }
    entry
}

/// A token as OpenAI makes them: claims that name an account, and a signature.
fn token(number: usize, random: &mut fastrand::Rng) -> String {
    let claims = serde_json::json!({
        "iss": "https://auth.openai.com",
        "sub": format!("auth0|{number:024x}"),
        "exp": 1_900_000_000_u64,
        "https://api.openai.com/auth": {
            "chatgpt_account_id": format!("acct-{number:08x}"),
            "chatgpt_user_id": format!("user-{number:08x}"),
            "chatgpt_plan_type": "plus",
        },
        "jti": noise(random, 24),
    });
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signature: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(256).collect();
    [part(br#"{"alg":"RS256","typ":"JWT"}"#), part(claims.to_string().as_bytes()), part(&signature)].join(".")
}

fn noise(random: &mut fastrand::Rng, bytes: usize) -> String {
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(bytes).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}
