//! The child specification: everything an actor's owner decides before its first life.
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use super::actor::{Actor, Handler};
use super::group::Group;
use super::mailbox::{Block, Mailbox, Overflow, Post};
use super::monitor::Ended;
use super::poison::Poison;
use super::policy::{Backoff, Intensity, Restart};
use super::port::Port;

/// What a factory may know of the life it is to build.
#[derive(Clone, Debug)]
pub struct Rebirth {
    /// The path of the actor.
    pub name: Arc<str>,
    /// 1 for the first life.
    pub life: u32,
}

/// Passes a linked end on to an actor that handles them.
pub(crate) type TrapOf<A> = fn(&Arc<Block<A>>, &Ended);

pub(crate) type Factory<A> = Box<dyn FnMut(&Rebirth) -> Result<A, String>>;

/// See the file's head. The fields may be set directly or through the methods of the same name.
pub struct ChildSpec<A: Actor> {
    /// Path `node/agent/role`.
    pub name: Arc<str>,
    pub(crate) factory: Factory<A>,
    /// Which ends are followed by another life.
    pub restart: Restart,
    /// The rest before it.
    pub backoff: Backoff,
    /// How many failures are borne.
    pub intensity: Intensity,
    /// The bound of the mailbox.
    pub mailbox: Mailbox,
    /// How long a stop lets the actor handle what it has; zero drops it.
    pub grace: Duration,
    /// When letters that break one life after another are parked.
    pub poison: Poison,
    /// Who is told of failures and decides about too many.
    pub group: Option<Group>,
    pub(crate) trap: Option<TrapOf<A>>,
}

impl<A: Actor> ChildSpec<A> {
    /// A permanent child. The factory builds every life from nothing but its store; an error counts as a failure.
    pub fn new<E: Display>(
        name: impl Into<Arc<str>>,
        mut factory: impl FnMut(&Rebirth) -> Result<A, E> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            factory: Box::new(move |rebirth| factory(rebirth).map_err(|error| error.to_string())),
            restart: Restart::Permanent,
            backoff: Backoff::default(),
            intensity: Intensity::default(),
            mailbox: Mailbox::default(),
            grace: Duration::ZERO,
            poison: Poison::default(),
            group: None,
            trap: None,
        }
    }

    /// The same for a factory that cannot fail.
    pub fn of(name: impl Into<Arc<str>>, mut factory: impl FnMut(&Rebirth) -> A + 'static) -> Self {
        Self::new(name, move |rebirth| Ok::<A, String>(factory(rebirth)))
    }

    /// Which ends are followed by another life.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// The rest before the next life.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How many failures are borne within which time.
    pub fn intensity(mut self, max: u32, within: Duration) -> Self {
        self.intensity = Intensity { max, within };
        self
    }

    /// The bound of the mailbox.
    pub fn mailbox(mut self, capacity: u32, overflow: Overflow) -> Self {
        self.mailbox = Mailbox { capacity, overflow };
        self
    }

    /// How long a stop lets the actor handle what it has.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// After how many panics in a row letters of a kind are parked, and for how long; 0 never parks.
    pub fn poison(mut self, in_a_row: u32, term: Duration) -> Self {
        self.poison = Poison { in_a_row, term };
        self
    }

    /// Told of the end of a linked actor as a letter, instead of ending with it.
    pub fn trap_links(mut self) -> Self
    where
        A: Handler<Ended>,
    {
        self.trap = Some(|block, ended| {
            let post: Arc<dyn Post<Ended>> = Arc::clone(block) as _;
            Port::weak(post).tell_free(ended.clone());
        });
        self
    }

    /// Under whose care.
    pub fn group(mut self, group: &Group) -> Self {
        self.group = Some(group.clone());
        self
    }
}
