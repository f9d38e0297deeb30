//! From a world that has ended to the plain data of a run.
//!
//! It reads meters, chain and observations, and decides nothing: settlement and bills are the
//! report's work.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_agents::local::schedule::{Problem, Store as StoreModel, StoreRules, terminal_value};
use gridpact_agents::local::wish::Penalty;
use gridpact_agents::network::Network;
use gridpact_agents::params::BlockShape;
use gridpact_agents::resource::nature::{Nature, Stay, Storage};
use gridpact_agents::social::TaskOutcome;
use gridpact_chain::contract::{ContractBody, ContractId};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::terms::{Epoch, Interval, PartyId, Price};
use gridpact_chain::verdicts::VerdictCounts;

use super::baseline::{Life, Lives};
use super::community::{Community, Device, DeviceData, Site};
use super::founding::Founding;
use super::plant::SiteInterval;
use super::scenario::Scenario;
use crate::actors::replica::ReplicaCounts;
use crate::actors::verifier::VerifierTally;
use crate::observe::{Observations, Observer};
use crate::report::run::{
    self, Alone, Calendar, Chain, Contract, Row, Run, Signatures, Store, Tariff, Tasks, Verifier,
};
use crate::store::Entry;

/// The chain's size when an epoch had ended.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// The epoch.
    pub epoch: Epoch,
    /// Pairs on the chain.
    pub pairs: u64,
    /// Bytes of its files.
    pub bytes: u64,
}

/// What a world leaves behind.
pub struct Crop {
    /// What each home did.
    pub rows: Vec<Vec<SiteInterval>>,
    /// What the first node has written.
    pub entries: Vec<Entry>,
    /// The chain's growth.
    pub growth: Vec<Growth>,
    /// Orders at a power that a device could not hold.
    pub unable: u64,
    /// What was seen.
    pub observer: Observer,
    /// What was verified.
    pub verified: VerifierTally,
    /// Refusals and faults of all replicas.
    pub replicas: ReplicaCounts,
    /// Signatures checked and remembered.
    pub verdicts: VerdictCounts,
}

/// The run that a crop and its two lives without trading make.
#[must_use]
pub fn run(
    scenario: &Scenario,
    community: &Arc<Community>,
    founding: &Founding,
    crop: Crop,
    lives: &Lives,
) -> Run {
    let (tariffs, tariff_of) = tariffs(scenario, community);
    let lives = lives.uncontrolled.iter().zip(&lives.local);
    let mut sites: Vec<run::Site> = community
        .sites
        .iter()
        .zip(&crop.rows)
        .zip(lives)
        .zip(&tariff_of)
        .map(|(((site, rows), (a, b)), tariff)| {
            site_of(scenario, community, site, rows, (a, b), *tariff)
        })
        .collect();
    crop.observer.look(|seen| reasons(seen, &mut sites));
    Run {
        scenario: scenario.name.clone(),
        seed: scenario.seed,
        currency: community.currency.clone(),
        calendar: calendar(community),
        block_shape: match scenario.params.lca.block_shape {
            BlockShape::Profile => run::BlockShape::Profile,
            BlockShape::Energy => run::BlockShape::Energy,
        },
        tariffs,
        sites,
        contracts: contracts(scenario, community, &crop),
        tasks: crop.observer.look(tasks),
        wishes: crop.observer.look(wishes),
        ends: crop.observer.look(ends),
        sales: crop.observer.look(|seen| {
            seen.sales.iter().map(|(seller, sales)| (seller.0 as usize, sales.clone())).collect()
        }),
        bound: crop.observer.look(bound),
        epochs: crop.observer.look(|seen| epochs(&crop.growth, seen)),
        chain: chain(scenario, founding, &crop),
        feeder: run::Feeder {
            import_limit_w: scenario.feeder.import_limit_w,
            export_limit_w: scenario.feeder.export_limit_w,
            is_enforced: scenario.feeder.enforce,
        },
        control: run::Control { unable: crop.unable, ..crop.observer.look(control) },
        ..Run::default()
    }
}

fn control(seen: &Observations) -> run::Control {
    run::Control {
        orders: seen.orders.iter().map(|(by, n)| (by.word(), *n)).collect(),
        refused: seen.refused.iter().map(|(refusal, n)| (refusal.word(), *n)).collect(),
        unable: 0,
    }
}

fn calendar(community: &Community) -> Calendar {
    let start = community.start.starts_at(community.interval_s);
    let second = i64::try_from(start.0 / 1000).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Calendar {
        interval_s: community.interval_s,
        first_interval: community.start.0,
        intervals: community.intervals,
        utc_offset_s: community.zone.to_offset(instant).seconds(),
    }
}

