//! Holdings: the contracts this prosumer has signed, from the signature until delivery or lapse.
//!
//! They are what survives a restart: each is an [`Entry`] in the journal before anybody hears of
//! it. Temporary contracts are not here; forgetting those is safe.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::contract::{ContractBody, ContractId, SignedContract};
use gridpact_chain::terms::{Epoch, Profile, Timestamp};
use serde::{Deserialize, Serialize};

use super::Effect;
use super::message::Confirm;
use crate::local::door::{Obligation, Side};

/// What an SCA writes to its journal; [`SocialAgent::restore`](super::SocialAgent::restore) reads
/// it back in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// As seller: reserved and signed; on disk before the confirm leaves.
    Sold {
        /// The confirm as sent, to be repeated.
        confirm: Arc<Confirm>,
        /// Salt of the profile commitment, for an auditor.
        salt: [u8; 32],
    },
    /// As buyer: signed by both; on disk before it is published.
    Bought {
        /// The contract with both signatures.
        contract: Box<SignedContract>,
        /// The profile the contract commits to.
        profile_final: Arc<Profile>,
        /// Energy per interval that this prosumer plans to take for it.
        share: Profile,
        /// Salt of the profile commitment, for an auditor.
        salt: [u8; 32],
    },
    /// It is on the chain, or never will be.
    Closed {
        /// The contract.
        contract_id: ContractId,
        /// Height at which it was settled; `None` when it lapsed.
        height: Option<u64>,
    },
}

/// A signed contract.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    pub(crate) kind: Kind,
    /// Height of its block, once settled.
    pub(crate) height: Option<u64>,
}

/// Which side, with what that side must be able to say again.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Sold(Arc<Confirm>),
    Bought { contract: Box<SignedContract>, share: Profile },
}

impl Holding {
    pub(crate) fn body(&self) -> &ContractBody {
        match &self.kind {
            Kind::Sold(confirm) => &confirm.body,
            Kind::Bought { contract, .. } => &contract.body,
        }
    }

    /// Which side this prosumer is on, with the energy per interval on that side.
    pub(crate) fn side(&self) -> (Side, &Profile) {
        match &self.kind {
            Kind::Sold(confirm) => (Side::Seller, &confirm.profile_final),
            Kind::Bought { share, .. } => (Side::Buyer, share),
        }
    }

    /// What the LCA has to plan with.
    fn obligation(&self) -> Obligation {
        let (side, profile) = self.side();
        let contract_id = self.body().contract_id;
        Obligation::Signed { contract_id, side, profile: profile.clone() }
    }
}

/// All signed contracts of one prosumer.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    held: BTreeMap<ContractId, Holding>,
}

impl Holdings {
    pub(crate) fn sold(&self, id: &ContractId) -> Option<&Arc<Confirm>> {
        match &self.held.get(id)?.kind {
            Kind::Sold(confirm) => Some(confirm),
            Kind::Bought { .. } => None,
        }
    }

    /// Takes a signed contract in and tells the LCA to plan with it from now on. A sale keeps its
    /// energy until it has lapsed on the chain: the buyer may publish until then.
    pub(crate) fn take(&mut self, kind: Kind, out: &mut Vec<Effect>) {
        let holding = Holding { kind, height: None };
        out.push(Effect::Obligation(holding.obligation()));
        self.held.insert(holding.body().contract_id, holding);
    }

    /// Seen on the chain; whether that is news.
    pub(crate) fn settled(&mut self, id: &ContractId, height: u64, out: &mut Vec<Effect>) -> bool {
        match self.held.get_mut(id) {
            Some(holding) if holding.height.is_none() => {
                holding.height = Some(height);
                out.push(Effect::Record(Entry::Closed { contract_id: *id, height: Some(height) }));
                true
            }
            _ => false,
        }
    }

    /// The chain has passed `valid_until` without it: free the energy.
    pub(crate) fn lapsed(&mut self, id: &ContractId, out: &mut Vec<Effect>) -> Option<Holding> {
        if self.held.get(id)?.height.is_some() {
            return None;
        }
        let holding = self.held.remove(id)?;
        out.push(Effect::Record(Entry::Closed { contract_id: *id, height: None }));
        out.push(Effect::Obligation(Obligation::Released { contract_id: *id }));
        Some(holding)
    }

    /// What was valid until before `time_ms` and has not been seen on the chain.
    pub(crate) fn overdue(&self, time_ms: Timestamp) -> Vec<ContractId> {
        let unsettled = self.held.iter().filter(|(_, holding)| holding.height.is_none());
        unsettled.filter(|(_, h)| h.body().valid_until < time_ms).map(|(id, _)| *id).collect()
    }

    /// Forgets what is settled and delivered when `epoch` begins.
    pub(crate) fn prune(&mut self, epoch: Epoch) {
        self.held.retain(|_, holding| holding.height.is_none() || holding.body().end > epoch);
    }

    /// Tells the LCA everything again.
    pub(crate) fn remind(&self, out: &mut Vec<Effect>) {
        out.extend(self.held.values().map(|holding| Effect::Obligation(holding.obligation())));
    }

    /// Hands unsettled purchases to the replica again: it may have heard of none.
    pub(crate) fn republish(&self, out: &mut Vec<Effect>) {
        for holding in self.held.values().filter(|holding| holding.height.is_none()) {
            if let Kind::Bought { contract, .. } = &holding.kind {
                out.push(Effect::Publish(contract.clone()));
            }
        }
    }

    /// Rebuilds the holdings from the journal.
    pub(crate) fn restore(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut held = BTreeMap::new();
        for entry in entries {
            let kind = match entry {
                Entry::Sold { confirm, .. } => Kind::Sold(confirm),
                Entry::Bought { contract, share, .. } => Kind::Bought { contract, share },
                Entry::Closed { contract_id, height: None } => {
                    held.remove(&contract_id);
                    continue;
                }
                Entry::Closed { contract_id, height } => {
                    if let Some(Holding { height: known, .. }) = held.get_mut(&contract_id) {
                        *known = height;
                    }
                    continue;
                }
            };
            let holding = Holding { kind, height: None };
            held.insert(holding.body().contract_id, holding);
        }
        Self { held }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Holding> {
        self.held.values()
    }
}
