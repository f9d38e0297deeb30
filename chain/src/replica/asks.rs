//! Records in approval: what is asked about each, and the ids whose one chance is spent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ballot::Tally;
use crate::batch::Approved;
use crate::block::Record;
use crate::contract::{ContractBody, ContractId};
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::registry::RegistryVersion;
use crate::statement::{Answer, Approval};
use crate::terms::{Epoch, PartyId, Timestamp};

/// Changes of the members that may be in approval at once: there is one next version, and more
/// than a few proposals for it are somebody's game.
pub(super) const CHANGES_MAX: u32 = 16;

/// This node's own vote on a record.
#[derive(Debug)]
pub(super) enum Own {
    /// None: not a voter, or only restored as a buyer.
    None,
    /// With the key holder; these asked meanwhile.
    Signing(Answer, Vec<PartyId>),
    /// Given, for ever.
    Given(Approval),
}

/// A record in approval.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) record: Encoded<Record>,
    /// What the votes carry: the digest of a contract's body or of a change.
    pub(super) body: Digest,
    pub(super) own: Own,
    pub(super) is_mine: bool,
    pub(super) tally: Tally<(RegistryVersion, Digest, Answer)>,
    pub(super) declined: BTreeSet<PartyId>,
    pub(super) approved: Option<Arc<Approved>>,
    pub(super) is_rejected: bool,
    pub(super) timer: Option<Timestamp>,
    pub(super) round: u32,
}

impl Ask {
    pub(super) fn new(record: Encoded<Record>, body: Digest, own: Own, is_mine: bool) -> Self {
        Self {
            record,
            body,
            own,
            is_mine,
            tally: Tally::default(),
            declined: BTreeSet::new(),
            approved: None,
            is_rejected: false,
            timer: None,
            round: 0,
        }
    }

    /// The terms, when it is about a contract.
    pub(super) fn terms(&self) -> Option<&ContractBody> {
        self.record.body()
    }

    /// Chain time after which it is void; a change of the members waits for its version instead.
    pub(super) fn valid_until(&self) -> Timestamp {
        self.record.lifetime().map_or(Timestamp(u64::MAX), |(_, valid_until)| valid_until)
    }
}

/// All records in approval, and the ids whose one chance is spent.
#[derive(Debug, Default)]
pub(super) struct Asks {
    pub(super) asks: BTreeMap<ContractId, Ask>,
    spent: BTreeSet<u128>,
    usage: BTreeMap<(Epoch, PartyId), (u32, u64)>,
    epoch: Option<(Epoch, Timestamp)>,
    /// The epoch before, when it still settled as the current one began.
    settling: Option<(Epoch, Timestamp)>,
}

impl Asks {
    pub(super) fn start_epoch(&mut self, epoch: Epoch, t_settle: Timestamp, now: Timestamp) {
        if self.epoch.is_none_or(|(known, _)| known < epoch) {
            self.settling = self.epoch.filter(|(_, t_settle)| *t_settle > now);
            self.epoch = Some((epoch, t_settle));
            let oldest = self.settling.map_or(epoch, |(settling, _)| settling);
            self.usage.retain(|(of, _), _| *of >= oldest);
        }
    }

    /// When `epoch` settles, if it is the current one or the one that still settles.
    pub(super) fn settles(&self, epoch: Epoch) -> Option<Timestamp> {
        let alive = [self.settling, self.epoch].into_iter().flatten();
        alive.into_iter().find(|(alive, _)| *alive == epoch).map(|(_, t_settle)| t_settle)
    }

    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.epoch.map(|(epoch, _)| epoch)
    }

    pub(super) fn len(&self) -> usize {
        self.asks.len()
    }

    pub(super) fn own(&self) -> usize {
        self.asks.values().filter(|ask| ask.is_mine).count()
    }

    /// Contracts and energy (Wh) of `buyer` that were taken up in `epoch`.
    pub(super) fn used(&self, epoch: Epoch, buyer: PartyId) -> (u32, u64) {
        self.usage.get(&(epoch, buyer)).copied().unwrap_or_default()
    }

    pub(super) fn is_spent(&self, id: ContractId) -> bool {
        self.spent.contains(&id.short())
    }

    pub(super) fn spend(&mut self, id: ContractId) {
        self.spent.insert(id.short());
    }

    /// Whether this node has voted on `id`, or is about to.
    pub(super) fn has_voted(&self, id: ContractId) -> bool {
        self.asks.get(&id).is_some_and(|ask| !matches!(ask.own, Own::None))
    }

    /// Changes of the members in approval.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&ContractId, &Ask)> {
        self.asks.iter().filter(|(_, ask)| ask.record.membership().is_some())
    }

    /// Takes up a record; ids of contracts whose vote may be given count as used.
    pub(super) fn insert(&mut self, id: ContractId, ask: Ask) {
        if let Some(terms) = ask.terms() {
            let energy = terms.energy.0;
            let used = self.usage.entry((terms.epoch, terms.buyer)).or_insert((0, 0));
            *used = (used.0 + 1, used.1.saturating_add(energy));
        }
        self.asks.insert(id, ask);
    }

    /// Takes over an entry from the journal of `community`.
    pub(super) fn restore(
        &mut self,
        record: &Encoded<Record>,
        vote: Option<Approval>,
        community: &Digest,
    ) {
        let Some((id, digest)) = record.subject(community) else { return };
        if !self.asks.contains_key(&id) {
            self.insert(id, Ask::new(record.clone(), digest, Own::None, false));
        }
        let Some(ask) = self.asks.get_mut(&id) else { return };
        match vote {
            Some(vote) => ask.own = Own::Given(vote),
            None => ask.is_mine = true,
        }
    }
}
