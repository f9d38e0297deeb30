//! Case: what a market could have traded, from how its homes really stood when tenders opened.
//!
//! Every interval is taken as it was first tendered: the bids of that epoch, and what every other
//! home could have given by the plan it had in that moment, or gave later. A bid is worth the retail price that it
//! saves; an ask costs what the seller's own plan says. Who may trade with whom is what the
//! neighbour lists allow within the depth of a coalition.

use std::collections::{BTreeMap, BTreeSet};

use gridpact_chain::terms::{Epoch, Interval};

use crate::observe::Stand;
use crate::report::run::Contract;
use crate::sim::community::Community;

/// What a buyer asked for in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bid {
    pub slot: u32,
    pub buyer: usize,
    pub wh: u64,
    /// Retail price, micro-currency per kWh.
    pub value: i64,
}

/// What a seller could give in one interval, out of its surplus or of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    pub slot: u32,
    pub seller: usize,
    pub wh: u64,
    /// What a kWh costs it, micro-currency.
    pub cost: i64,
    /// Number of the store in [`Case::stores`].
    pub store: Option<usize>,
}

/// What a store can give at most in all intervals up to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub store: usize,
    pub until: u32,
    pub wh: u64,
}

/// A market of bids and asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Case {
    pub bids: Vec<Bid>,
    pub asks: Vec<Ask>,
    pub budgets: Vec<Budget>,
    /// Every store: its home and its number there.
    pub stores: Vec<(usize, usize)>,
    /// Most each home sells in one interval, Wh.
    pub line: Vec<u64>,
    /// Whom each home could reach as a buyer.
    pub reach: Vec<BTreeSet<usize>>,
}

/// Contracted energy by buyer, seller and interval, Wh.
pub(crate) type Deals = BTreeMap<(usize, usize, u32), u64>;

/// The energy of all contracts.
pub(crate) fn deals(contracts: &[Contract]) -> Deals {
    let mut deals = Deals::new();
    for contract in contracts {
        for (at, wh) in (contract.start..).zip(&contract.profile_wh) {
            if *wh > 0 {
                *deals.entry((contract.buyer, contract.seller, at)).or_default() += wh;
            }
        }
    }
    deals
}

/// What was sold by seller and interval: what a kWh cost the seller when it signed, and how much, Wh.
pub(crate) type Sold = BTreeMap<(usize, u32), Vec<(i64, u64)>>;

/// The energy of all contracts with their sellers' costs.
pub(crate) fn sold(contracts: &[Contract]) -> Sold {
    let mut sold = Sold::new();
    for contract in contracts {
        for (at, wh) in (contract.start..).zip(&contract.profile_wh).filter(|(_, wh)| **wh > 0) {
            let entry = sold.entry((contract.seller, at)).or_default();
            entry.push((contract.cost_microcurrency_per_kwh, *wh));
        }
    }
    sold
}

/// Whom each home reaches in at most `depth` steps from neighbour to neighbour.
pub(crate) fn reach(community: &Community, depth: u32) -> Vec<BTreeSet<usize>> {
    let neighbours = |site: usize| {
        community.neighbours.get(site).into_iter().flatten().map(|party| party.0 as usize)
    };
    let from = |site: usize| {
        let mut seen = BTreeSet::from([site]);
        let mut edge = vec![site];
        for _ in 0..depth {
            let found: Vec<usize> = edge.drain(..).flat_map(neighbours).collect();
            edge = found.into_iter().filter(|site| seen.insert(*site)).collect();
        }
        seen.remove(&site);
        seen
    };
    (0..community.sites.len()).map(from).collect()
}

