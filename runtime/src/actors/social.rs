//! The body of a Social Coordination Agent.
//!
//! Other SCAs, its LCA, its replica and the coordinator write to it; it speaks to all of them. It
//! never decides a price. A reservation is in the journal before its confirm leaves: sends that
//! follow a record wait in the outbox for the commit. After a crash the mind is rebuilt from the
//! journal: signed contracts and own reservations, no temporary ones.

mod doors;

use gridpact_agents::local::door::{PurchaseBlocks, Quote, ReserveReply};
use gridpact_agents::machine::Machine;
use gridpact_agents::social::message::{Confirm, Message as SocialMessage};
use gridpact_agents::social::{Account, Effect, Input, SocialAgent};
use gridpact_chain::registry::Registry;
use gridpact_chain::sign::Verdicts as _;
use gridpact_chain::terms::PartyId;

use super::coordinator::Quiescent;
use super::local::Deal;
use super::replica::{ChainTime, ContractSettled, Publish, Signed};
use super::{EpochStarted, PhaseEnded, Poison, arm};
use crate::store::Entry;
use crate::supervise::{Actor, Context, Handler, Message};
use crate::verdicts::ProcessVerdicts;

pub use doors::{SocialInbox, SocialMeans, SocialPorts};

/// From another SCA.
#[derive(Debug, Clone)]
pub struct FromPeer {
    /// Who says it.
    pub from: PartyId,
    /// What is said.
    pub message: SocialMessage,
}

/// From the LCA's supervisor: it was born again and knows no obligation.
#[derive(Debug, Clone, Copy)]
pub struct LocalReborn;

/// From the home's owner: "why did I get no deal?". The answer is the mind's account of its latest
/// rounds, as buyer and as seller.
#[derive(Debug, Clone, Copy)]
pub struct Why;

/// To itself, behind everything that is queued: commit the journal and empty the outbox.
#[derive(Debug, Clone, Copy)]
struct Flush;

macro_rules! letters {
    ($($letter:ty),*) => { $(impl Message for $letter { type Reply = (); })* };
}
letters!(LocalReborn, Flush, PurchaseBlocks, Quote, ReserveReply);

impl Message for Why {
    type Reply = Account;
}

impl Message for FromPeer {
    type Reply = ();

    /// What one peer says cannot have the letters of the others parked.
    fn sender(&self) -> Option<u64> {
        Some(self.from.0.into())
    }
}

/// One home's voice in the market.
pub struct SocialActor {
    mind: SocialAgent,
    me: PartyId,

    means: SocialMeans,

    effects: Vec<Effect>,
    /// Effects that wait for the journal's commit.
    outbox: Vec<Effect>,
    is_dirty: bool,
    /// What a mind that was born again wants done first.
    reborn: Vec<Effect>,
}

impl SocialActor {
    /// A body for `mind` of member `me`; `reborn` is what its restoration wants done.
    #[must_use]
    pub fn new(mind: SocialAgent, me: PartyId, means: SocialMeans, reborn: Vec<Effect>) -> Self {
        Self { mind, me, means, effects: Vec::new(), outbox: Vec::new(), is_dirty: false, reborn }
    }

    fn step(&mut self, input: Input, cx: &mut Context<Self>) {
        let mut effects = std::mem::take(&mut self.effects);
        self.mind.handle(self.means.clock.now(), input, &mut effects);
        for effect in effects.drain(..) {
            self.queue(effect, cx);
        }
        self.effects = effects;
        arm(cx, &self.means.clock, self.mind.wake_at());
    }

    /// Records go to the journal at once; what follows an uncommitted record waits for the commit.
    fn queue(&mut self, effect: Effect, cx: &mut Context<Self>) {
        match effect {
            Effect::Record(entry) => {
                let must_wait = self.means.journal.borrow_mut().record(Entry::Social(entry));
                if must_wait && !self.is_dirty {
                    self.is_dirty = true;
                    cx.tell_self(Flush);
                }
            }
            effect if self.is_dirty => self.outbox.push(effect),
            effect => self.perform(effect),
        }
    }

    fn perform(&self, effect: Effect) {
        let SocialMeans { ports, signer, observer, .. } = &self.means;
        match effect {
            Effect::Record(_) => unreachable!("records never pass the outbox"),
            Effect::Send { to, message } => {
                observer.letter(&message);
                ports.transport.social(self.me, to, message);
            }
            Effect::Quote(request) => ports.quotes.tell(request),
            Effect::Reserve(request) => ports.reserves.tell(request),
            Effect::Obligation(obligation) => {
                observer.obligation(self.me, &obligation);
                ports.obligations.tell(obligation);
            }
            Effect::Sign(statement) => signer.sign(statement, ports.signed.clone()),
            Effect::Publish(contract) => {
                ports.deals.tell(Deal(contract.body.unit_price));
                ports.publish.tell(Publish(*contract));
            }
            Effect::Quiescent { epoch, phase, .. } => {
                ports.quiescent.tell(Quiescent { party: self.me, epoch, phase });
            }
            Effect::Outcome(outcome) => observer.outcome(self.me, outcome),
            Effect::Sales(outcome) => observer.sales(self.me, outcome),
        }
    }
}

