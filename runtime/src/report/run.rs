//! What a run knows at its end, as plain data: the one input of every report.
//!
//! The world fills it and asks no questions; the report reads it and adds nothing. Integers carry
//! their unit in the name. Rows hold what the meters saw: what was *delivered* peer to peer, what
//! that leaves for the grid and what it cost is computed in one place, `report/settle.rs`, for
//! all three runs of protocol R6 alike, so that no number can be counted in two ways.

use std::collections::BTreeMap;

use gridpact_agents::local::missing::Missing;
use gridpact_agents::local::why::Reasoned;
use gridpact_agents::social::{Reason, SalesOutcome};
use gridpact_chain::verifier::Damage;
use serde::Serialize;

/// Everything one run has to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// Name of the scenario, e.g. `reference`.
    pub scenario: String,
    /// The scenario as it was run, complete; becomes `scenario.toml`.
    pub scenario_toml: String,
    /// Seed of all chance in the run.
    pub seed: u64,
    /// Currency code, e.g. `AUD`; money is counted in millionths of it.
    pub currency: String,
    /// When and how finely.
    pub calendar: Calendar,
    /// Which energy of a contract counts as delivered.
    pub block_shape: BlockShape,
    /// The tariffs in use; sites point into this list.
    pub tariffs: Vec<Tariff>,
    /// One entry per prosumer.
    pub sites: Vec<Site>,
    /// Every final contract on the chain, in chain order.
    pub contracts: Vec<Contract>,
    /// What was tendered and what became of it.
    pub tasks: Tasks,
    /// Drivers who wanted their vehicle full now, by site, device and arrival.
    pub wishes: Vec<Wish>,
    /// The end of every task, in the order in which they ended.
    pub ends: Vec<TaskEnd>,
    /// How rounds went for sellers in which somebody asked them, with the index in [`Run::sites`].
    pub sales: Vec<(usize, SalesOutcome)>,
    /// Contracts that a home still plans with, as (index in [`Run::sites`], identity).
    pub bound: Vec<(usize, String)>,
    /// One entry per trading epoch, in time order.
    pub epochs: Vec<Epoch>,
    /// The double chain at the end of the run.
    pub chain: Chain,
    /// Limits of the common transformer.
    pub feeder: Feeder,
    /// What the market made of its chances; none where that was not looked at.
    pub welfare: Option<Welfare>,
    /// What the RAs told their devices, and what they refused.
    pub control: Control,
    /// Wall-clock seconds the run took.
    pub wall_s: f64,
}

/// A driver's wish to have his vehicle full now, during one stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Index in [`Run::sites`].
    pub site: usize,
    /// The vehicle.
    pub device: u16,
    /// First interval of the stay on the UTC grid.
    pub arrival: u32,
    /// What he was told that it costs; none if nothing could be said.
    pub shown_microcurrency: Option<i64>,
    /// What it cost when the plan took it up; none if it never did.
    pub accepted_microcurrency: Option<i64>,
    /// Energy of signed sales that the plan gave up for it, Wh.
    pub missed_wh: u64,
}

/// What resource agents did with what they were told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Orders to devices by whose word they are: `grid_limit`, `device_refusal`, `driver_need`,
    /// `contract`, `local_optimum`.
    pub orders: BTreeMap<&'static str, u64>,
    /// Samples, setpoints and limits refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Orders at a power that the device could not hold.
    pub unable: u64,
}

/// Limits of the community's common transformer (protocol 12.35), in W; `None` for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Feeder {
    /// Most the community may draw.
    pub import_limit_w: Option<u64>,
    /// Most the community may feed.
    pub export_limit_w: Option<u64>,
    /// Whether homes plan within their share of the limits; else they are only reported.
    pub is_enforced: bool,
}

/// What a market's contracts are worth beside the most that could have been made of the bids and asks
/// its agents really had, each interval as it was first tendered.
///
/// Welfare is what buyers save against retail less what sellers give up and network fees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Welfare {
    /// Welfare of the contracts, as far as they serve those bids.
    pub made_microcurrency: i64,
    /// Welfare of the exact optimum.
    pub optimum_microcurrency: i64,
    /// Energy of the contracts, as far as they serve those bids.
    pub made_wh: u64,
    /// Energy of the optimum.
    pub optimum_wh: u64,
}

impl Welfare {
    /// Made of what could have been made; none where nothing could be.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let best = self.optimum_microcurrency;
        (best > 0).then(|| self.made_microcurrency as f64 / best as f64)
    }
}

/// The intervals of a run and the clock on the community's wall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Length of an interval in seconds, at least 1.
    pub interval_s: u32,
    /// Number of the run's first interval on the UTC grid ([`crate::chain::terms::Interval`]).
    pub first_interval: u32,
    /// How many intervals the run covers.
    pub intervals: u32,
    /// Local time minus UTC in seconds at the start of the run; labels axes, decides nothing.
    pub utc_offset_s: i32,
}

