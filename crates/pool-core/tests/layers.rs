//! A profile and the root behind it: who is seen, and where a change goes.

mod support;

use pool_core::{
    Action, Change, Fingerprint, Layer, Layers, Pool, Pools, Provider, Record, Revive, Source, Target,
};
use proptest::prelude::*;
use support::world::{World, histories};
use support::{codex, held, id, key, start, stored};

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// What can be compared of a pool: who is there with which secrets, and what happened to them.
fn told(pools: &Pools) -> Vec<(String, Vec<Fingerprint>, Option<Record>)> {
    let pool = pools.get(&codex());
    let credentials = pool.into_iter().flat_map(|pool| pool.credentials().iter().map(move |one| (pool, one)));
    credentials
        .map(|(pool, one)| {
            (one.id.to_string(), support::world::secrets_of(one), pool.record(&one.id).cloned())
        })
        .collect()
}

fn keys(names: &[&str]) -> Pools {
    Pools::new([Pool::new(codex(), names.iter().map(|name| key(name)).collect(), Default::default())])
}

fn of_codex(action: Action) -> Change {
    Change { provider: codex(), action }
}

fn elsewhere() -> Pools {
    let acme = Provider::new("acme").expect("not empty");
    Pools::new([Pool::new(acme, vec![key("x")], Default::default())])
}

#[test]
fn a_provider_is_of_one_layer_as_a_whole() {
    let none = Pools::default;
    let cases = [
        (none(), none(), None, vec![]),
        (none(), keys(&["r"]), Some(Layer::Root), vec!["r"]),
        (keys(&[]), keys(&["r"]), Some(Layer::Root), vec!["r"]),
        (keys(&["o"]), none(), Some(Layer::Own), vec!["o"]),
        (keys(&["o"]), keys(&["q", "r"]), Some(Layer::Own), vec!["o"]),
        (elsewhere(), keys(&["r"]), Some(Layer::Root), vec!["r"]),
    ];
    for (own, root, layer, seen) in cases {
        let layers = Layers { own, root };
        assert_eq!(layers.of(&codex()), layer);
        let names: Vec<String> = told(&layers.seen()).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, seen);
    }
}

#[test]
fn what_was_removed_from_the_own_layer_and_came_back_hides_nothing() {
    let mut own = keys(&["o"]);
    own.apply(&of_codex(Action::Remove { target: stored("o") }), start()).unwrap();
    let record = own.get(&codex()).unwrap().record(&id("o")).unwrap().clone();
    let own = Pools::new([Pool::new(codex(), vec![key("o")], [(id("o"), record)].into())]);
    assert_eq!(Layers { own: own.clone(), root: keys(&["r"]) }.of(&codex()), Some(Layer::Root));
    assert_eq!(Layers { own, root: Pools::default() }.of(&codex()), None);
}

#[test]
fn what_is_suppressed_is_said_by_the_own_layer_alone() {
    let source = Source::new("env:KEY");
    let suppressed = || keys(&["a"]).with_suppressed([(codex(), source.clone())]);
    let seen = |own, root| Layers { own, root }.seen().is_suppressed(&codex(), &source);
    assert!(seen(suppressed(), keys(&["r"])));
    assert!(!seen(Pools::default(), suppressed()));
}

#[test]
fn a_change_goes_to_who_has_the_credential_and_what_is_new_to_the_own_layer() {
    let layers = Layers { own: keys(&["o"]), root: keys(&["r"]) };
    let lent = Layers { own: Pools::default(), root: keys(&["r"]) };
    let add = || Action::Add { credential: Box::new(key("new")), place: Default::default() };
    let seed = || Action::Seed { credential: Box::new(key("new")) };
    let reset = || Action::Reset { id: None, revive: Revive::Nobody };
    let remove = |target| Action::Remove { target };
    let cases = [
        (&layers, add(), Some(Layer::Own)),
        (&lent, add(), Some(Layer::Own)),
        (&lent, seed(), Some(Layer::Own)),
        (&layers, reset(), Some(Layer::Own)),
        (&lent, reset(), Some(Layer::Root)),
        (&layers, remove(held("o", "key-o")), Some(Layer::Own)),
        // Only the root stores that secret: whoever leased it did so before the profile had its own.
        (&layers, remove(held("r", "key-r")), Some(Layer::Root)),
        (&layers, remove(Target::Secret(Fingerprint::of("key-r"))), Some(Layer::Root)),
        (&layers, remove(Target::Secret(Fingerprint::of("key-of-nobody"))), Some(Layer::Own)),
        // An id alone means who is seen.
        (&layers, remove(stored("r")), Some(Layer::Own)),
        (&lent, remove(held("gone", "key-gone")), Some(Layer::Root)),
        (&Layers::default(), reset(), None),
    ];
    for (layers, action, expected) in cases {
        let name = format!("{action:?}");
        assert_eq!(layers.of_change(&of_codex(action)), expected, "{name}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_change_where_it_goes_is_seen_as_if_there_were_one_layer(history in histories(), is_lent in any::<bool>()) {
        let mut world = World::begin(&history.members);
        for event in &history.events {
            let step = world.step(event);
            let Some((action, _)) = &step.change else { continue };
            let change = of_codex(action.clone());
            let one = Pools::new([step.before.clone()]);
            let mut layers = if is_lent {
                Layers { own: elsewhere(), root: one.clone() }
            } else {
                Layers { own: one.clone(), root: keys(&["hidden"]) }
            };
            // What is new goes to the own layer, and the last that goes uncovers the root's.
            if matches!(action, Action::Add { .. } | Action::Seed { .. } | Action::Remove { .. }) {
                continue;
            }
            let Some(layer) = layers.of_change(&change) else { continue };
            let mut one = layers.seen();
            let expected = one.apply(&change, step.now);
            prop_assert_eq!(&layers.at_mut(layer).apply(&change, step.now), &expected);
            prop_assert_eq!(told(&layers.seen()), told(&one));
        }
    }
}
