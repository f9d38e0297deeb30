//! One session as its seller sees it: what was asked, what was quoted, what was said.

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, Price, Profile};

use crate::local::door::{Block, Quote};
use crate::params::BlockShape;
use crate::social::book::{SessionKey, TempContract};
use crate::social::message::{
    Claim, CoalitionReply, CounterResponse, Hold, NegotiationReply, Offer, Reason,
};
use crate::social::resend::Attempt;
use crate::social::turn::Turn;

/// What a quote is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To answer whether there is anything to sell.
    Member,
    /// To open with an offer.
    Opening,
    /// To judge a counter.
    Counter,
    /// To hold what a buyer claims.
    Claim,
}

/// Where the bargaining of one session stands.
#[derive(Debug)]
pub(super) enum Course {
    /// Only the coalition has asked.
    Idle,
    /// The LCA is asked what to offer.
    Opening { ticket: u64 },
    /// There was nothing to offer.
    Declined(NegotiationReply),
    /// An offer is out; after the first round it was `said` in response to a counter.
    Offered { offer: Offer, said: Option<CounterResponse>, attempt: Attempt },
    /// The LCA is asked about a counter.
    Judging { offer: Offer, counter: Price, ticket: u64 },
    /// The LCA is asked how much of a claim is still there.
    Claimed {
        offer: Offer,
        claim: Claim,
        ticket: u64,
        /// How many grants the question knew of.
        grants: u64,
    },
    /// The LCA re-plans with so much of the claim.
    Reserving { held: Offer },
    /// So much of the claim is held.
    Held { hold: Hold },
    /// Accepted or refused; `response` is what was said to a counter.
    Over { response: Option<CounterResponse> },
    /// An answer came too late, or the buyer has given up.
    Lapsed,
}

impl Course {
    /// Whether something is still to be said about an offer, by either side.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Opening { .. }
            | Self::Offered { .. }
            | Self::Judging { .. }
            | Self::Claimed { .. }
            | Self::Reserving { .. } => true,
            Self::Idle
            | Self::Declined(_)
            | Self::Held { .. }
            | Self::Over { .. }
            | Self::Lapsed => false,
        }
    }

    /// Whether the buyer has been given a last word: it may ask for something else now.
    pub(super) fn is_answered(&self) -> bool {
        matches!(self, Self::Declined(_) | Self::Held { .. } | Self::Over { .. })
    }
}

/// Whose word a session lacked when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The own LCA's.
    Own,
    /// The buyer's, for this reason.
    Buyers(Reason),
}

/// One session as its seller sees it.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) block: Arc<Block>,
    /// The ticket under way for the coalition's question.
    pub(super) member_ticket: Option<u64>,
    pub(super) reply: Option<CoalitionReply>,
    /// The coalition's quote with the state of reservations it was made under.
    pub(super) quote: Option<(u64, Quote)>,
    pub(super) course: Course,
    /// Opening offers made so far: the buyer may ask again for what is left.
    pub(super) rounds: u32,
    /// How often a re-plan has refused what a quote had promised. Each time the plan is fresher.
    pub(super) refusals: u32,
}

impl Sale {
    pub(super) fn new(block: Arc<Block>) -> Self {
        Self {
            block,
            member_ticket: None,
            reply: None,
            quote: None,
            course: Course::Idle,
            rounds: 0,
            refusals: 0,
        }
    }

    /// Whose word it lacks; none when everything has been said.
    pub(super) fn unfinished(&self) -> Option<Unfinished> {
        match (&self.course, &self.reply) {
            (Course::Idle, None) => Some(Unfinished::Own),
            // It was told of energy and never came for it: our word reached it too late.
            (Course::Idle, Some(reply)) => {
                reply.declined.is_none().then_some(Unfinished::Buyers(Reason::Expired))
            }
            (Course::Offered { .. }, _) => Some(Unfinished::Buyers(Reason::Silent)),
            (course, _) => course.is_open().then_some(Unfinished::Own),
        }
    }

    /// The profile a quote is asked for. Where only sums count, every interval might serve all.
    pub(super) fn wanted(&self, shape: BlockShape) -> Profile {
        let profile = &self.block.profile;
        match shape {
            BlockShape::Profile => profile.clone(),
            BlockShape::Energy => {
                Profile { start: profile.start, wh: vec![self.block.energy_wh.0; profile.wh.len()] }
            }
        }
    }

    /// The part of the block that `quote` can serve, in the quote's own place.
    pub(super) fn served(&self, quote: Quote, shape: BlockShape) -> Profile {
        let Profile { start, mut wh } = quote.available;
        let wanted = &self.block.profile;
        if start != wanted.start || wh.len() != wanted.wh.len() {
            let available = Profile { start, wh };
            wh = wanted.iter().map(|(at, _)| available.at(at)).collect();
        }
        match shape {
            BlockShape::Profile => {
                for (wh, wanted) in wh.iter_mut().zip(&wanted.wh) {
                    *wh = (*wh).min(*wanted);
                }
            }
            BlockShape::Energy => {
                let mut left = self.block.energy_wh.0;
                for wh in &mut wh {
                    *wh = (*wh).min(left);
                    left -= *wh;
                }
            }
        }
        Profile { start: wanted.start, wh }
    }

    /// How much of the block `quote` can serve.
    pub(super) fn served_energy(&self, quote: &Quote, shape: BlockShape) -> Energy {
        let available = &quote.available;
        Energy(match shape {
            BlockShape::Profile => {
                self.block.profile.iter().map(|(at, wh)| wh.min(available.at(at))).sum()
            }
            BlockShape::Energy => {
                let most = self.block.energy_wh.0;
                let wh = self.block.profile.iter().map(|(at, _)| available.at(at));
                wh.fold(0, |sum: u64, wh| sum.saturating_add(wh).min(most))
            }
        })
    }
}

/// The temporary contract of an offer, as its seller holds it.
pub(super) fn temporary(
    key: SessionKey,
    offer: &Offer,
    unit_price: Price,
    turn: &Turn<'_>,
) -> TempContract {
    let (buyer, task) = key;
    let (seller, epoch) = (turn.party(), offer.about.epoch);
    let community = &turn.core.setup.community;
    TempContract {
        contract_id: ContractId::new(community, epoch, buyer, seller, &task.0, offer.round),
        task,
        buyer,
        seller,
        round: offer.round,
        profile: Arc::clone(&offer.profile),
        energy: offer.profile.energy(),
        unit_price,
        surplus_price: offer.surplus_price,
    }
}