/// Which energy of a contract counts as delivered (protocol 3.3, R3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BlockShape {
    /// Interval by interval, no more than both meters saw.
    #[default]
    Profile,
    /// All contracted energy: the source's count, used by preset `paper`.
    Energy,
}

/// Prices of energy from and to the grid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tariff {
    /// Name of the tariff, e.g. `nsw2013_tou`.
    pub name: String,
    /// Price of grid import per interval, micro-currency per kWh.
    pub retail_microcurrency_per_kwh: Vec<i64>,
    /// Price of grid export per interval, micro-currency per kWh.
    pub feed_in_microcurrency_per_kwh: Vec<i64>,
}

/// One prosumer: what it owns, what its meters saw with trading, and its two lives without.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Site {
    /// Name in tables and files, e.g. `p0001`.
    pub name: String,
    /// Index into [`Run::tariffs`].
    pub tariff: usize,
    /// Stationary battery; `None` without one.
    pub battery: Option<Store>,
    /// Vehicle and charger; `None` without one.
    pub ev: Option<Store>,
    /// What each of its devices is, in a word, by device index.
    pub devices: Vec<&'static str>,
    /// Run C, with trading: one row per interval.
    pub rows: Vec<Row>,
    /// Run C: what each plan had its devices do at once, and why, by interval on the UTC grid.
    pub reasons: BTreeMap<u32, Vec<Reasoned>>,
    /// Run C: what each plan could not have, by its first interval, where it was anything.
    pub missing: BTreeMap<u32, Vec<Missing>>,
    /// Run A: no control of storage, no shifting, no trading.
    pub uncontrolled: Alone,
    /// Run B, the baseline: local schedules with the grid as the only partner.
    pub local: Alone,
}

/// What the report must know of a battery or a vehicle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Store {
    /// Usable capacity in Wh.
    pub capacity_wh: u64,
    /// Stored energy at the start of the run in Wh; the same in runs A, B and C.
    pub start_wh: u64,
    /// Wear per kWh discharged to the site, micro-currency; driving is not counted.
    pub wear_microcurrency_per_kwh: i64,
    /// Worth of a stored kWh at the end of the run (v_s of protocol 3.2), micro-currency.
    pub value_microcurrency_per_kwh: i64,
}

/// One interval at one site, as metered in run C; energies in Wh within the interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row {
    /// Load as it would have been without shifting.
    pub load_wh: u64,
    /// Load after deferrable parts were moved; without vehicle and battery.
    pub shifted_load_wh: u64,
    /// Solar generation before curtailment.
    pub pv_wh: u64,
    /// Wind generation before curtailment.
    pub wind_wh: u64,
    /// Into the battery, at its terminals.
    pub battery_charge_wh: u64,
    /// Out of the battery, at its terminals.
    pub battery_discharge_wh: u64,
    /// Into the vehicle, at the charger.
    pub ev_charge_wh: u64,
    /// Out of the vehicle to the site, at the charger.
    pub ev_discharge_wh: u64,
    /// Stored in the battery at the end of the interval.
    pub battery_soc_wh: u64,
    /// Stored in the vehicle at the end of the interval.
    pub ev_soc_wh: u64,
    /// Generation thrown away.
    pub curtailed_wh: u64,
    /// What the connection's meter saw: import positive, export negative.
    pub net_import_wh: i64,
}

impl Row {
    /// Energy that enters the site's bar less energy that leaves it, in Wh: 0 within rounding.
    #[must_use]
    pub fn residual_wh(&self) -> i64 {
        let signed = |wh: u64| i64::try_from(wh).unwrap_or(i64::MAX);
        let given = [self.pv_wh, self.wind_wh, self.battery_discharge_wh, self.ev_discharge_wh];
        let taken =
            [self.shifted_load_wh, self.battery_charge_wh, self.ev_charge_wh, self.curtailed_wh];
        let given =
            given.into_iter().fold(self.net_import_wh, |s, wh| s.saturating_add(signed(wh)));
        taken.into_iter().fold(given, |s, wh| s.saturating_sub(signed(wh)))
    }
}

/// A site's life without trading (runs A and B), as far as it costs money or loads the feeder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alone {
    /// What the connection's meter saw per interval in Wh: import positive, export negative.
    pub net_import_wh: Vec<i64>,
    /// Total out of the battery in Wh, at its terminals.
    pub battery_discharge_wh: u64,
    /// Total out of the vehicle to the site in Wh, at the charger.
    pub ev_discharge_wh: u64,
    /// Stored in the battery at the end of the run in Wh.
    pub battery_end_wh: u64,
    /// Stored in the vehicle at the end of the run in Wh.
    pub ev_end_wh: u64,
}

