//! A latest-value cell: for readings of which only the newest counts. However many are set, one token lies in the
//! mailbox, and the handler gets what is newest when the token's turn comes. Nothing is dropped from inside a queue,
//! and a fast sensor cannot fill a mailbox.
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::dev::EnvelopeProxy;

use super::actor::{Handler, Message};
use super::body::Body;
use super::context::Context;
use super::envelope::subject_of;
use super::gate::Denied;
use super::mailbox::Slot;
use super::port::{Port, Refused};
use super::turn::Opened;

/// The value that waits; while there is one, its token is in the mailbox.
pub(crate) struct Newest<M> {
    value: Mutex<Option<M>>,
    replaced: AtomicU64,
}

impl<M> Newest<M> {
    fn lock(&self) -> MutexGuard<'_, Option<M>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self) -> Option<M> {
        self.lock().take()
    }
}

/// The door of one latest-value cell; clones share the cell, [`Port::latest`] makes another one.
pub struct Latest<M: Message> {
    port: Port<M>,
    newest: Arc<Newest<M>>,
}

impl<M: Message> Latest<M> {
    pub(crate) fn new(port: Port<M>) -> Self {
        let newest = Newest { value: Mutex::new(None), replaced: AtomicU64::new(0) };
        Self { port, newest: Arc::new(newest) }
    }

    /// Sets the newest value, in the place of one that has not been handled yet. Only the token needs a slot of the
    /// mailbox: if there is none left for it, the value is handed back and counted as refused.
    pub fn set(&self, msg: M) -> Result<(), Refused<M>> {
        // Locked until the token is in: nobody may replace a value whose token is about to be refused.
        let mut value = self.newest.lock();
        if value.is_none() {
            match self.port.announce(&self.newest) {
                Ok(()) => {}
                Err(Denied::Full) => return Err(Refused::Full(msg)),
                Err(Denied::Closed) => return Err(Refused::Closed(msg)),
            }
        }
        let replaced = value.replace(msg);
        drop(value);
        if replaced.is_some() {
            self.newest.replaced.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Values that were replaced before they were handled.
    pub fn replaced(&self) -> u64 {
        self.newest.replaced.load(Ordering::Relaxed)
    }
}

impl<M: Message> Clone for Latest<M> {
    fn clone(&self) -> Self {
        Self { port: self.port.clone(), newest: Arc::clone(&self.newest) }
    }
}

impl<M: Message> fmt::Debug for Latest<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Latest({})", self.port.name())
    }
}

/// The envelope that fetches the newest value when it is opened.
pub(crate) struct Token<M>(Option<Arc<Newest<M>>>);

impl<M> Token<M> {
    pub(crate) fn new(newest: &Arc<Newest<M>>) -> Self {
        Self(Some(Arc::clone(newest)))
    }

    /// Lets go of the cell, whose owner knows that the token is not in the mailbox.
    pub(crate) fn void(mut self) {
        self.0 = None;
    }
}

impl<A: Handler<M>, M: Message> EnvelopeProxy<Body<A>> for Token<M> {
    fn handle(&mut self, body: &mut Body<A>, cx: &mut Context<A>) {
        let msg = self.0.take().and_then(|newest| newest.take());
        if cx.open(Slot::Taken, subject_of(msg.as_ref())) != Opened::Handle {
            return;
        }
        if let (Some(msg), Some(mind)) = (msg, body.mind.as_mut()) {
            mind.handle(msg, cx);
            cx.handled();
        }
    }
}

impl<M> Drop for Token<M> {
    /// Dropped unopened: with the token goes its value, or the next one would wait for ever.
    fn drop(&mut self) {
        let left = self.0.take().and_then(|newest| newest.take());
        drop(left);
    }
}