/// Whether a confirm carries its seller's signature; every other letter passes.
pub(crate) fn is_genuine(
    registry: &Registry,
    verdicts: &ProcessVerdicts,
    from: PartyId,
    message: &SocialMessage,
) -> bool {
    let SocialMessage::Confirm(confirm) = message else { return true };
    let Confirm { body, seller_sig, .. } = &**confirm;
    let key = registry.key(from);
    key.is_some_and(|key| verdicts.check(key, &body.digest(), seller_sig))
}

impl Actor for SocialActor {
    const KIND: &'static str = "sca";

    fn started(&mut self, cx: &mut Context<Self>) {
        for effect in std::mem::take(&mut self.reborn) {
            self.queue(effect, cx);
        }
    }

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.step(Input::Wake, cx);
    }

    fn dump(&self) -> String {
        format!("{:?}", self.mind.snapshot())
    }
}

impl Handler<Flush> for SocialActor {
    fn handle(&mut self, _: Flush, cx: &mut Context<Self>) {
        if let Err(error) = self.means.journal.borrow_mut().commit() {
            // Nothing of this group may be spoken: the next life starts from what is on disk.
            cx.fail(error.to_string());
            return;
        }
        self.is_dirty = false;
        for effect in std::mem::take(&mut self.outbox) {
            self.perform(effect);
        }
    }
}

impl Handler<EpochStarted> for SocialActor {
    fn handle(&mut self, EpochStarted { epoch, deadlines }: EpochStarted, cx: &mut Context<Self>) {
        if self.means.retention.is_due(epoch) {
            self.means.journal.borrow_mut().forget(self.means.retention.before(epoch));
        }
        self.step(Input::EpochStart { epoch, deadlines }, cx);
    }
}

impl Handler<PhaseEnded> for SocialActor {
    fn handle(&mut self, PhaseEnded { epoch, phase }: PhaseEnded, cx: &mut Context<Self>) {
        self.step(Input::PhaseEnds { epoch, phase }, cx);
    }
}

impl Handler<PurchaseBlocks> for SocialActor {
    fn handle(&mut self, blocks: PurchaseBlocks, cx: &mut Context<Self>) {
        self.step(Input::Blocks(blocks), cx);
    }
}

impl Handler<Quote> for SocialActor {
    fn handle(&mut self, quote: Quote, cx: &mut Context<Self>) {
        self.step(Input::Quote(quote), cx);
    }
}

impl Handler<ReserveReply> for SocialActor {
    fn handle(&mut self, reply: ReserveReply, cx: &mut Context<Self>) {
        self.means.observer.reserved(&reply);
        self.step(Input::Reserved(reply), cx);
    }
}

impl Handler<FromPeer> for SocialActor {
    fn handle(&mut self, FromPeer { from, message }: FromPeer, cx: &mut Context<Self>) {
        if is_genuine(&self.means.members.now(), &self.means.verdicts, from, &message) {
            self.step(Input::Peer { from, message }, cx);
        }
    }
}

impl Handler<Signed> for SocialActor {
    fn handle(&mut self, Signed { statement, signature }: Signed, cx: &mut Context<Self>) {
        self.step(Input::Signed { statement, signature }, cx);
    }
}

impl Handler<ContractSettled> for SocialActor {
    fn handle(&mut self, letter: ContractSettled, cx: &mut Context<Self>) {
        let ContractSettled { contract_id, height } = letter;
        self.step(Input::Settled { contract_id, height }, cx);
    }
}

impl Handler<ChainTime> for SocialActor {
    fn handle(&mut self, ChainTime(time_ms): ChainTime, cx: &mut Context<Self>) {
        self.step(Input::ChainTime { time_ms }, cx);
    }
}

impl Handler<LocalReborn> for SocialActor {
    fn handle(&mut self, _: LocalReborn, cx: &mut Context<Self>) {
        self.step(Input::LocalRestarted, cx);
    }
}

impl Handler<Why> for SocialActor {
    fn handle(&mut self, _: Why, _: &mut Context<Self>) -> Account {
        self.mind.account()
    }
}

impl Handler<Poison> for SocialActor {
    fn handle(&mut self, _: Poison, _: &mut Context<Self>) {
        panic!("a fault world broke this social coordination agent");
    }
}
