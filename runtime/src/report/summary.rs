//! The figures of a run under their published names: what `--json` and `summary.json` say.
//!
//! The order of the fields is the order of the keys. A figure that does not exist in a run (a
//! ratio to nothing, a time never measured) is null, never zero.

use std::collections::BTreeMap;

use gridpact_chain::verifier::Damage;
use serde::Serialize;

use super::bill::{Bill, Bills};
use super::causes::Causes;
use super::compare::Comparison;
use super::explain::Explanation;
use super::fairness::Fairness;
use super::feeder::FeederKeys;
use super::load::{NetLoad, Shape};
use super::run::{Control, Epoch, Run, Signatures, Site, Verifier, Wish};
use super::settle::Settlement;
use super::welfare::WelfareKeys;

/// The keys of the summary; units are in the names.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Number of prosumers.
    pub prosumers: u64,
    /// Number of intervals.
    pub intervals: u64,
    /// Seed of all chance.
    pub seed: u64,
    /// Name of the scenario.
    pub scenario: String,
    /// Blocks tendered for the first time.
    pub tasks: u64,
    /// Blocks tendered again.
    pub retendered_tasks: u64,
    /// Temporary contracts made.
    pub temporary_contracts: u64,
    /// Final contracts on the chain.
    pub final_contracts: u64,
    /// Requests cancelled by the seller.
    pub cancelled_requests: u64,
    /// Peer-to-peer energy delivered plus metered grid import, each Wh once.
    pub deficit_wh: u64,
    /// Energy delivered peer to peer.
    pub p2p_wh: u64,
    /// `p2p_wh / deficit_wh` (R3).
    pub p2p_share: f64,
    /// Contracted energy over `deficit_wh`.
    pub contracted_share: f64,
    /// Energy bought from the grid.
    pub grid_import_wh: u64,
    /// Energy fed into the grid.
    pub grid_export_wh: u64,
    /// Change of all stored energy over the run.
    pub stored_change_wh: i64,
    /// What the community paid, wear, fees and change of stored energy in it.
    pub cost_microcurrency: i64,
    /// The same with local schedules alone (run B).
    pub baseline_cost_microcurrency: i64,
    /// Of the cost, network fees on delivered energy.
    pub network_fee_microcurrency: i64,
    /// `1 - cost / baseline cost`; null unless the baseline costs something.
    pub savings_ratio: Option<f64>,
    /// Highest community net load.
    pub peak_w: i64,
    /// The same with local schedules alone (run B).
    pub baseline_peak_w: i64,
    /// The common transformer in runs A, B and C, and its limits.
    pub feeder: FeederKeys,
    /// What the market made of its chances; null where that was not computed.
    pub welfare: Option<WelfareKeys>,
    /// Real time of a negotiation, per epoch with tasks (R2).
    pub negotiation_ms: Spread,
    /// Letters of all negotiation phases.
    pub negotiation_messages: u64,
    /// Contract blocks on the chain.
    pub contract_blocks: u64,
    /// Ledger blocks on the chain.
    pub ledger_blocks: u64,
    /// Pairs of both.
    pub pairs: u64,
    /// Members that vote.
    pub validators: u64,
    /// Community id, hexadecimal.
    pub community: String,
    /// Hash of the last ledger block, hexadecimal.
    pub tip: String,
    /// Work of the verifiers.
    pub verifier: VerifierKeys,
    /// Work on signatures.
    pub signatures: SignatureKeys,
    /// What the RAs told their devices, and what they refused.
    pub control: Control,
    /// Who gains by trading, and who does not.
    pub fairness: Fairness,
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// Drivers who wanted their vehicle full now; only where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_now: Option<FullNowKeys>,
    /// Other ways to live the same days; only where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<Comparison>,
    /// One prosumer's run in reasons; only where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explanation>,
}

