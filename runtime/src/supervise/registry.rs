//! Names: paths `node/agent/role` to references, for looking up by key.
//!
//! The registry holds what it knows, and forgets an actor when it ends, however it ends. Nothing iterates it but
//! `names`, which sorts.
use std::any::Any;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::actor::{Actor, Handler, Message};
use super::control::Control;
use super::health::Health;
use super::port::{Port, Ref};

/// A reference of any kind, and the levers that need not know the kind.
struct Known {
    actor: Box<dyn Any + Send + Sync>,
    control: Control,
}

/// A directory of named actors; clones share it.
#[derive(Clone, Default)]
pub struct Registry {
    names: Arc<DashMap<Arc<str>, Known>>,
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
        match self.names.entry(Arc::clone(&name)) {
            Entry::Occupied(_) => return Err(NameTaken(name)),
            Entry::Vacant(free) => {
                free.insert(Known { actor: Box::new(actor.clone()), control: actor.control() });
            }
        }
        let names = Arc::downgrade(&self.names);
        actor.cell().mourn(Box::new(move |ended| {
            let known = names.upgrade().and_then(|names| names.remove(&ended.name));
            drop(known);
        }));
        Ok(())
    }

    /// The actor of this name, if it is of this kind.
    pub fn find<A: Actor>(&self, name: &str) -> Option<Ref<A>> {
        self.names.get(name).and_then(|known| known.actor.downcast_ref::<Ref<A>>().cloned())
    }

    /// A door of the actor of this name.
    pub fn port<A: Handler<M>, M: Message>(&self, name: &str) -> Option<Port<M>> {
        self.find::<A>(name).map(|actor| actor.port())
    }

    /// The levers of the actor of this name, of whatever kind.
    pub fn control(&self, name: &str) -> Option<Control> {
        self.names.get(name).map(|known| known.control.clone())
    }

    /// The counters of everybody, in the order of their names.
    pub fn health(&self) -> Vec<Health> {
        self.names().iter().filter_map(|name| Some(self.control(name)?.health())).collect()
    }

    /// Every name, sorted.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> =
            self.names.iter().map(|entry| Arc::clone(entry.key())).collect();
        names.sort();
        names
    }
}
