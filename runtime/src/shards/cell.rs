//! What a host knows of one party: letters in, letters out, and one alarm.

use gridpact_chain::terms::{PartyId, Timestamp};

/// One party's minds, as a host sees them.
pub trait Cell: Unpin + 'static {
    /// What parties say to each other, and what comes back from outside.
    type Letter: Send + Unpin + 'static;

    /// Takes one letter to its end.
    fn handle(&mut self, now: Timestamp, letter: Self::Letter, post: &mut Post<Self::Letter>);

    /// The time asked for by [`Self::wake_at`] has come.
    fn wake(&mut self, now: Timestamp, post: &mut Post<Self::Letter>);

    /// When it next wants to be woken.
    fn wake_at(&self) -> Option<Timestamp>;
}

/// Where a cell puts its letters to other parties; they leave in this order.
#[derive(Debug)]
pub struct Post<L> {
    sent: Vec<(PartyId, L)>,
}

impl<L> Default for Post<L> {
    fn default() -> Self {
        Self { sent: Vec::new() }
    }
}

impl<L> Post<L> {
    /// A letter to `to`.
    pub fn send(&mut self, to: PartyId, letter: L) {
        self.sent.push((to, letter));
    }

    /// Everything that was sent, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = (PartyId, L)> + '_ {
        self.sent.drain(..)
    }
}