/// Drivers who wanted their vehicle full now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FullNowKeys {
    /// Stays whose driver asked.
    pub asked: u64,
    /// Of these, those whose wish a plan took up.
    pub accepted: u64,
    /// Mean of what drivers were told that it costs; null when nobody was told.
    pub mean_shown_microcurrency: Option<f64>,
    /// Mean of what it cost when a plan took it up; null when none did.
    pub mean_extra_microcurrency: Option<f64>,
    /// Energy of signed sales that plans gave up for it.
    pub missed_wh: u64,
}

impl FullNowKeys {
    fn of(wishes: &[Wish]) -> Option<Self> {
        let mean = |costs: Vec<i64>| -> Option<f64> {
            let sum: i128 = costs.iter().map(|cost| i128::from(*cost)).sum();
            (!costs.is_empty()).then(|| sum as f64 / costs.len() as f64)
        };
        let accepted: Vec<i64> = wishes.iter().filter_map(|w| w.accepted_microcurrency).collect();
        (!wishes.is_empty()).then(|| Self {
            asked: wishes.len() as u64,
            accepted: accepted.len() as u64,
            mean_shown_microcurrency: mean(
                wishes.iter().filter_map(|w| w.shown_microcurrency).collect(),
            ),
            mean_extra_microcurrency: mean(accepted),
            missed_wh: wishes.iter().map(|w| w.missed_wh).sum(),
        })
    }
}

/// Mean and percentiles of a measured time in ms; null when it was never measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Median, nearest rank.
    pub p50: Option<f64>,
    /// 95th percentile, nearest rank.
    pub p95: Option<f64>,
    /// 99th percentile, nearest rank.
    pub p99: Option<f64>,
}

/// The verifiers' counters as keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifierKeys {
    /// Pairs re-proved.
    pub pairs_checked: u64,
    /// Complete sweeps.
    pub sweeps: u64,
    /// Faults found.
    pub faults: u64,
    /// Longest verification age of any node, in ms.
    pub age_max_ms: u64,
    /// Damaged pairs found by the verifiers, by what was wrong with them.
    pub by_kind: BTreeMap<Damage, u64>,
}

/// The signature counters as keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SignatureKeys {
    /// Made.
    pub made: u64,
    /// Checked by arithmetic.
    pub checked: u64,
    /// Remembered.
    pub remembered: u64,
}

impl From<&Verifier> for VerifierKeys {
    fn from(from: &Verifier) -> Self {
        Self {
            pairs_checked: from.pairs_checked,
            sweeps: from.sweeps,
            faults: from.faults,
            age_max_ms: from.age_max_ms,
            by_kind: from.by_kind.clone(),
        }
    }
}

impl From<&Signatures> for SignatureKeys {
    fn from(from: &Signatures) -> Self {
        Self { made: from.made, checked: from.checked, remembered: from.remembered }
    }
}

/// The community's bill: every site's, item by item.
#[must_use]
pub fn community(bills: &[Bills], of: impl Fn(&Bills) -> Bill) -> Bill {
    bills.iter().fold(Bill::default(), |sum, site| sum.plus(&of(site)))
}