impl Case {
    /// The case of a market that has been watched.
    pub fn of(stands: &[Stand], sold: &Sold, reach: Vec<BTreeSet<usize>>) -> Self {
        let homes = reach.len();
        let mut case = Self { reach, line: vec![0; homes], ..Self::default() };
        let opened = openings(stands);
        let mut spent = BTreeMap::new();
        for stand in stands {
            let slots: Vec<u32> = opened
                .iter()
                .filter(|(_, epoch)| **epoch == stand.blocks.epoch)
                .map(|(at, _)| at.0)
                .collect();
            if !slots.is_empty() {
                case.bid(stand, &slots);
                case.ask(stand, &slots, sold, &mut spent);
            }
        }
        case
    }

    fn bid(&mut self, stand: &Stand, slots: &[u32]) {
        let buyer = stand.party.0 as usize;
        for deficit in &stand.blocks.deficits {
            for (at, wh) in deficit.block.profile.iter() {
                if wh > 0 && slots.contains(&at.0) {
                    self.bids.push(Bid { slot: at.0, buyer, wh, value: deficit.retail.0 });
                }
            }
        }
    }

    /// The asks of one home for the intervals that open; `spent` is what each of its stores has
    /// sold so far, so that a budget counts over the whole run. What was really sold beyond the plan
    /// of that moment could be sold: a later plan carried it, so the case has it too.
    fn ask(
        &mut self,
        stand: &Stand,
        slots: &[u32],
        sold: &Sold,
        spent: &mut BTreeMap<(usize, usize), u64>,
    ) {
        let Some(ability) = &stand.ability else { return };
        let seller = stand.party.0 as usize;
        let before = spent.clone();
        for slot in slots {
            let Some(t) = slot.checked_sub(ability.start.0).map(|t| t as usize) else { continue };
            let Some(mut direct) = ability.direct_wh.get(t).copied() else { continue };
            let line = ability.export_left_wh[t];
            self.line[seller] = self.line[seller].max(line);
            let is_buyer = self.bids.iter().any(|bid| (bid.buyer, bid.slot) == (seller, *slot));
            let cost = ability.direct_cost[t].0;
            // What a contract cost its seller tells where its energy came from.
            let dearer = ability.sources.first().map(|source| cost.midpoint(source.unit_cost.0));
            let mut rest = 0;
            let mut given = 0;
            for (unit_cost, wh) in sold.get(&(seller, *slot)).into_iter().flatten() {
                match dearer {
                    _ if is_buyer => {}
                    Some(least) if *unit_cost >= least => rest += wh,
                    _ => given += wh,
                }
            }
            direct = direct.max(given);
            self.push(Ask { slot: *slot, seller, wh: direct, cost, store: None });
            for (number, source) in ability.sources.iter().enumerate() {
                let key = (seller, source.number);
                let store = self.store(key);
                let could = source.power_wh[t].min(line);
                let is_last = number + 1 == ability.sources.len();
                let taken = if is_last { rest } else { rest.min(could) };
                rest -= taken;
                let (wh, cost) = (could.max(taken), source.unit_cost.0);
                self.push(Ask { slot: *slot, seller, wh, cost, store: Some(store) });
                let all = spent.entry(key).or_default();
                *all += taken;
                let earlier = before.get(&key).copied().unwrap_or(0);
                let wh = earlier.saturating_add(source.until_wh[t]).max(*all);
                self.budgets.push(Budget { store, until: *slot, wh });
            }
        }
    }

    fn push(&mut self, ask: Ask) {
        if ask.wh > 0 {
            self.asks.push(ask);
        }
    }

    fn store(&mut self, key: (usize, usize)) -> usize {
        self.stores.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.stores.push(key);
            self.stores.len() - 1
        })
    }
}

/// The epoch in which each interval was first tendered by anybody.
fn openings(stands: &[Stand]) -> BTreeMap<Interval, Epoch> {
    let mut opened: BTreeMap<Interval, Epoch> = BTreeMap::new();
    for stand in stands {
        for deficit in &stand.blocks.deficits {
            for at in (deficit.block.start.0..deficit.block.end.0).map(Interval) {
                let first = opened.entry(at).or_insert(stand.blocks.epoch);
                *first = stand.blocks.epoch.min(*first);
            }
        }
    }
    opened
}
