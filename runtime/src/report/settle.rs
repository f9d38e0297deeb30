//! Which energy was delivered peer to peer, and what that leaves for the grid (protocol R3).
//!
//! Pure integer arithmetic on meters and contracts. A kilowatt-hour is peer-to-peer only in the
//! interval in which both meters see it:
//!
//! ```text
//! delivered_t = min(contracted_t, seller's net-export share, buyer's net-import share)
//! grid_t      = metered net import - bought_t + sold_t        (import if positive, else export)
//! ```
//!
//! A party's share divides its metered flow among its contracts of that interval by contracted
//! energy, exact to the Wh ([`apportion`]). With [`BlockShape::Energy`] all contracted energy
//! counts: each side's meter takes it wherever in the contract's intervals it had flow left, the
//! rest where the contract has it, and the grid balances the difference.

use super::run::{BlockShape, Contract, Run};

/// What one meter's interval consists of, in Wh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Delivered to this site by others.
    pub bought_wh: u64,
    /// Delivered by this site to others.
    pub sold_wh: u64,
    /// Bought from the grid.
    pub grid_import_wh: u64,
    /// Fed into the grid.
    pub grid_export_wh: u64,
}

impl Flow {
    /// A meter reading (import positive) seen without any trading.
    #[must_use]
    pub fn of_grid(net_import_wh: i64) -> Self {
        Self::split(i128::from(net_import_wh), 0, 0)
    }

    fn split(net_import_wh: i128, bought_wh: u64, sold_wh: u64) -> Self {
        let grid = net_import_wh - i128::from(bought_wh) + i128::from(sold_wh);
        let positive = |wh: i128| u64::try_from(wh.max(0)).unwrap_or(u64::MAX);
        Self { bought_wh, sold_wh, grid_import_wh: positive(grid), grid_export_wh: positive(-grid) }
    }
}

/// What became of one contract within the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fulfilment {
    /// Contracted energy that lies inside the run, in Wh.
    pub contracted_wh: u64,
    /// Of that, delivered, in Wh.
    pub delivered_wh: u64,
    /// Of what was not delivered, what the buyer's meter had no use for, in Wh; the rest is missing
    /// at the seller's.
    pub untaken_wh: u64,
}

/// Every meter and every contract of a run, settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Per site, per interval, in the order of the run.
    pub flows: Vec<Vec<Flow>>,
    /// Per contract, in the order of the run.
    pub fulfilments: Vec<Fulfilment>,
}

/// Settles a checked run.
#[must_use]
pub fn settle(run: &Run) -> Settlement {
    let intervals = run.calendar.intervals as usize;
    let mut ledger = Ledger {
        bought: vec![vec![0; intervals]; run.sites.len()],
        sold: vec![vec![0; intervals]; run.sites.len()],
        fulfilments: run.contracts.iter().map(|c| contracted(run, c)).collect(),
    };
    match run.block_shape {
        BlockShape::Profile => by_profile(run, &mut ledger),
        BlockShape::Energy => by_energy(run, &mut ledger),
    }
    let flows = run.sites.iter().enumerate().map(|(at, site)| {
        let traded = ledger.bought[at].iter().zip(&ledger.sold[at]);
        let metered = site.rows.iter().map(|row| i128::from(row.net_import_wh));
        metered.zip(traded).map(|(net, (bought, sold))| Flow::split(net, *bought, *sold)).collect()
    });
    Settlement { flows: flows.collect(), fulfilments: ledger.fulfilments }
}

struct Ledger {
    bought: Vec<Vec<u64>>,
    sold: Vec<Vec<u64>>,
    fulfilments: Vec<Fulfilment>,
}

fn contracted(run: &Run, contract: &Contract) -> Fulfilment {
    let inside = inside(run, contract).map(|(_, wh)| wh);
    Fulfilment { contracted_wh: inside.fold(0, u64::saturating_add), ..Fulfilment::default() }
}

/// The contract's energies that lie inside the run: index of the interval in the run, Wh.
fn inside<'a>(run: &Run, contract: &'a Contract) -> impl Iterator<Item = (usize, u64)> + 'a {
    let (first, intervals) = (i64::from(run.calendar.first_interval), run.calendar.intervals);
    (i64::from(contract.start) - first..)
        .zip(&contract.profile_wh)
        .filter(move |(at, _)| (0..i64::from(intervals)).contains(at))
        .filter_map(|(at, wh)| usize::try_from(at).ok().map(|at| (at, *wh)))
}

/// One contract's wish in one interval.
struct Claim {
    contract: usize,
    wanted_wh: u64,
}

