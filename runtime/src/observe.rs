//! The read side: what those who watch a community may see, kept apart from what its agents know.
//!
//! Bodies tell the observer what they send and what came of it. It counts and archives; nothing it
//! knows flows back into a mind.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Instant;

use gridpact_agents::local::door::{Obligation, ReserveReply, Side};
use gridpact_agents::local::missing::Missing;
use gridpact_agents::local::speech::Planned;
use gridpact_agents::local::why::Reasoned;
use gridpact_agents::local::wish::{Penalty, Wish};
use gridpact_agents::resource::Refusal;
use gridpact_agents::resource::priority::Claim;
use gridpact_agents::resource::reading::DeviceIndex;
use gridpact_agents::social::message::Message as SocialMessage;
use gridpact_agents::social::{SalesOutcome, TaskOutcome};
use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Epoch, Interval, PartyId, Price, Profile};

mod stands;

pub use stands::{Stand, Stands};

/// How long one epoch's negotiation took on the process clock (protocol R2).
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    /// First NegotiationRequest.
    first: Instant,
    /// Last OfferResponse or CounterResponse so far.
    last: Instant,
    /// Letters of the negotiation phase.
    pub letters: u64,
}

impl Stopwatch {
    /// Microseconds from the first request to the last answer.
    #[must_use]
    pub fn micros(&self) -> u64 {
        u64::try_from((self.last - self.first).as_micros()).unwrap_or(u64::MAX)
    }
}

/// What only the two parties of a contract know, archived for reports.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Energy per interval.
    pub profile: Option<Profile>,
    /// The seller's exact unit cost when it reserved.
    pub cost: Option<Price>,
}

/// What a driver was told of his wish, and what it cost him when the plan took it up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wished {
    /// The first answer.
    pub shown: Option<Penalty>,
    /// The one he accepted.
    pub accepted: Option<Penalty>,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub struct Observations {
    /// Ends of tasks, with their buyers.
    pub outcomes: Vec<(PartyId, TaskOutcome)>,
    /// Rounds in which somebody asked, with their sellers.
    pub sales: Vec<(PartyId, SalesOutcome)>,
    /// Negotiation per epoch.
    pub negotiations: BTreeMap<Epoch, Stopwatch>,
    /// Terms of contracts.
    pub terms: BTreeMap<ContractId, Terms>,
    /// What each member's SCA has told its LCA to plan with and not taken back.
    pub bound: BTreeSet<(PartyId, ContractId)>,
    /// Letters between SCAs, of all kinds.
    pub letters: u64,
    /// Drivers' wishes for a full battery, by home, vehicle and arrival.
    pub wishes: BTreeMap<(PartyId, DeviceIndex, Interval), Wished>,
    /// What each home's devices were to do in an interval, and why.
    pub reasons: BTreeMap<(PartyId, Interval), Vec<Reasoned>>,
    /// What a home's plan of an interval could not have, where it was anything.
    pub missing: BTreeMap<(PartyId, Interval), Vec<Missing>>,
    /// Samples, setpoints and limits that RAs refused, by reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// Orders to devices, by whose word they are.
    pub orders: BTreeMap<Claim, u64>,
    /// How homes stood when tenders opened, in the order of time; only when that is watched.
    pub stands: Option<Stands>,
}

/// A shared handle to the observations of one process.
#[derive(Debug, Clone, Default)]
pub struct Observer(Rc<RefCell<Observations>>);

impl Observer {
    /// An observer that also keeps how every home stands when tenders open.
    #[must_use]
    pub fn of_market() -> Self {
        let seen = Observations { stands: Some(Stands::default()), ..Observations::default() };
        Self(Rc::new(RefCell::new(seen)))
    }

    /// Tenders open; `stand` is only worked out for an observer that wants it.
    pub fn tendered(&self, stand: impl FnOnce() -> Stand) {
        if let Some(stands) = &mut self.0.borrow_mut().stands {
            stands.push(stand());
        }
    }

    /// A letter between SCAs leaves.
    pub fn letter(&self, message: &SocialMessage) {
        let mut seen = self.0.borrow_mut();
        seen.letters += 1;
        let epoch = message.about().epoch;
        match message {
            SocialMessage::NegotiationRequest(_) => {
                let now = Instant::now();
                let watch = Stopwatch { first: now, last: now, letters: 0 };
                seen.negotiations.entry(epoch).or_insert(watch).letters += 1;
            }
            SocialMessage::OfferResponse(_) | SocialMessage::CounterResponse(_) => {
                if let Some(watch) = seen.negotiations.get_mut(&epoch) {
                    watch.letters += 1;
                    watch.last = Instant::now();
                }
            }
            SocialMessage::NegotiationReply(_) | SocialMessage::Offer(_) => {
                if let Some(watch) = seen.negotiations.get_mut(&epoch) {
                    watch.letters += 1;
                }
            }
            _ => {}
        }
    }

    /// A contract binds `member`, or does so no longer.
    pub fn obligation(&self, member: PartyId, obligation: &Obligation) {
        let mut seen = self.0.borrow_mut();
        match obligation {
            Obligation::Signed { contract_id, profile, side } => {
                seen.bound.insert((member, *contract_id));
                let terms = seen.terms.entry(*contract_id).or_default();
                // Under bare energy blocks the sides plan differently; the buyer's profile is
                // archived.
                if *side == Side::Buyer || terms.profile.is_none() {
                    terms.profile = Some(profile.clone());
                }
            }
            Obligation::Released { contract_id } => {
                seen.bound.remove(&(member, *contract_id));
            }
        }
    }

    /// An LCA answered a reservation.
    pub fn reserved(&self, reply: &ReserveReply) {
        if let Ok(cost) = reply.outcome {
            self.0.borrow_mut().terms.entry(reply.contract_id).or_default().cost = Some(cost);
        }
    }

    /// An LCA has a new plan: a later one of the same interval replaces the earlier.
    pub fn planned(&self, party: PartyId, planned: &Planned) {
        let at = (party, planned.plan.start);
        let mut seen = self.0.borrow_mut();
        seen.reasons.insert(at, planned.reasons.clone());
        seen.missing.remove(&at);
        if !planned.missing.is_empty() {
            seen.missing.insert(at, planned.missing.clone());
        }
    }

    /// A driver's wish stands thus.
    pub fn wish(&self, party: PartyId, device: DeviceIndex, wish: &Wish) {
        let mut seen = self.0.borrow_mut();
        let seen = seen.wishes.entry((party, device, wish.arrival)).or_default();
        seen.shown = seen.shown.or(wish.penalty);
        if wish.is_kept {
            seen.accepted = seen.accepted.or(wish.penalty);
        }
    }

    /// An RA refused what it was told.
    pub fn refused(&self, refusal: Refusal) {
        *self.0.borrow_mut().refused.entry(refusal).or_default() += 1;
    }

    /// An RA ordered its device to do something, on this word.
    pub fn ordered(&self, by: Claim) {
        *self.0.borrow_mut().orders.entry(by).or_default() += 1;
    }

    /// A task ended.
    pub fn outcome(&self, buyer: PartyId, outcome: TaskOutcome) {
        self.0.borrow_mut().outcomes.push((buyer, outcome));
    }

    /// A round in which somebody asked is over for a seller.
    pub fn sales(&self, seller: PartyId, outcome: SalesOutcome) {
        self.0.borrow_mut().sales.push((seller, outcome));
    }

    /// Looks at what was seen.
    pub fn look<R>(&self, look: impl FnOnce(&Observations) -> R) -> R {
        look(&self.0.borrow())
    }
}
