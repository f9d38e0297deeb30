//! The owner's side of an actor: what keeps it alive, watches it, and opens its doors.
use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::actor::{Actor, Handler, Message};
use super::cell::Cell;
use super::control::Control;
use super::health::Health;
use super::mailbox::{Block, Post};
use super::monitor::{Ended, Reason};
use super::port::Port;

/// The owner's reference to an actor. As long as one exists the actor lives, unless it is stopped or fails for good.
pub struct Ref<A: Actor> {
    block: Arc<Block<A>>,
}

impl<A: Actor> Ref<A> {
    pub(crate) fn new(block: Arc<Block<A>>) -> Self {
        block.cell.hold();
        Self { block }
    }

    /// The door for one kind of letter.
    pub fn port<M: Message>(&self) -> Port<M>
    where
        A: Handler<M>,
    {
        let post: Arc<dyn Post<M>> = self.block.clone();
        Port::holding(post)
    }

    /// The path this actor was spawned under.
    pub fn name(&self) -> Arc<str> {
        Arc::clone(self.block.cell.name())
    }

    /// The levers beside the mailbox.
    pub fn control(&self) -> Control {
        Control::new(self.block.clone())
    }

    /// What can be known without disturbing the actor.
    pub fn health(&self) -> Health {
        self.block.cell.health()
    }

    /// Tells `to` once when the actor ends, at once if it has ended already.
    pub fn monitor(&self, to: &Port<Ended>) {
        let to = to.downgrade();
        // Without a slot: there are as many such letters as monitors, and they must not be refused.
        self.block.cell.mourn(Box::new(move |ended| {
            to.tell_free(ended.clone());
        }));
    }

    /// Links two actors, both ways: whatever ends one ends the other in order, unless its specification traps links.
    /// A restart is no end.
    pub fn link<B: Actor>(&self, other: &Ref<B>) {
        self.control().link(&other.control());
    }

    /// Waits for the end.
    pub async fn ended(&self) -> Reason {
        let (tx, rx) = oneshot::channel();
        self.block.cell.mourn(Box::new(move |ended| {
            let _ = tx.send(ended.reason.clone());
        }));
        rx.await.unwrap_or(Reason::Dropped)
    }

    pub(crate) fn cell(&self) -> &Cell {
        &self.block.cell
    }
}

impl<A: Actor> Clone for Ref<A> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.block))
    }
}

impl<A: Actor> Drop for Ref<A> {
    fn drop(&mut self) {
        self.block.cell.let_go();
    }
}

impl<A: Actor> fmt::Debug for Ref<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({})", self.block.cell.name())
    }
}