/// Price lists in use, each once, and each home's place in the list.
fn tariffs(scenario: &Scenario, community: &Community) -> (Vec<Tariff>, Vec<usize>) {
    let mut known: Vec<(*const (), Tariff)> = Vec::new();
    let places = community
        .sites
        .iter()
        .map(|site| {
            let id = Arc::as_ptr(&site.tariff).cast::<()>();
            known.iter().position(|(other, _)| *other == id).unwrap_or_else(|| {
                known.push((id, price_list(scenario, community, site)));
                known.len() - 1
            })
        })
        .collect();
    (known.into_iter().map(|(_, tariff)| tariff).collect(), places)
}

fn price_list(scenario: &Scenario, community: &Community, site: &Site) -> Tariff {
    let over = |price: &dyn Fn(Interval) -> Price| {
        (community.start.0..community.end().0).map(|at| price(Interval(at)).0).collect()
    };
    Tariff {
        name: scenario.tariff.preset.name().to_owned(),
        retail_microcurrency_per_kwh: over(&|at| site.tariff.retail(at)),
        feed_in_microcurrency_per_kwh: over(&|at| site.tariff.feed_in(at)),
    }
}

fn site_of(
    scenario: &Scenario,
    community: &Community,
    site: &Site,
    rows: &[SiteInterval],
    (a, b): (&Life, &Life),
    tariff: usize,
) -> run::Site {
    let has_solar = site.devices.iter().any(|d| matches!(d.nature, Nature::Solar { .. }));
    let store = |device: &Device| store_of(scenario, community, site, device);
    run::Site {
        name: site.name.clone(),
        tariff,
        battery: site
            .devices
            .iter()
            .find(|d| matches!(d.nature, Nature::Battery(_)))
            .and_then(store),
        ev: site
            .devices
            .iter()
            .filter(|d| matches!(d.nature, Nature::Vehicle(_)))
            .filter_map(store)
            .reduce(together),
        devices: site.devices.iter().map(|device| word(&device.nature)).collect(),
        rows: rows.iter().map(|row| row_of(row, has_solar)).collect(),
        reasons: BTreeMap::new(),
        missing: BTreeMap::new(),
        uncontrolled: alone(a),
        local: alone(b),
    }
}

/// What a device is, in a word.
fn word(nature: &Nature) -> &'static str {
    match nature {
        Nature::Load => "load",
        Nature::Deferrable => "deferrable load",
        Nature::Solar { .. } => "solar",
        Nature::Wind { .. } => "wind",
        Nature::Battery(_) => "battery",
        Nature::Vehicle(_) => "vehicle",
        Nature::Station { .. } => "charging station",
        Nature::Meter => "meter",
    }
}

/// What drivers wished, and what it cost them.
fn wishes(seen: &Observations) -> Vec<run::Wish> {
    let cost = |penalty: Option<Penalty>| penalty.map(|penalty| penalty.extra.0);
    let wishes = seen.wishes.iter().map(|((party, device, arrival), seen)| run::Wish {
        site: party.0 as usize,
        device: *device,
        arrival: arrival.0,
        shown_microcurrency: cost(seen.shown),
        accepted_microcurrency: cost(seen.accepted),
        missed_wh: seen.accepted.map_or(0, |penalty| penalty.missed_wh.0),
    });
    wishes.collect()
}

/// Hands every home the reasons of its plans, and what they could not have.
fn reasons(seen: &Observations, sites: &mut [run::Site]) {
    for ((party, at), reasons) in &seen.reasons {
        if let Some(site) = sites.get_mut(party.0 as usize) {
            site.reasons.insert(at.0, reasons.clone());
        }
    }
    for ((party, at), missing) in &seen.missing {
        if let Some(site) = sites.get_mut(party.0 as usize) {
            site.missing.insert(at.0, missing.clone());
        }
    }
}

/// The report counts generation before curtailment; what was curtailed is added to the generator
/// the home has.
fn row_of(row: &SiteInterval, has_solar: bool) -> Row {
    let (pv_lost, wind_lost) = if has_solar { (row.curtailed, 0) } else { (0, row.curtailed) };
    Row {
        load_wh: row.load,
        shifted_load_wh: row.shifted_load,
        pv_wh: row.pv + pv_lost,
        wind_wh: row.wind + wind_lost,
        battery_charge_wh: row.battery_charge,
        battery_discharge_wh: row.battery_discharge,
        ev_charge_wh: row.ev_charge,
        ev_discharge_wh: row.ev_discharge,
        battery_soc_wh: row.battery_soc,
        ev_soc_wh: row.ev_soc,
        curtailed_wh: row.curtailed,
        net_import_wh: net_import(row),
    }
}

fn net_import(row: &SiteInterval) -> i64 {
    let signed = |wh: u64| i64::try_from(wh).unwrap_or(i64::MAX);
    signed(row.import) - signed(row.export)
}