impl Summary {
    /// Computes every key from a checked and settled run.
    #[must_use]
    pub fn of(
        run: &Run,
        settlement: &Settlement,
        (bills, causes): (&[Bills], &[Causes]),
        load: &NetLoad,
    ) -> Self {
        let energy = Energy::of(settlement);
        let deficit_wh = energy.p2p_wh.saturating_add(energy.grid_import_wh);
        let cost = community(bills, |site| site.trading);
        let baseline = community(bills, |site| site.local).total();
        let shape = |curve_w: &[i64]| Shape::of(curve_w, run.calendar.interval_s);
        Self {
            prosumers: run.sites.len() as u64,
            intervals: u64::from(run.calendar.intervals),
            seed: run.seed,
            scenario: run.scenario.clone(),
            tasks: run.tasks.tasks,
            retendered_tasks: run.tasks.retendered_tasks,
            temporary_contracts: run.tasks.temporary_contracts,
            final_contracts: run.contracts.len() as u64,
            cancelled_requests: run.tasks.cancelled_requests,
            deficit_wh,
            p2p_wh: energy.p2p_wh,
            p2p_share: share(energy.p2p_wh, deficit_wh),
            contracted_share: share(energy.contracted_wh, deficit_wh),
            grid_import_wh: energy.grid_import_wh,
            grid_export_wh: energy.grid_export_wh,
            stored_change_wh: stored_change_wh(&run.sites),
            cost_microcurrency: cost.total(),
            baseline_cost_microcurrency: baseline,
            network_fee_microcurrency: cost.fee,
            savings_ratio: (baseline > 0).then(|| 1.0 - cost.total() as f64 / baseline as f64),
            peak_w: shape(&load.trading_w).peak_w,
            baseline_peak_w: shape(&load.local_w).peak_w,
            feeder: FeederKeys::of(run, load),
            welfare: run.welfare.map(WelfareKeys::from),
            negotiation_ms: Spread::of(&run.epochs),
            negotiation_messages: run.epochs.iter().map(|epoch| epoch.negotiation_messages).sum(),
            contract_blocks: run.chain.contract_blocks,
            ledger_blocks: run.chain.ledger_blocks,
            pairs: run.chain.pairs,
            validators: run.chain.validators,
            community: run.chain.community.clone(),
            tip: run.chain.tip.clone(),
            verifier: VerifierKeys::from(&run.chain.verifier),
            signatures: SignatureKeys::from(&run.chain.signatures),
            control: run.control.clone(),
            fairness: Fairness::of(bills, causes),
            wall_s: run.wall_s,
            full_now: FullNowKeys::of(&run.wishes),
            compare: None,
            explain: None,
        }
    }
}

/// `part` of `whole`; 0 of nothing is 0.
#[must_use]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[derive(Default)]
struct Energy {
    p2p_wh: u64,
    contracted_wh: u64,
    grid_import_wh: u64,
    grid_export_wh: u64,
}

impl Energy {
    fn of(settlement: &Settlement) -> Self {
        let mut sum = Self::default();
        for flow in settlement.flows.iter().flatten() {
            sum.p2p_wh = sum.p2p_wh.saturating_add(flow.bought_wh);
            sum.grid_import_wh = sum.grid_import_wh.saturating_add(flow.grid_import_wh);
            sum.grid_export_wh = sum.grid_export_wh.saturating_add(flow.grid_export_wh);
        }
        for fulfilment in &settlement.fulfilments {
            sum.contracted_wh = sum.contracted_wh.saturating_add(fulfilment.contracted_wh);
        }
        sum
    }
}

/// Stored at the end less stored at the start, over all batteries and vehicles of run C.
fn stored_change_wh(sites: &[Site]) -> i64 {
    let change = |end: u64, start: u64| {
        i64::try_from(i128::from(end) - i128::from(start)).unwrap_or(i64::MAX)
    };
    let of_site = |site: &Site| {
        let Some(end) = site.rows.last() else { return 0 };
        let battery = site.battery.as_ref().map_or(0, |s| change(end.battery_soc_wh, s.start_wh));
        battery + site.ev.as_ref().map_or(0, |s| change(end.ev_soc_wh, s.start_wh))
    };
    sites.iter().map(of_site).sum()
}

impl Spread {
    fn of(epochs: &[Epoch]) -> Self {
        let mut us: Vec<u64> = epochs.iter().filter_map(|epoch| epoch.negotiation_us).collect();
        us.sort_unstable();
        let Some(last) = us.len().checked_sub(1) else { return Self::default() };
        let rank = |percent: usize| {
            let at = (us.len() * percent).div_ceil(100).saturating_sub(1).min(last);
            Some(us[at] as f64 / 1000.0)
        };
        let sum: u128 = us.iter().map(|us| u128::from(*us)).sum();
        let mean_us = sum as f64 / us.len() as f64;
        let mean = Some(mean_us.round() / 1000.0);
        Self { mean, p50: rank(50), p95: rank(95), p99: rank(99) }
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
