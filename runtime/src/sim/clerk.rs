//! The clerk of a community in shards: takes everybody's contracts to one node of the chain and
//! brings back word of them.
//!
//! Households write to it, and the node it goes to; it speaks to that node and to the households a
//! contract is between. It votes for nobody, and what it says can be looked up on the chain. It
//! forgets a contract when it is settled or void.

use std::collections::BTreeMap;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{PartyId, Timestamp};

use super::household::Letter;
use crate::actors::Door;
use crate::actors::replica::{ChainTime, ContractSettled, Publish};
use crate::shards::District;
use crate::supervise::{Actor, Context, Handler};

/// See the file's head.
pub struct Clerk {
    /// Contracts on their way: both parties, and until when they are valid.
    under_way: BTreeMap<ContractId, ([PartyId; 2], Timestamp)>,
    node: Door<Publish>,
    district: District<Letter>,
    parties: u32,
}

impl Clerk {
    /// A clerk of `parties` households who goes to `node`.
    #[must_use]
    pub fn new(parties: u32, district: District<Letter>, node: Door<Publish>) -> Self {
        Self { under_way: BTreeMap::new(), node, district, parties }
    }
}

impl Actor for Clerk {
    const KIND: &'static str = "clerk";
}

impl Handler<Publish> for Clerk {
    fn handle(&mut self, letter: Publish, _: &mut Context<Self>) {
        let body = &letter.0.body;
        let parties = [body.buyer, body.seller];
        self.under_way.insert(body.contract_id, (parties, body.valid_until));
        self.node.tell(letter);
    }
}

impl Handler<ContractSettled> for Clerk {
    fn handle(&mut self, letter: ContractSettled, _: &mut Context<Self>) {
        let ContractSettled { contract_id, height } = letter;
        let Some((parties, _)) = self.under_way.remove(&contract_id) else { return };
        for party in parties {
            self.district.tell(party, Letter::Settled { contract_id, height });
        }
    }
}

impl Handler<ChainTime> for Clerk {
    fn handle(&mut self, ChainTime(time): ChainTime, _: &mut Context<Self>) {
        self.under_way.retain(|_, (_, valid_until)| *valid_until >= time);
        self.district.tell_all(self.parties, || Letter::ChainTime(time));
    }
}
