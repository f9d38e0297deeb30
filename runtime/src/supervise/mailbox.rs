//! The mailbox of one actor: the ring of its letters, under a hard bound over all holders.
//!
//! actix bounds its channel per clone of the address, and every letter costs it a node and six atomic operations. So
//! the letters lie in a ring of our own, which the actor empties with one exchange; actix's queue stays empty.
//! A slot is taken before a letter enters and given back when its `envelope` is opened, before the handler runs, so
//! that a panic cannot leak a slot. Letters the kit sends on the actor's own behalf (its wake, its own timed letters)
//! hold no slot.
use std::any::type_name;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::dev::EnvelopeProxy;
use actix::dev::channel::AddressSender;

use super::actor::{Actor, Handler, Message};
use super::body::Body;
use super::cell::Cell;
use super::envelope::{Answer, Ask, Parcel, Tell, Timed};
use super::gate::Denied;
use super::latest::{Newest, Token};
use super::meter::Sampler;
use super::port::Refused;
use super::timers::Timers;

/// What a full mailbox does with senders who are willing to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// `tell_wait` and `ask` are refused at once, like `tell`.
    Refuse,
    /// `tell_wait` and `ask` wait for a slot until their deadline.
    Wait,
}

/// The bound of one mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Letters that may wait at one time, over all senders together.
    pub capacity: u32,
    /// What happens to the letter after that.
    pub overflow: Overflow,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { capacity: 64, overflow: Overflow::Wait }
    }
}

/// Anything that has a control cell; the erased form of a block.
pub(crate) trait Anchor: Send + Sync {
    fn cell(&self) -> &Cell;
}

/// What a [`super::Port`] needs from the place its letters go to.
pub(crate) trait Post<M: Message>: Anchor {
    /// Takes a slot and enqueues.
    fn tell(&self, msg: M) -> Result<(), Refused<M>>;
    /// Enqueues under a slot that the caller has taken, or under none.
    fn enqueue(&self, msg: M, slot: Slot, reply: Option<Answer<M>>) -> Result<(), Refused<M>>;
    /// Takes a slot and enqueues the token of a latest-value cell.
    fn announce(&self, newest: &Arc<Newest<M>>) -> Result<(), Denied>;
    /// The timer service of the arbiter this mailbox is read on.
    fn timers(&self) -> Arc<Timers>;
}

/// Whether a letter holds a slot of the mailbox.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    /// Holds one, gives it back when opened.
    Taken,
    /// Holds none.
    Free,
    /// Holds none and is meant for this life only.
    OfLife(u32),
}

/// What lies in the mailbox.
struct Letters<A> {
    ring: VecDeque<Parcel<A>>,
    /// The actor has looked and found nothing: the next letter wakes it.
    asleep: bool,
    closed: bool,
    sampler: Sampler,
}

/// The shared block of one actor: its letters, its cell and the one sender into actix's queue. In C's order and
/// on a cache line, so that the letters and the hot words at the head of the cell, which every letter touches twice,
/// cost one miss where many actors do not fit the cache.
#[repr(C, align(64))]
pub(crate) struct Block<A: Actor> {
    letters: Mutex<Letters<A>>,
    pub(crate) cell: Cell,
    pub(crate) timers: Arc<Timers>,
    /// Nothing is sent through it, but actix restarts a context only while somebody could.
    _connected: AddressSender<Body<A>>,
}

impl<A: Actor> Anchor for Block<A> {
    fn cell(&self) -> &Cell {
        &self.cell
    }
}

impl<A: Handler<M>, M: Message> Post<M> for Block<A> {
    fn tell(&self, msg: M) -> Result<(), Refused<M>> {
        match self.cell.take_slot() {
            Ok(()) => self.enqueue(msg, Slot::Taken, None),
            Err(Denied::Full) => {
                self.cell.count_refusal(type_name::<M>());
                Err(Refused::Full(msg))
            }
            Err(Denied::Closed) => Err(Refused::Closed(msg)),
        }
    }

    #[inline]
    fn enqueue(&self, msg: M, slot: Slot, reply: Option<Answer<M>>) -> Result<(), Refused<M>> {
        let back = match reply {
            None => self.put(Tell { msg: Some(msg), slot }).map_err(|tell| tell.msg),
            Some(_) => self.put(Ask { msg: Some(msg), slot, reply }).map_err(|ask| ask.msg),
        };
        back.map_err(|msg| {
            self.cell.give_back(slot);
            Refused::Closed(msg.expect("an envelope that was never opened holds its letter"))
        })
    }

    fn announce(&self, newest: &Arc<Newest<M>>) -> Result<(), Denied> {
        self.cell.take_slot().inspect_err(|why| {
            if *why == Denied::Full {
                self.cell.count_refusal(type_name::<M>());
            }
        })?;
        self.put(Token::new(newest)).map_err(|token| {
            token.void();
            self.cell.give_back(Slot::Taken);
            Denied::Closed
        })
    }

    fn timers(&self) -> Arc<Timers> {
        Arc::clone(&self.timers)
    }
}

impl<A: Actor> Block<A> {
    pub(crate) fn new(
        cell: Cell,
        sender: AddressSender<Body<A>>,
        timers: Arc<Timers>,
        sampler: Sampler,
    ) -> Self {
        let letters = Letters { ring: VecDeque::new(), asleep: false, closed: false, sampler };
        Self { letters: Mutex::new(letters), cell, timers, _connected: sender }
    }

    fn letters(&self) -> MutexGuard<'_, Letters<A>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an envelope in, or hands it back when nobody will ever look again.
    pub(crate) fn put<P: EnvelopeProxy<Body<A>> + Send + 'static>(
        &self,
        envelope: P,
    ) -> Result<(), P> {
        let parcel = Box::new(envelope);
        let asleep = {
            let mut letters = self.letters();
            if letters.closed {
                return Err(*parcel);
            }
            match letters.sampler.tick() {
                None => letters.ring.push_back(parcel),
                Some(since) => letters.ring.push_back(Box::new(Timed { since, inner: parcel })),
            }
            std::mem::take(&mut letters.asleep)
        };
        if asleep {
            self.cell.ring();
        }
        Ok(())
    }

    /// Exchanges an empty hand for everything in the mailbox; with nothing there, the next letter wakes the actor.
    pub(crate) fn empty_into(&self, hand: &mut VecDeque<Parcel<A>>) {
        // Back to the ring's first cell: walking round it would touch other cache lines every time.
        hand.clear();
        let mut letters = self.letters();
        letters.asleep = letters.ring.is_empty();
        std::mem::swap(&mut letters.ring, hand);
    }

    /// Shuts the mailbox for good and yields what was in it, to be dropped where a panic does no harm.
    pub(crate) fn clear(&self) -> impl Sized + use<A> {
        let mut letters = self.letters();
        letters.closed = true;
        std::mem::take(&mut letters.ring)
    }
}
