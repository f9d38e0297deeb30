//! Names: paths `node/agent/role` to references, for looking up by key.
//!
//! The registry holds what it knows, and forgets an actor when it ends, however it ends; only its counts stay, in the
//! sums of its role. Nothing iterates it but `names`, which sorts.
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::actor::{Actor, Handler, Message};
use super::control::Control;
use super::health::Health;
use super::poison::DeadLetter;
use super::port::Port;
use super::reference::Ref;
use super::roles::Roles;

/// A reference of any kind, and the levers that need not know the kind.
struct Known {
    actor: Box<dyn Any + Send + Sync>,
    control: Control,
}

/// A directory of named actors; clones share it.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    names: DashMap<Arc<str>, Known>,
    /// What those have counted that are gone, so that no total of a role ever falls.
    gone: Mutex<Roles>,
}

impl Inner {
    fn gone(&self) -> MutexGuard<'_, Roles> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, name: &str) {
        let known = {
            let mut gone = self.gone();
            let known = self.names.remove(name).map(|(_, known)| known);
            if let Some(known) = &known {
                let health = known.control.health();
                gone.entry(health.kind).or_default().add(&health);
            }
            known
        };
        drop(known);
    }
}

/// Another living actor has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name {0} is taken")]
pub struct NameTaken(pub Arc<str>);

impl Registry {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters an actor under its own name until it ends.
    pub fn enter<A: Actor>(&self, actor: &Ref<A>) -> Result<(), NameTaken> {
        let name = actor.name();
        match self.inner.names.entry(Arc::clone(&name)) {
            Entry::Occupied(_) => return Err(NameTaken(name)),
            Entry::Vacant(free) => {
                free.insert(Known { actor: Box::new(actor.clone()), control: actor.control() });
            }
        }
        let inner = Arc::downgrade(&self.inner);
        actor.cell().mourn(Box::new(move |ended| {
            if let Some(inner) = inner.upgrade() {
                inner.forget(&ended.name);
            }
        }));
        Ok(())
    }

    /// The actor of this name, if it is of this kind.
    pub fn find<A: Actor>(&self, name: &str) -> Option<Ref<A>> {
        self.inner.names.get(name).and_then(|known| known.actor.downcast_ref::<Ref<A>>().cloned())
    }

    /// A door of the actor of this name.
    pub fn port<A: Handler<M>, M: Message>(&self, name: &str) -> Option<Port<M>> {
        self.find::<A>(name).map(|actor| actor.port())
    }

    /// The levers of the actor of this name, of whatever kind.
    pub fn control(&self, name: &str) -> Option<Control> {
        self.inner.names.get(name).map(|known| known.control.clone())
    }

    /// The counters of everybody, in the order of their names.
    pub fn health(&self) -> Vec<Health> {
        self.names().iter().filter_map(|name| Some(self.control(name)?.health())).collect()
    }

    /// The sums of each role, over those that are here and those that were.
    pub fn roles(&self) -> Roles {
        // Held to the end: nobody is counted both as here and as gone, and nobody twice.
        let gone = self.inner.gone();
        let mut roles = gone.clone();
        for health in self.health() {
            roles.entry(health.kind).or_default().add(&health);
        }
        roles
    }

    /// The dead letters of everybody, with the name of the actor that parked them.
    pub fn dead_letters(&self) -> Vec<(Arc<str>, DeadLetter)> {
        let of = |health: Health| {
            let name = health.name;
            health.dead_letters.into_iter().map(move |dead| (Arc::clone(&name), dead))
        };
        self.health().into_iter().flat_map(of).collect()
    }

    /// Every name, sorted.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> =
            self.inner.names.iter().map(|entry| Arc::clone(entry.key())).collect();
        names.sort();
        names
    }
}
