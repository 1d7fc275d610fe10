//! Which home is opened, and what is around it.

use std::path::{Path, PathBuf};

use pool_core::{Provider, Source};
use pool_sources::{Environment, NoHome};
use pool_store::FileStore;
use tempfile::TempDir;

/// A user with a home, a profile in it, and a home elsewhere.
fn user() -> (TempDir, Environment) {
    let user = tempfile::tempdir().unwrap();
    for home in [".hermes/profiles/work", "elsewhere/profiles/work"] {
        std::fs::create_dir_all(user.path().join(home)).unwrap();
    }
    let environment = Environment::of_user(user.path());
    (user, environment)
}

fn home_of(store: &FileStore, provider: &str, source: &str) -> PathBuf {
    let provider = Provider::new(provider).unwrap();
    store.login_file(&provider, &Source::new(source)).unwrap().path.clone()
}

#[test]
fn a_home_has_the_root_where_the_other_program_would_look() {
    let (user, mut environment) = user();
    let cases = [
        (None, ".hermes", None),
        (Some(".hermes/profiles/work"), ".hermes/profiles/work", Some(".hermes")),
        (Some("elsewhere"), "elsewhere", None),
        (Some("elsewhere/profiles/work"), "elsewhere/profiles/work", Some("elsewhere")),
        // By no name is it a profile, but it lies in the usual home.
        (Some(".hermes/profiles"), ".hermes/profiles", Some(".hermes")),
    ];
    let store = |home: &str| user.path().join(home).join("auth.json");
    for (named, own, root) in cases {
        environment.hermes_home = named.map(|home| user.path().join(home));
        let opened = environment.open().unwrap();
        assert_eq!(opened.own().path(), store(own));
        assert_eq!(opened.root().map(FileStore::path), root.map(store).as_deref(), "{own}");
    }
    let named = environment.open_at(&store(".hermes/profiles"));
    assert!(named.root().is_none(), "of what a person names, the name counts");
}

#[test]
fn without_a_home_folder_a_store_is_opened_by_its_name_alone() {
    let (user, _) = user();
    let nobody = Environment::default();
    assert_eq!(nobody.open().unwrap_err(), NoHome);
    let (provider, source) = (Provider::new("anthropic").unwrap(), Source::new("claude_code"));
    let opened = nobody.open_at(&user.path().join("auth.json"));
    assert!(opened.own().login_file(&provider, &source).is_none());
}

#[test]
fn both_stores_know_the_files_around_them() {
    let (user, mut environment) = user();
    let at = |path: &str| user.path().join(path);
    let opened = environment.open_at(&at(".hermes/profiles/work/auth.json"));
    let (own, root) = (opened.own(), opened.root().unwrap());
    for store in [own, root] {
        assert_eq!(home_of(store, "anthropic", "claude_code"), at(".claude/.credentials.json"));
        assert_eq!(home_of(store, "openai-codex", "manual:codex_cli"), at(".codex/auth.json"));
    }
    assert_eq!(home_of(own, "anthropic", "hermes_pkce"), at(".hermes/profiles/work/.anthropic_oauth.json"));
    assert_eq!(home_of(root, "anthropic", "hermes_pkce"), at(".hermes/.anthropic_oauth.json"));
    // Hermes seeds a profile from the root.
    assert_eq!(home_of(own, "openai-codex", "device_code"), at(".hermes/auth.json"));
    assert_eq!(home_of(root, "nous", "device_code"), at(".hermes/shared/nous_auth.json"));

    environment.codex_home = Some(at("codex"));
    environment.shared_auth = Some(at("shared"));
    let opened = environment.open_at(Path::new("auth.json"));
    assert_eq!(home_of(opened.own(), "openai-codex", "manual:codex_cli"), at("codex/auth.json"));
    assert_eq!(home_of(opened.own(), "nous", "device_code"), at("shared/nous_auth.json"));
}
