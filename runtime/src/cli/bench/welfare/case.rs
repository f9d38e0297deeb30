//! Case: what a market could have traded, from how its homes really stood when tenders opened.
//!
//! Every interval is taken as it was first tendered: the bids of that epoch, and what every other
//! home could have given by the plan it had in that moment. A bid is worth the retail price that it
//! saves; an ask costs what the seller's own plan says. Who may trade with whom is what the
//! neighbour lists allow within the depth of a coalition.

use std::collections::{BTreeMap, BTreeSet};

use gridpact_chain::terms::{Epoch, Interval};

use crate::observe::Stand;
use crate::report::run::Contract;
use crate::sim::community::Community;

/// What a buyer asked for in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bid {
    pub slot: u32,
    pub buyer: usize,
    pub wh: u64,
    /// Retail price, micro-currency per kWh.
    pub value: i64,
}

/// What a seller could give in one interval, out of its surplus or of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
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
pub(super) struct Budget {
    pub store: usize,
    pub until: u32,
    pub wh: u64,
}

/// A market of bids and asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Case {
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
pub(super) type Deals = BTreeMap<(usize, usize, u32), u64>;

/// The energy of all contracts.
pub(super) fn deals(contracts: &[Contract]) -> Deals {
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

/// Whom each home reaches in at most `depth` steps from neighbour to neighbour.
pub(super) fn reach(community: &Community, depth: u32) -> Vec<BTreeSet<usize>> {
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
    pub fn of(stands: &[Stand], deals: &Deals, reach: Vec<BTreeSet<usize>>) -> Self {
        let homes = reach.len();
        let mut case = Self { reach, line: vec![0; homes], ..Self::default() };
        let opened = openings(stands);
        let mut sold: BTreeMap<(usize, u32), u64> = BTreeMap::new();
        for ((_, seller, at), wh) in deals {
            *sold.entry((*seller, *at)).or_default() += wh;
        }
        let mut spent = BTreeMap::new();
        for stand in stands {
            let slots: Vec<u32> = opened
                .iter()
                .filter(|(_, epoch)| **epoch == stand.blocks.epoch)
                .map(|(at, _)| at.0)
                .collect();
            if !slots.is_empty() {
                case.bid(stand, &slots);
                case.ask(stand, &slots, &sold, &mut spent);
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
    /// sold in the intervals before them, so that a budget counts over the whole run.
    fn ask(
        &mut self,
        stand: &Stand,
        slots: &[u32],
        sold: &BTreeMap<(usize, u32), u64>,
        spent: &mut BTreeMap<(usize, usize), u64>,
    ) {
        let Some(ability) = &stand.ability else { return };
        let seller = stand.party.0 as usize;
        let before = spent.clone();
        for slot in slots {
            let Some(t) = slot.checked_sub(ability.start.0).map(|t| t as usize) else { continue };
            let Some(direct) = ability.direct_wh.get(t).copied() else { continue };
            let line = ability.export_left_wh[t];
            self.line[seller] = self.line[seller].max(line);
            let mut delivered = sold.get(&(seller, *slot)).copied().unwrap_or(0);
            delivered = delivered.saturating_sub(direct);
            let cost = ability.direct_cost[t].0;
            self.push(Ask { slot: *slot, seller, wh: direct, cost, store: None });
            for source in &ability.sources {
                let key = (seller, source.number);
                let earlier = before.get(&key).copied().unwrap_or(0);
                let store = self.store(key);
                let wh = source.power_wh[t].min(line);
                self.push(Ask {
                    slot: *slot,
                    seller,
                    wh,
                    cost: source.unit_cost.0,
                    store: Some(store),
                });
                let until = earlier.saturating_add(source.until_wh[t]);
                self.budgets.push(Budget { store, until: *slot, wh: until });
                let taken = delivered.min(wh);
                delivered -= taken;
                *spent.entry(key).or_default() += taken;
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
