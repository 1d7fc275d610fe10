use crate::change::{Action, Change, Target};
use crate::pools::Pools;
use crate::provider::Provider;

/// The pools of a profile, and behind them those of the root that lends to it.
///
/// A provider is of one layer as a whole: one credential of its own is enough for a profile to see nothing of the root's.
///
/// ```
/// use pool_core::{Credential, CredentialId, Layer, Layers, Pool, Pools, Provider, Secret};
///
/// let provider = Provider::new("openrouter")?;
/// let key = Credential::manual(CredentialId::new("0f0f0f")?, Secret::new("sk-or-v1-test".to_owned()));
/// let root = Pools::new([Pool::new(provider.clone(), vec![key], Default::default())]);
/// let layers = Layers { own: Pools::default(), root };
/// assert_eq!(layers.of(&provider), Some(Layer::Root));
/// assert!(layers.seen().get(&provider).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// What the profile has itself.
    pub own: Pools,
    /// What it sees where it has nothing itself.
    pub root: Pools,
}

/// One of the two stores behind a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layer {
    /// That of the profile.
    Own,
    /// That of the root.
    Root,
}

impl Layers {
    /// The pools that the profile works with: of each provider the own one, or else the root's. What is suppressed is said by
    /// the own store alone.
    #[must_use]
    pub fn seen(&self) -> Pools {
        self.own.with_lent(&self.root, |provider| self.of(provider) == Some(Layer::Root))
    }

    /// Who has the credentials of a provider that the profile sees; `None` where nobody has any.
    #[must_use]
    pub fn of(&self, provider: &Provider) -> Option<Layer> {
        [Layer::Own, Layer::Root].into_iter().find(|layer| self.at(*layer).has_any(provider))
    }

    /// Where a change is kept: what is new in the own store, all else where the credential is that it is about. `None`
    /// where nobody has any of that provider.
    #[must_use]
    pub fn of_change(&self, change: &Change) -> Option<Layer> {
        if matches!(change.action, Action::Add { .. } | Action::Seed { .. } | Action::Lift { .. }) {
            return Some(Layer::Own);
        }
        match self.of(&change.provider)? {
            // A report may come when the profile has got a credential of its own: it is about the root's all the same.
            Layer::Own if !self.could_take(Layer::Own, change) && self.could_take(Layer::Root, change) => {
                Some(Layer::Root)
            }
            layer => Some(layer),
        }
    }

    /// Whether a layer stores the secret that a change is about; where it names none, nothing speaks against it.
    #[must_use]
    pub fn could_take(&self, layer: Layer, change: &Change) -> bool {
        let Some(target @ (Target::Held(..) | Target::Secret(_))) = change.action.target() else {
            return true;
        };
        let pool = self.at(layer).get(&change.provider);
        pool.is_some_and(|pool| pool.credentials().iter().any(|credential| target.means(credential)))
    }

    /// The pools of a layer.
    #[must_use]
    pub fn at(&self, layer: Layer) -> &Pools {
        match layer {
            Layer::Own => &self.own,
            Layer::Root => &self.root,
        }
    }

    /// The pools of a layer, to be changed.
    pub fn at_mut(&mut self, layer: Layer) -> &mut Pools {
        match layer {
            Layer::Own => &mut self.own,
            Layer::Root => &mut self.root,
        }
    }
}
