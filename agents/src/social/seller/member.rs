//! The seller as a possible member of a coalition (protocol 5): could it serve this block, and whom
//! does it know?

use std::sync::Arc;

use gridpact_chain::terms::{Energy, PartyId};

use super::Selling;
use super::sale::{Purpose, Sale};
use crate::local::door::{Block, Quote};
use crate::session::Phase;
use crate::social::book::SessionKey;
use crate::social::buyer::refuse_block;
use crate::social::limits::NEIGHBOURS_MAX;
use crate::social::message::{
    About, CoalitionReply, CoalitionRequest, Message, NeighbourReply, Reason,
};
use crate::social::turn::Turn;

impl Selling {
    /// The session with `key`, begun now if it is new.
    pub(super) fn session(
        &mut self,
        key: SessionKey,
        block: Arc<Block>,
        turn: &mut Turn<'_>,
    ) -> &mut Sale {
        self.sales.entry(key).or_insert_with(|| {
            turn.core.diary.sales.ask(block.energy_wh);
            Box::new(Sale::new(block))
        })
    }

    /// Could you serve this block?
    pub(crate) fn on_coalition(
        &mut self,
        from: PartyId,
        request: CoalitionRequest,
        turn: &mut Turn<'_>,
    ) {
        let CoalitionRequest { about, block, .. } = request;
        let key = (from, about.task);
        let shape = turn.params().lca.block_shape;
        if let Some(sale) = self.sales.get(&key) {
            match (&sale.reply, sale.member_ticket) {
                (Some(reply), _) => {
                    return turn.send(from, Message::CoalitionReply(reply.clone()));
                }
                (None, Some(ticket)) => {
                    let wanted = sale.wanted(shape);
                    return turn.out.push(self.question(key, ticket, wanted, turn));
                }
                (None, None) => {}
            }
        }
        if !turn.is_open(about.epoch, Phase::Coalition) {
            return turn.expired(from, about, Phase::Coalition);
        }
        let full = (!self.has_room(from)).then_some(Reason::Limit);
        if let Some(reason) = refuse_block(&block, turn).or(full) {
            turn.core.diary.sales.ask(block.energy_wh);
            turn.refused(reason);
            let (declined, available_energy) = (Some(reason), Energy::ZERO);
            let reply = CoalitionReply { about, declined, available_energy };
            return turn.send(from, Message::CoalitionReply(reply));
        }
        let wanted = self.session(key, block, turn).wanted(shape);
        let ticket = self.ask(key, Purpose::Member, wanted, turn);
        if let Some(sale) = self.sales.get_mut(&key) {
            sale.member_ticket = Some(ticket);
        }
    }

    /// Whom do you know?
    pub(crate) fn on_query(&self, from: PartyId, about: About, turn: &mut Turn<'_>) {
        if !turn.is_open(about.epoch, Phase::Coalition) {
            return turn.expired(from, about, Phase::Coalition);
        }
        let known = turn.core.setup.neighbours.iter().take(NEIGHBOURS_MAX);
        let neighbours = known.copied().filter(|party| *party != from).collect();
        turn.send(from, Message::NeighbourReply(NeighbourReply { about, neighbours }));
    }

    /// The LCA has answered: so is the buyer.
    pub(super) fn reply(
        &mut self,
        key: SessionKey,
        about: About,
        quote: Quote,
        turn: &mut Turn<'_>,
    ) {
        let shape = turn.params().lca.block_shape;
        let min_trade = turn.params().coalition.min_trade_wh;
        let Some(sale) = self.sales.get_mut(&key) else { return };
        if !turn.is_open(about.epoch, Phase::Coalition) {
            return turn.expired(key.0, about, Phase::Coalition);
        }
        let available_energy = sale.served_energy(&quote, shape);
        let available = available_energy >= min_trade && available_energy > Energy::ZERO;
        let declined = (!available).then_some(Reason::NoEnergy);
        if let Some(reason) = declined {
            turn.refused(reason);
        }
        let reply = CoalitionReply { about, declined, available_energy };
        sale.member_ticket = None;
        sale.reply = Some(reply.clone());
        sale.quote = Some((self.reservations, quote));
        turn.send(key.0, Message::CoalitionReply(reply));
    }
}
