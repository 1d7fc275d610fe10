//! Many threads, one token.

use std::sync::{Arc, Barrier};

use pool_oauth::Refreshed;

use crate::support::World;

const PAIR: &str = r#"{"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600}"#;

#[test]
fn of_many_threads_one_spends_the_token() {
    let world = World::acme();
    world.says(200, PAIR);
    let start = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (refresher, ask, profile) = (world.refresher(), world.ask(), world.profile());
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                start.wait();
                refresher.refresh(ask, profile)
            })
        })
        .collect();
    let ends: Vec<Refreshed> = threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect();
    let renewed = ends.iter().filter(|end| matches!(end, Refreshed::Renewed(_))).count();
    assert_eq!((renewed, world.endpoint.sent().len()), (1, 1));
    assert!(ends.iter().all(|end| end.credential().secret().unwrap().expose() == "new-access"));
}

#[test]
fn a_renewal_that_nobody_waits_for_is_kept() {
    let world = World::acme();
    world.says(200, PAIR);
    drop(world.refresher().start(world.ask(), world.profile()).unwrap());
    assert_eq!(world.entry()["refresh_token"], "new-refresh");
}

/// Two entries with one refresh token, whose access tokens tell nothing of an account.
#[test]
fn entries_that_share_a_token_share_its_lock() {
    let world = World::acme();
    world.put_text(&world.text().replace(
        "[",
        r#"[{"id": "b", "auth_type": "oauth", "source": "manual", "access_token": "b-access", "refresh_token": "old-refresh"}, "#,
    ));
    world.says(200, PAIR);
    let start = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|number| {
            let (refresher, mut ask, profile) = (world.refresher(), world.ask(), world.profile());
            if number % 2 == 0 {
                ask.id = pool_core::CredentialId::new("b").unwrap();
            }
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                start.wait();
                refresher.refresh(ask, profile).unwrap()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().credential().secret().unwrap().expose(), "new-access");
    }
    assert_eq!(world.endpoint.sent().len(), 1);
}