/// A life without trading as the report counts it.
#[must_use]
pub fn alone(life: &Life) -> Alone {
    let sum = |wh: fn(&SiteInterval) -> u64| life.iter().map(wh).sum();
    let last = life.last().copied().unwrap_or_default();
    Alone {
        net_import_wh: life.iter().map(net_import).collect(),
        battery_discharge_wh: sum(|row| row.battery_discharge),
        ev_discharge_wh: sum(|row| row.ev_discharge),
        battery_end_wh: last.battery_soc,
        ev_end_wh: last.ev_soc,
    }
}

fn store_of(
    scenario: &Scenario,
    community: &Community,
    site: &Site,
    device: &Device,
) -> Option<Store> {
    let storage = device.nature.storage()?;
    let (DeviceData::Battery { initial_wh } | DeviceData::Vehicle { initial_wh, .. }) =
        &device.data
    else {
        return None;
    };
    Some(Store {
        capacity_wh: storage.capacity_wh,
        start_wh: *initial_wh,
        wear_microcurrency_per_kwh: storage.wear.0,
        value_microcurrency_per_kwh: stored_value(scenario, community, site, (device, storage)),
    })
}

/// The vehicles of a station, as the report counts them: as one. They are of one mix, so a kWh is
/// worth the same in each.
fn together(all: Store, one: Store) -> Store {
    Store {
        capacity_wh: all.capacity_wh + one.capacity_wh,
        start_wh: all.start_wh + one.start_wh,
        ..all
    }
}

/// What a stored kWh is worth at the end of the run (v_s of protocol 3.2), over the prices of its
/// last horizon.
fn stored_value(
    scenario: &Scenario,
    community: &Community,
    site: &Site,
    (device, storage): (&Device, &Storage),
) -> i64 {
    let horizon = scenario.params.epoch.horizon();
    let from = Interval(community.end().0.saturating_sub(horizon));
    let steps = usize::try_from(horizon).unwrap_or(usize::MAX);
    let mut problem = Problem::empty(from, community.interval_s, steps);
    problem.terminal = scenario.params.lca.terminal;
    for (step, at) in (from.0..).map(Interval).take(steps).enumerate() {
        problem.retail[step] = site.tariff.retail(at).0 as f64;
        problem.feed_in[step] = site.tariff.feed_in(at).0 as f64;
    }
    let share = |ppm: u32| f64::from(ppm) / 1e6;
    let is_here = |stays: &[Stay], at| stays.iter().any(|s| s.arrival <= at && at < s.departure);
    let plugged = match &device.data {
        DeviceData::Vehicle { stays, .. } => {
            (from.0..).map(Interval).take(steps).map(|at| is_here(stays, at)).collect()
        }
        _ => Vec::new(),
    };
    let model = StoreModel {
        capacity_wh: storage.capacity_wh as f64,
        charge_wh: storage.charge_w as f64,
        discharge_wh: storage.discharge_w as f64,
        eta_charge: share(storage.eta_charge_ppm),
        eta_discharge: share(storage.eta_discharge_ppm),
        floor_wh: 0.0,
        wear: storage.wear.0 as f64,
        stored_wh: 0.0,
        plugged,
        departures: Vec::new(),
        rules: StoreRules::default(),
    };
    terminal_value(&problem, &model).round() as i64
}

/// Contracts on the chain with what only their parties know of them.
#[must_use]
pub fn contracts(scenario: &Scenario, community: &Community, crop: &Crop) -> Vec<Contract> {
    let network = super::homes::network(scenario, community);
    let on_chain = crop.entries.iter().filter_map(|entry| match entry {
        Entry::Chain(JournalEntry::Pair { pair, .. }) => {
            pair.contract.record.body().map(|body| (pair.height(), body))
        }
        _ => None,
    });
    crop.observer.look(|seen| {
        let retail = retail_prices(seen);
        on_chain.map(|(height, body)| contract(&network, height, body, seen, &retail)).collect()
    })
}

fn contract(
    network: &Network,
    height: u64,
    body: &ContractBody,
    seen: &Observations,
    retail: &BTreeMap<ContractId, Price>,
) -> Contract {
    let terms = seen.terms.get(&body.contract_id);
    let profile = terms.and_then(|terms| terms.profile.as_ref());
    let profile_wh = (body.start.0..body.end.0)
        .map(|at| profile.map_or(0, |profile| profile.at(Interval(at))))
        .collect();
    Contract {
        height,
        contract_id: body.contract_id.to_string(),
        epoch: body.epoch.0,
        buyer: body.buyer.0 as usize,
        seller: body.seller.0 as usize,
        start: body.start.0,
        profile_wh,
        price_microcurrency_per_kwh: body.unit_price.0,
        amount_microcurrency: body.amount.0,
        adjustment_microcurrency: 0,
        fee_microcurrency_per_kwh: network.fee(body.buyer, body.seller).0,
        retail_microcurrency_per_kwh: retail
            .get(&body.contract_id)
            .unwrap_or(&body.shortfall_price)
            .0,
        cost_microcurrency_per_kwh: terms.and_then(|terms| terms.cost).unwrap_or(Price::ZERO).0,
    }
}