fn by_profile(run: &Run, ledger: &mut Ledger) {
    let mut claims: Vec<Vec<Claim>> = Vec::new();
    claims.resize_with(run.calendar.intervals as usize, Vec::new);
    for (at, contract) in run.contracts.iter().enumerate() {
        for (interval, wanted_wh) in inside(run, contract).filter(|(_, wh)| *wh > 0) {
            claims[interval].push(Claim { contract: at, wanted_wh });
        }
    }
    for (interval, claims) in claims.iter().enumerate() {
        let sellers =
            shares(claims, |at| run.contracts[at].seller, |site| export(run, site, interval));
        let buyers =
            shares(claims, |at| run.contracts[at].buyer, |site| import(run, site, interval));
        for ((claim, given), taken) in claims.iter().zip(sellers).zip(buyers) {
            let contract = &run.contracts[claim.contract];
            let delivered = claim.wanted_wh.min(given).min(taken);
            ledger.sold[contract.seller][interval] += delivered;
            ledger.bought[contract.buyer][interval] += delivered;
            ledger.fulfilments[claim.contract].delivered_wh += delivered;
            ledger.fulfilments[claim.contract].untaken_wh += claim.wanted_wh - taken;
        }
    }
}

/// Each claim's share of its party's metered flow, in the order of the claims.
fn shares(
    claims: &[Claim],
    party: impl Fn(usize) -> usize,
    flow_wh: impl Fn(usize) -> u64,
) -> Vec<u64> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by_key(|i| party(claims[*i].contract));
    let mut shares = vec![0; claims.len()];
    for group in order.chunk_by(|a, b| party(claims[*a].contract) == party(claims[*b].contract)) {
        let wanted: Vec<u64> = group.iter().map(|i| claims[*i].wanted_wh).collect();
        let cut = apportion(flow_wh(party(claims[group[0]].contract)), &wanted);
        for (i, share) in group.iter().zip(cut) {
            shares[*i] = share;
        }
    }
    shares
}

/// Divides `limit` among `wanted` in proportion, by largest remainder (ties: the earlier).
///
/// No share exceeds what was wanted, and the shares sum to the smaller of `limit` and the total.
#[must_use]
pub fn apportion(limit: u64, wanted: &[u64]) -> Vec<u64> {
    let total: u128 = wanted.iter().map(|wh| u128::from(*wh)).sum();
    if total <= u128::from(limit) {
        return wanted.to_vec();
    }
    // limit < total, so each exact share lies below what was wanted and rounding up stays within.
    let exact = |wh: &u64| u128::from(limit) * u128::from(*wh);
    let mut shares: Vec<u64> =
        wanted.iter().map(|wh| u64::try_from(exact(wh) / total).unwrap_or(*wh)).collect();
    let mut left = limit - shares.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(exact(&wanted[*i]) % total), *i));
    for i in order {
        if left == 0 {
            break;
        }
        shares[i] += 1;
        left -= 1;
    }
    shares
}

fn by_energy(run: &Run, ledger: &mut Ledger) {
    let intervals = run.calendar.intervals as usize;
    let flows = |flow: fn(&Run, usize, usize) -> u64| -> Vec<Vec<u64>> {
        (0..run.sites.len()).map(|s| (0..intervals).map(|t| flow(run, s, t)).collect()).collect()
    };
    let (mut imports, mut exports) = (flows(import), flows(export));
    for (at, contract) in run.contracts.iter().enumerate() {
        let profile: Vec<(usize, u64)> = inside(run, contract).collect();
        place(&profile, &mut imports[contract.buyer], &mut ledger.bought[contract.buyer]);
        place(&profile, &mut exports[contract.seller], &mut ledger.sold[contract.seller]);
        ledger.fulfilments[at].delivered_wh = ledger.fulfilments[at].contracted_wh;
    }
}

/// Books all of `profile` on one meter: where asked and seen, else where seen, else where asked.
fn place(profile: &[(usize, u64)], left: &mut [u64], booked: &mut [u64]) {
    let mut unseen = 0;
    let mut missing: Vec<(usize, u64)> = Vec::with_capacity(profile.len());
    for (interval, wanted) in profile {
        let here = (*wanted).min(left[*interval]);
        left[*interval] -= here;
        booked[*interval] += here;
        missing.push((*interval, wanted - here));
        unseen += wanted - here;
    }
    for (interval, _) in profile {
        let here = unseen.min(left[*interval]);
        left[*interval] -= here;
        booked[*interval] += here;
        unseen -= here;
    }
    for (interval, wanted) in missing {
        let here = unseen.min(wanted);
        booked[interval] += here;
        unseen -= here;
    }
}

fn import(run: &Run, site: usize, interval: usize) -> u64 {
    u64::try_from(run.sites[site].rows[interval].net_import_wh.max(0)).unwrap_or(0)
}

fn export(run: &Run, site: usize, interval: usize) -> u64 {
    u64::try_from(run.sites[site].rows[interval].net_import_wh.saturating_neg().max(0)).unwrap_or(0)
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
