//! How an actor comes into being: its block, its context, its guard.
use std::sync::Arc;

use actix::dev::{ContextFut, ContextParts, channel};

use super::actor::Actor;
use super::body::Body;
use super::cell::Cell;
use super::context::Context;
use super::guard::Guard;
use super::mailbox::Block;
use super::meter::Sampler;
use super::policy::chance_of;
use super::reference::Ref;
use super::spec::ChildSpec;
use super::system::is_virtual;
use super::timers::Timers;

/// Starts an actor on the current arbiter. Its first life is built at its first turn; letters may be told at once.
///
/// # Panics
/// Outside an arbiter, as every local spawn does.
pub fn spawn<A: Actor>(spec: ChildSpec<A>) -> Ref<A> {
    let (sender, receiver) = channel::channel(0);
    let queue = actix::dev::Mailbox::new(receiver);
    let cell = Cell::new(Arc::clone(&spec.name), A::KIND, spec.mailbox);
    let sampler = Sampler::new(!is_virtual(), chance_of(0, &spec.name));
    let block = Arc::new(Block::new(cell, sender, Timers::current(), sampler));
    if let Some(trap) = spec.trap {
        let own = Arc::downgrade(&block);
        block.cell.trap_links(Box::new(move |ended| {
            if let Some(own) = own.upgrade() {
                trap(&own, ended);
            }
        }));
    }
    let owner = Ref::new(Arc::clone(&block));
    let cx = Context::new(ContextParts::new(queue.sender_producer()), Arc::clone(&block));
    let life = ContextFut::new(cx, Body { mind: None }, queue);
    actix_rt::spawn(Guard::new(spec, life, block));
    owner
}

/// Starts an actor on another arbiter, where its specification is made; none if that arbiter has ended.
pub async fn spawn_on<A: Actor>(
    arbiter: &actix_rt::ArbiterHandle,
    make: impl FnOnce() -> ChildSpec<A> + Send + 'static,
) -> Option<Ref<A>> {
    let (tx, rx) = tokio::sync::oneshot::channel();
    arbiter.spawn_fn(move || drop(tx.send(spawn(make()))));
    rx.await.ok()
}
