//! How others speak to an actor: a `Port`, and the verbs.
//!
//! No verb is silent. `tell` hands the letter back when it is refused; `ask` cannot be called without a deadline.
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::actor::Message;
use super::cell::Cell;
use super::gate::Denied;
use super::latest::{Latest, Newest};
use super::mailbox::{Post, Slot};
use super::timers::{Instant, Timer};

/// A letter that was not taken, with the letter.
#[derive(Clone, PartialEq, Eq)]
pub enum Refused<M> {
    /// The mailbox holds as many letters as it may.
    Full(M),
    /// The actor has ended, or is ending and takes nothing new.
    Closed(M),
}

impl<M> Refused<M> {
    /// The letter.
    pub fn into_inner(self) -> M {
        match self {
            Self::Full(msg) | Self::Closed(msg) => msg,
        }
    }

    /// Whether trying again later may help.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "Full(..)" } else { "Closed(..)" })
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "mailbox full" } else { "mailbox closed" })
    }
}

impl<M> std::error::Error for Refused<M> {}

/// Why an `ask` has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The deadline passed. The letter may have been handled or may not; one that is still queued will not be.
    #[error("no answer before the deadline")]
    Timeout,
    /// The actor ended before it came to the letter.
    #[error("the actor has ended")]
    Closed,
    /// The mailbox was full and refuses to let senders wait.
    #[error("the mailbox is full")]
    Full,
    /// The handler panicked on this letter.
    #[error("the handler panicked on this letter")]
    Panicked,
    /// Letters of this type have made one life after another panic, and are parked for a while.
    #[error("letters of this type are parked after panics in a row")]
    Parked,
}

/// The door for one kind of letter. All an actor knows of another.
pub struct Port<M: Message> {
    post: Arc<dyn Post<M>>,
    /// A port that does not hold still delivers, but does not keep its actor alive.
    holds: bool,
}

impl<M: Message> Port<M> {
    pub(crate) fn holding(post: Arc<dyn Post<M>>) -> Self {
        post.cell().hold();
        Self { post, holds: true }
    }

    pub(crate) fn weak(post: Arc<dyn Post<M>>) -> Self {
        Self { post, holds: false }
    }

    /// The same door, not keeping the actor alive.
    pub fn downgrade(&self) -> Self {
        Self::weak(Arc::clone(&self.post))
    }

    /// The same door, keeping the actor alive.
    pub fn hold(&self) -> Self {
        Self::holding(Arc::clone(&self.post))
    }

    /// The path of the actor behind the door.
    pub fn name(&self) -> Arc<str> {
        Arc::clone(self.post.cell().name())
    }

    /// Whether the door is shut for good.
    pub fn is_closed(&self) -> bool {
        self.post.cell().is_shut()
    }

    /// Puts a letter into the mailbox, or hands it back.
    #[inline]
    pub fn tell(&self, msg: M) -> Result<(), Refused<M>> {
        self.post.tell(msg)
    }

    /// Waits for a slot until `deadline`; past it the letter comes back as `Full`.
    pub async fn tell_wait(&self, msg: M, deadline: Instant) -> Result<(), Refused<M>> {
        match self.slot_before(deadline).await {
            Ok(permit) => {
                permit.spend();
                self.post.enqueue(msg, Slot::Taken, None)
            }
            Err(AskError::Closed) => Err(Refused::Closed(msg)),
            Err(_) => {
                self.post.cell().count_refusal(std::any::type_name::<M>());
                Err(Refused::Full(msg))
            }
        }
    }

    /// Asks, and waits for the answer until `deadline`. Never await this inside a handler's own arbiter turn.
    pub async fn ask(&self, msg: M, deadline: Instant) -> Result<M::Reply, AskError> {
        let permit = self.slot_before(deadline).await.inspect_err(|why| {
            // No slot, or none in time.
            if matches!(why, AskError::Full | AskError::Timeout) {
                self.post.cell().count_refusal(std::any::type_name::<M>());
            }
        })?;
        permit.spend();
        let (tx, rx) = oneshot::channel();
        if self.post.enqueue(msg, Slot::Taken, Some(tx)).is_err() {
            return Err(AskError::Closed);
        }
        match timeout_at(deadline, rx).await {
            Err(_) => Err(AskError::Timeout),
            Ok(Err(_)) => Err(AskError::Closed),
            Ok(Ok(answer)) => answer,
        }
    }

    /// Tells at an instant, through the timer service of the recipient's arbiter. If the mailbox is full then, the
    /// letter is lost and counted as refused. The timer does not keep the recipient alive.
    pub fn tell_at(&self, msg: M, at: Instant) -> Timer {
        let post = Arc::clone(&self.post);
        self.post.timers().letter(at, Box::new(move || drop(post.tell(msg))))
    }

    /// A latest-value cell before this door, for letters of which only the newest counts.
    pub fn latest(&self) -> Latest<M> {
        Latest::new(self.clone())
    }

    pub(crate) fn announce(&self, newest: &Arc<Newest<M>>) -> Result<(), Denied> {
        self.post.announce(newest)
    }

    /// Enqueues past the bound, for what must not be refused and is bounded otherwise.
    pub(crate) fn tell_free(&self, msg: M) {
        // An actor that has ended needs it no more.
        let _ = self.post.enqueue(msg, Slot::Free, None);
    }

    /// Enqueues without a slot, for the given life of the recipient only.
    pub(crate) fn tell_life(&self, msg: M, life: u32) {
        // An actor that has ended needs no letters to itself.
        let _ = self.post.enqueue(msg, Slot::OfLife(life), None);
    }

    async fn slot_before(&self, deadline: Instant) -> Result<Permit<'_>, AskError> {
        let cell = self.post.cell();
        let slot = poll_fn(|task| match cell.poll_slot(task.waker()) {
            None => Poll::Pending,
            Some(Ok(())) => Poll::Ready(Ok(Permit(Some(cell)))),
            Some(Err(Denied::Full)) => Poll::Ready(Err(AskError::Full)),
            Some(Err(Denied::Closed)) => Poll::Ready(Err(AskError::Closed)),
        });
        timeout_at(deadline, slot).await.unwrap_or(Err(AskError::Timeout))
    }
}

/// A slot taken but not yet used.
struct Permit<'a>(Option<&'a Cell>);

impl Permit<'_> {
    fn spend(mut self) {
        self.0 = None;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(cell) = self.0 {
            cell.give_back(Slot::Taken);
        }
    }
}

impl<M: Message> Clone for Port<M> {
    fn clone(&self) -> Self {
        if self.holds { self.hold() } else { self.downgrade() }
    }
}

impl<M: Message> Drop for Port<M> {
    fn drop(&mut self) {
        if self.holds {
            self.post.cell().let_go();
        }
    }
}

impl<M: Message> fmt::Debug for Port<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port({})", self.post.cell().name())
    }
}
