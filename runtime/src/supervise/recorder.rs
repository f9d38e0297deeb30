//! A port with nobody behind it, for the tests of bodies: it keeps what it is told, up to its bound.
use std::any::type_name;
use std::sync::{Arc, Mutex, PoisonError};

use super::actor::Message;
use super::cell::Cell;
use super::envelope::Answer;
use super::gate::Denied;
use super::latest::Newest;
use super::mailbox::{Anchor, Mailbox, Overflow, Post, Slot};
use super::port::{Port, Refused};
use super::timers::Timers;

struct Record<M> {
    cell: Cell,
    kept: Mutex<Vec<(Kept<M>, Slot)>>,
}

enum Kept<M> {
    Letter(M),
    /// The token of a latest-value cell.
    Newest(Arc<Newest<M>>),
}

impl<M: Message> Anchor for Record<M> {
    fn cell(&self) -> &Cell {
        &self.cell
    }
}

impl<M: Message> Record<M> {
    fn keep(&self, kept: Kept<M>, slot: Slot) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push((kept, slot));
    }
}

impl<M: Message> Post<M> for Record<M> {
    fn tell(&self, msg: M) -> Result<(), Refused<M>> {
        match self.cell.take_slot() {
            Ok(()) => self.keep(Kept::Letter(msg), Slot::Taken),
            Err(Denied::Full) => {
                self.cell.count_refusal(type_name::<M>());
                return Err(Refused::Full(msg));
            }
            Err(Denied::Closed) => return Err(Refused::Closed(msg)),
        }
        Ok(())
    }

    fn enqueue(&self, msg: M, slot: Slot, _: Option<Answer<M>>) -> Result<(), Refused<M>> {
        self.keep(Kept::Letter(msg), slot);
        Ok(())
    }

    fn announce(&self, newest: &Arc<Newest<M>>) -> Result<(), Denied> {
        self.cell.take_slot()?;
        self.keep(Kept::Newest(Arc::clone(newest)), Slot::Taken);
        Ok(())
    }

    fn timers(&self) -> Arc<Timers> {
        Timers::current()
    }
}

/// What a recorded port was told.
pub struct Recorded<M: Message>(Arc<Record<M>>);

/// A port that keeps at most `capacity` letters until they are taken; asks are `Closed`, as nobody answers.
pub fn recorder<M: Message>(name: impl Into<Arc<str>>, capacity: u32) -> (Port<M>, Recorded<M>) {
    let mailbox = Mailbox { capacity, overflow: Overflow::Wait };
    let record = Arc::new(Record {
        cell: Cell::new(name.into(), "recorder", mailbox),
        kept: Mutex::default(),
    });
    (Port::weak(record.clone()), Recorded(record))
}

impl<M: Message> Recorded<M> {
    /// Takes everything out, in order.
    pub fn take(&self) -> Vec<M> {
        let kept = std::mem::take(&mut *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let opened = kept.into_iter().filter_map(|(kept, slot)| {
            self.0.cell.give_back(slot);
            match kept {
                Kept::Letter(msg) => Some(msg),
                Kept::Newest(newest) => newest.take(),
            }
        });
        opened.collect()
    }

    /// Shuts the door: every later letter is `Closed`.
    pub fn close(&self) {
        self.0.cell.shut();
    }
}