/// One final contract. It may reach past the end of the run: only what lies inside is settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contract {
    /// Height of its contract block.
    pub height: u64,
    /// Identity in hexadecimal.
    pub contract_id: String,
    /// Trading round in which it was made.
    pub epoch: u32,
    /// Index of the buyer in [`Run::sites`].
    pub buyer: usize,
    /// Index of the seller in [`Run::sites`].
    pub seller: usize,
    /// First interval of delivery, on the UTC grid.
    pub start: u32,
    /// Contracted energy in Wh per interval from `start` on.
    pub profile_wh: Vec<u64>,
    /// Agreed price.
    pub price_microcurrency_per_kwh: i64,
    /// What the buyer owes for all of it, as settled on the chain.
    pub amount_microcurrency: i64,
    /// Moved back from seller to buyer by Delivery records (negative: the other way); 0 without.
    pub adjustment_microcurrency: i64,
    /// Network fee the buyer pays outside the chain on each delivered kWh.
    pub fee_microcurrency_per_kwh: i64,
    /// What the grid would have asked of the buyer (R of protocol 3.3).
    pub retail_microcurrency_per_kwh: i64,
    /// What serving it costs the seller (c of protocol 3.4).
    pub cost_microcurrency_per_kwh: i64,
}

/// Counts of the trading phases over the whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Blocks tendered for the first time.
    pub tasks: u64,
    /// Blocks tendered again.
    pub retendered_tasks: u64,
    /// Temporary contracts made.
    pub temporary_contracts: u64,
    /// Requests for a final contract that the seller cancelled.
    pub cancelled_requests: u64,
}

/// The end of one task as its buyer tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskEnd {
    /// Trading round in which it was tendered.
    pub epoch: u32,
    /// Index of the buyer in [`Run::sites`].
    pub buyer: usize,
    /// The task's 16-byte nonce: part of the identity of its contracts.
    pub task: [u8; 16],
    /// First interval of its block, on the UTC grid.
    pub start: u32,
    /// Energy wanted in Wh per interval from `start` on.
    pub need_wh: Vec<u64>,
    /// Energy that no final contract covers, in Wh.
    pub residual_wh: u64,
    /// Most offers heard in one session.
    pub rounds: u32,
    /// Identity of its final contracts, and the round (from 0) of the offer each came from.
    pub finals: Vec<(String, u32)>,
    /// Members that were asked.
    pub members: u32,
    /// Of these, with something to sell.
    pub available: u32,
    /// Offers received.
    pub offers: u32,
    /// Why something did not become a deal, and how often.
    pub reasons: BTreeMap<Reason, u32>,
}

/// One trading epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Epoch {
    /// The interval in which it ran, on the UTC grid.
    pub interval: u32,
    /// Tasks tendered in it, retendered ones included.
    pub tasks: u64,
    /// Real microseconds from the first NegotiationRequest to the last answer (R2); `None` without tasks.
    pub negotiation_us: Option<u64>,
    /// Letters of the negotiation phase.
    pub negotiation_messages: u64,
    /// Pairs on the chain when it had settled.
    pub pairs: u64,
    /// Bytes of the chain when it had settled.
    pub chain_bytes: u64,
}

/// The double chain at the end of the run, and the work done on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Community id in hexadecimal.
    pub community: String,
    /// Hash of the last ledger block in hexadecimal.
    pub tip: String,
    /// Contract blocks, all kinds of record.
    pub contract_blocks: u64,
    /// Ledger blocks.
    pub ledger_blocks: u64,
    /// Pairs of both.
    pub pairs: u64,
    /// Members that vote.
    pub validators: u64,
    /// Work of the verifier, over all nodes.
    pub verifier: Verifier,
    /// Work on signatures, over all nodes.
    pub signatures: Signatures,
}

/// What the verifiers did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verifier {
    /// Pairs re-proved, repetitions included.
    pub pairs_checked: u64,
    /// Complete sweeps of the chain.
    pub sweeps: u64,
    /// Faults found.
    pub faults: u64,
    /// Damaged pairs replaced by a peer's good copy.
    pub repaired: u64,
    /// Longest verification age of any node, in ms: no pair stayed unchecked longer.
    pub age_max_ms: u64,
    /// Damaged pairs found by the verifiers, by what was wrong with them.
    pub by_kind: BTreeMap<Damage, u64>,
}

/// Signatures made and checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signatures {
    /// Made.
    pub made: u64,
    /// Checked by arithmetic.
    pub checked: u64,
    /// Not checked again because the verdict was remembered.
    pub remembered: u64,
}