/// What the grid would have asked of its buyer for the energy of each contract.
fn retail_prices(seen: &Observations) -> BTreeMap<ContractId, Price> {
    let of = |(_, outcome): &(PartyId, TaskOutcome)| {
        let retail = outcome.retail;
        outcome.finals.iter().map(|deal| (deal.contract_id, retail)).collect::<Vec<_>>()
    };
    seen.outcomes.iter().flat_map(of).collect()
}

fn tasks(seen: &Observations) -> Tasks {
    let count = |retender: bool| {
        seen.outcomes.iter().filter(|(_, outcome)| outcome.retender == retender).count() as u64
    };
    let sum = |of: fn(&TaskOutcome) -> u32| -> u64 {
        seen.outcomes.iter().map(|(_, outcome)| u64::from(of(outcome))).sum()
    };
    Tasks {
        tasks: count(false),
        retendered_tasks: count(true),
        temporary_contracts: sum(|outcome| outcome.temps),
        cancelled_requests: sum(|outcome| outcome.cancelled),
    }
}

fn ends(seen: &Observations) -> Vec<run::TaskEnd> {
    let end = |(buyer, outcome): &(PartyId, TaskOutcome)| run::TaskEnd {
        epoch: outcome.epoch.0,
        buyer: buyer.0 as usize,
        task: outcome.task.0,
        start: outcome.block.start.0,
        need_wh: outcome.block.profile.wh.clone(),
        residual_wh: outcome.residual.0,
        rounds: outcome.rounds,
        finals: outcome.finals.iter().map(|d| (d.contract_id.to_string(), d.round)).collect(),
        members: outcome.members,
        available: outcome.available,
        offers: outcome.offers,
        reasons: outcome.reasons.0.clone(),
    };
    seen.outcomes.iter().map(end).collect()
}

fn bound(seen: &Observations) -> Vec<(usize, String)> {
    seen.bound.iter().map(|(party, id)| (party.0 as usize, id.to_string())).collect()
}

fn epochs(growth: &[Growth], seen: &Observations) -> Vec<run::Epoch> {
    let mut tasks: BTreeMap<Epoch, u64> = BTreeMap::new();
    for (_, outcome) in &seen.outcomes {
        *tasks.entry(outcome.epoch).or_default() += 1;
    }
    growth
        .iter()
        .map(|grown| {
            let watch = seen.negotiations.get(&grown.epoch);
            run::Epoch {
                interval: grown.epoch.0,
                tasks: tasks.get(&grown.epoch).copied().unwrap_or(0),
                negotiation_us: watch.map(crate::observe::Stopwatch::micros),
                negotiation_messages: watch.map_or(0, |watch| watch.letters),
                pairs: grown.pairs,
                chain_bytes: grown.bytes,
            }
        })
        .collect()
}

fn chain(scenario: &Scenario, founding: &Founding, crop: &Crop) -> Chain {
    let pairs = crop.entries.iter().filter_map(|entry| match entry {
        Entry::Chain(JournalEntry::Pair { pair, .. }) => Some(pair),
        _ => None,
    });
    let (mut all, mut contracts, mut tip) = (0, 0, founding.community);
    for pair in pairs {
        all += 1;
        contracts += u64::from(pair.contract.record.contract().is_some());
        tip = pair.ledger.digest(&founding.community);
    }
    let (pairs_checked, sweeps) = crop.verified.counts();
    let faults = crop.verified.findings().len() as u64 + crop.replicas.faults;
    let homes = founding.keys.len() as u64;
    Chain {
        community: founding.community.to_string(),
        tip: tip.to_string(),
        contract_blocks: contracts,
        ledger_blocks: contracts,
        pairs: all,
        validators: u64::from(scenario.validators.unwrap_or(u32::MAX)).min(homes),
        verifier: Verifier {
            pairs_checked,
            sweeps,
            faults,
            repaired: crop.replicas.repaired,
            age_max_ms: crop.verified.age_max_ms(),
            by_kind: crop.verified.faults_by_kind(),
        },
        signatures: Signatures {
            made: founding.keys.iter().map(|key| key.made()).sum(),
            checked: crop.verdicts.checked,
            remembered: crop.verdicts.remembered,
        },
    }
}
