//! Turn: what one step of the SCA may use: the time, the set-up, the epoch, chance and the outbox.
//!
//! The rooms next door (coalition, negotiation, determination, seller) each keep their own state
//! and get a turn lent to them; only here are effects appended and alarms set.

use gridpact_chain::terms::{Epoch, PartyId, Price, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::account::Diary;
use super::message::{About, Expired, Message, Reason};
use super::outcome::TaskOutcome;
use super::position::Position;
use super::resend::{Attempt, RoundTrip};
use super::{Effect, SocialSetup};
use crate::params::{Deadlines, Params};
use crate::session::Phase;

/// The epoch under way, as this SCA believes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) epoch: Epoch,
    /// The deadlines, brought forward by the coordinator where it ended a phase early.
    pub(crate) deadlines: Deadlines,
    /// The D2 announced at the start: an offer that is out may be answered until then, because its
    /// buyer may have decided before the phase was ended early.
    pub(crate) offers_until: Timestamp,
}

/// What all parts of the mind share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) setup: SocialSetup,
    pub(crate) round: Option<Round>,
    pub(crate) round_trip: RoundTrip,
    pub(crate) rng: ChaCha8Rng,
    /// A lower bound of everything that is due; looking once too often is cheaper than a queue.
    pub(crate) wake: Option<Timestamp>,
    /// Final or requested contracts of this epoch as buyer.
    pub(crate) contracts: u32,
    /// Intervals in which it buys or sells.
    pub(crate) position: Position,
    /// What came of the latest rounds.
    pub(crate) diary: Diary,
}

impl Core {
    pub(crate) fn new(setup: SocialSetup) -> Self {
        let rng = ChaCha8Rng::from_seed(setup.seed);
        let round_trip = RoundTrip::default();
        let (position, diary) = (Position::default(), Diary::default());
        Self { setup, round: None, round_trip, rng, wake: None, contracts: 0, position, diary }
    }
}

/// One step.
pub(crate) struct Turn<'a> {
    pub(crate) now: Timestamp,
    pub(crate) core: &'a mut Core,
    pub(crate) out: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    pub(crate) fn params(&self) -> &Params {
        &self.core.setup.params
    }

    pub(crate) fn party(&self) -> PartyId {
        self.core.setup.party
    }

    /// What stays due on each kWh traded with `other`.
    pub(crate) fn fee(&self, other: PartyId) -> Price {
        self.core.setup.network.fee(self.core.setup.party, other)
    }

    pub(crate) fn send(&mut self, to: PartyId, message: Message) {
        self.out.push(Effect::Send { to, message });
    }

    pub(crate) fn expired(&mut self, to: PartyId, about: About, phase: Phase) {
        self.send(to, Message::Expired(Expired { about, phase }));
    }

    /// An own task has ended.
    pub(crate) fn outcome(&mut self, outcome: TaskOutcome) {
        self.core.diary.buy(outcome.clone());
        self.out.push(Effect::Outcome(outcome));
    }

    /// This seller says no, and why.
    pub(crate) fn refused(&mut self, reason: Reason) {
        self.core.diary.sales.refused.note(reason);
    }

    /// A buyer does not take what this seller had for it, and why.
    pub(crate) fn lost(&mut self, reason: Reason) {
        self.core.diary.sales.lost.note(reason);
    }

    /// Whether `phase` of `epoch` is still open; a later phase is never closed by an earlier one.
    pub(crate) fn is_open(&self, epoch: Epoch, phase: Phase) -> bool {
        self.core.round.is_some_and(|r| r.epoch == epoch && self.now < phase.deadline(&r.deadlines))
    }

    /// Asks to be woken at `at` or earlier.
    pub(crate) fn wake_by(&mut self, at: Timestamp) {
        self.core.wake = Some(self.core.wake.map_or(at, |old| old.min(at)));
    }

    /// A request that leaves in this turn.
    pub(crate) fn attempt(&mut self) -> Attempt {
        let attempt = Attempt::new(self.now, &self.core.round_trip);
        self.wake_by(attempt.due());
        attempt
    }

    /// Looks at an unanswered request and keeps the alarm set for it.
    pub(crate) fn look(&mut self, attempt: &mut Attempt) -> super::resend::Due {
        let timeout_ms = self.params().finals.resp_timeout_ms;
        let due = attempt.look(self.now, &self.core.round_trip, timeout_ms);
        self.wake_by(attempt.due());
        due
    }

    /// Takes in the answer to `attempt`.
    pub(crate) fn answered(&mut self, attempt: &Attempt) {
        attempt.answered(self.now, &mut self.core.round_trip);
    }

    /// A uniform index below `n` (at least 1).
    pub(crate) fn draw(&mut self, n: usize) -> usize {
        let wide = u128::from(self.core.rng.next_u64()) * n as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Fresh random bytes.
    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.core.rng.fill_bytes(&mut bytes);
        bytes
    }
}
