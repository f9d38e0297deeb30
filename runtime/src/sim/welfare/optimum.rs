//! The optimum of a case: one linear programme over all intervals, solved as a flow.
//!
//! Its columns are energies from an ask to a bid; its rows are what was asked and offered, what a
//! line carries, and for every store what may be sold up to each interval. The last are nested, so
//! the programme is a network: a store hands its budget from interval to interval, backwards in time.
//! Solutions of such a programme are whole watt-hours.

use std::collections::BTreeMap;

use gridpact_agents::network::Network as Fees;
use gridpact_chain::terms::PartyId;

use super::case::{Case, Deals};
use super::flow::Network;

/// What a market comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Buyers' values less sellers' costs and network fees, currency.
    pub welfare: f64,
    /// Energy traded, kWh.
    pub energy: f64,
}

/// A case as a network, with what was found in it.
struct Built {
    network: Network,
    source: usize,
    sink: usize,
    /// The arcs from the source: everything that is sold passes one of them.
    supply: Vec<usize>,
}

/// The best that could be made of `case`; with `deals`, the best that could be made of it by
/// nothing but contracted energy.
pub(crate) fn solve(case: &Case, fees: &Fees, deals: Option<&Deals>) -> Outcome {
    let mut built = build(case, fees, deals);
    let profit = built.network.fill(built.source, built.sink);
    debug_assert!(built.network.is_optimal(built.source, built.sink), "the flow is the optimum");
    let sold: u64 = built.supply.iter().map(|arc| built.network.flow(*arc)).sum();
    Outcome { welfare: profit as f64 / 1e9, energy: sold as f64 / 1e3 }
}

fn build(case: &Case, fees: &Fees, deals: Option<&Deals>) -> Built {
    let mut network = Network::default();
    let (source, sink) = (network.node(), network.node());
    let mut supply = Vec::new();
    let budgets = chains(case, &mut network, source, &mut supply);
    // Each seller in each interval: what comes in is cut by its line.
    let mut sellers: BTreeMap<(u32, usize), usize> = BTreeMap::new();
    let mut inlets: BTreeMap<(u32, usize), usize> = BTreeMap::new();
    for ask in &case.asks {
        let key = (ask.slot, ask.seller);
        let inlet = *inlets.entry(key).or_insert_with(|| {
            let (inlet, outlet) = (network.node(), network.node());
            network.arc(inlet, outlet, case.line[ask.seller], 0);
            sellers.insert(key, outlet);
            inlet
        });
        match ask.store.and_then(|store| budgets.get(&(store, ask.slot))) {
            Some(budget) => drop(network.arc(*budget, inlet, ask.wh, ask.cost)),
            None => supply.push(network.arc(source, inlet, ask.wh, ask.cost)),
        }
    }
    for bid in &case.bids {
        let buyer = network.node();
        network.arc(buyer, sink, bid.wh, -bid.value);
        for seller in &case.reach[bid.buyer] {
            let Some(outlet) = sellers.get(&(bid.slot, *seller)) else { continue };
            let most = match deals {
                None => bid.wh,
                Some(deals) => {
                    deals.get(&(bid.buyer, *seller, bid.slot)).copied().unwrap_or(0).min(bid.wh)
                }
            };
            if most > 0 {
                let party = |site: usize| PartyId(u32::try_from(site).unwrap_or(u32::MAX));
                let fee = fees.fee(party(bid.buyer), party(*seller));
                network.arc(*outlet, buyer, most, fee.0);
            }
        }
    }
    Built { network, source, sink, supply }
}

/// A node for every store and interval; what passes it is what the store sells up to then.
fn chains(
    case: &Case,
    network: &mut Network,
    source: usize,
    supply: &mut Vec<usize>,
) -> BTreeMap<(usize, u32), usize> {
    let mut rows: BTreeMap<(usize, u32), u64> = BTreeMap::new();
    for budget in &case.budgets {
        let row = rows.entry((budget.store, budget.until)).or_insert(budget.wh);
        *row = budget.wh.min(*row);
    }
    let mut nodes = BTreeMap::new();
    let mut last: Option<(usize, usize)> = None;
    for ((store, until), wh) in rows.iter().rev() {
        let node = network.node();
        match last.filter(|(of, _)| of == store) {
            Some((_, later)) => drop(network.arc(later, node, *wh, 0)),
            None => supply.push(network.arc(source, node, *wh, 0)),
        }
        nodes.insert((*store, *until), node);
        last = Some((*store, node));
    }
    nodes
}

#[cfg(test)]
#[path = "optimum_tests.rs"]
mod tests;
