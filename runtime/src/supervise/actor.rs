//! What a body must be able to do: receive letters, start, be woken, stop.
//! It knows nothing of mailboxes or restarts; those are the kit's business.
use super::context::Context;

/// A letter: what is said to an actor, and what the actor answers to an `ask`.
///
/// ```
/// use gridpact::supervise::Message;
/// struct Reading(u64);
/// impl Message for Reading {
///     type Reply = ();
/// }
/// ```
pub trait Message: Send + 'static {
    /// The answer of the handler; `()` for letters that are only told.
    type Reply: Send + 'static;

    /// A number for who says this, where the letter knows: if it proves poisonous, only its sender's are parked.
    fn sender(&self) -> Option<u64> {
        None
    }
}

/// A body with one mind. A life that panics is discarded and rebuilt by its factory; `self` is never reused.
pub trait Actor: Sized + Unpin + 'static {
    /// The role of this kind of actor, a bounded label for metrics (`social`, `replica`).
    const KIND: &'static str;

    /// Runs once at the beginning of every life, before the first letter.
    fn started(&mut self, cx: &mut Context<Self>) {
        let _ = cx;
    }

    /// The single wake armed by [`Context::wake_at`] has come due; it is disarmed now.
    fn wake(&mut self, cx: &mut Context<Self>) {
        let _ = cx;
    }

    /// Runs once when a healthy life ends in order. A failed or killed life never gets here.
    fn stopped(&mut self) {}

    /// One line about the mind for the operator who asks for a dump.
    fn dump(&self) -> String {
        String::new()
    }
}

/// How an actor answers one kind of letter.
pub trait Handler<M: Message>: Actor {
    /// Handles one letter to its end; the next one is not touched before this returns.
    fn handle(&mut self, msg: M, cx: &mut Context<Self>) -> M::Reply;
}
