//! Two neighbours, one deal, one pair of blocks.
//!
//! Ada's roof gives more than she needs, Bo cooks at noon and has no roof of his own. Their actors
//! live one day in virtual time: they forecast, plan, bargain, sign, vote and settle.
//!
//! `cargo run --release --example quickstart [DIR]` leaves the report and the chain in DIR.

use std::error::Error;
use std::path::{Path, PathBuf};

use gridpact::agents::params::Forecast;
use gridpact::agents::resource::nature::Nature;
use gridpact::chain::terms::{Money, PartyId};
use gridpact::chain::verifier::audit;
use gridpact::config;
use gridpact::report::run::Contract;
use gridpact::report::units::{decimal, energy, money};
use gridpact::report::{OutDir, Report};
use gridpact::sim::calendar::Calendar;
use gridpact::sim::community::{Community, Device, DeviceData, Site};
use gridpact::sim::profiles::{clock_tariff, community};
use gridpact::sim::scenario::Scenario;
use gridpact::sim::tariff::TariffPreset;
use gridpact::sim::world;
use gridpact::store::archive::{self, chain_dir};
use gridpact::verdicts::ProcessVerdicts;

const NAMES: [&str; 2] = ["Ada", "Bo"];

fn main() -> Result<(), Box<dyn Error>> {
    let default = || std::env::temp_dir().join("gridpact-quickstart");
    run(&std::env::args_os().nth(1).map_or_else(default, PathBuf::from)).map(|_| ())
}

/// Lets them trade, and tells what came of it.
pub fn run(dir: &Path) -> Result<Report, Box<dyn Error>> {
    let mut scenario = Scenario { name: "quickstart".to_owned(), ..Scenario::default() };
    scenario.tariff.preset = TariffPreset::Nsw2013Flat;
    // Both know their day exactly, so that one deal is all it takes.
    scenario.params.lca.forecast = Forecast::Perfect;
    let calendar = Calendar::of(&scenario)?;
    let neighbours = two_neighbours(&scenario, &calendar)?;

    let out = OutDir::prepare(dir)?;
    let mut run = world::run(&scenario, neighbours, &out.chain(), &|_, _| {})?;
    run.scenario_toml = config::write_scenario(&scenario)?;
    let report = Report::new(run)?;
    report.write(&out)?;

    for contract in &report.run().contracts {
        tell_deal(contract, &calendar);
    }
    tell_chain(dir)?;
    println!("\nThe whole day: {}", dir.join("report.html").display());
    Ok(report)
}

/// A home is a name, two line limits, a tariff, and devices with what happens to them.
fn two_neighbours(scenario: &Scenario, calendar: &Calendar) -> Result<Community, Box<dyn Error>> {
    let tariff = clock_tariff(&scenario.tariff, calendar)?;
    let home = |name: &str, devices| Site {
        name: name.to_owned(),
        import_w: 15_000,
        export_w: 5_000,
        tariff: tariff.clone(),
        devices,
    };
    let device = |nature, wh: &dyn Fn(f64) -> u32| Device {
        nature,
        data: DeviceData::Series(calendar.moments.iter().map(|at| wh(at.hour)).collect()),
    };
    // Wh in each half hour that starts at this hour of the local clock.
    let roof = |hour: f64| if (9.0..17.0).contains(&hour) { 1_500 } else { 0 };
    let stove = |hour: f64| if (12.0..14.0).contains(&hour) { 750 } else { 0 };
    let ada = vec![device(Nature::Load, &|_| 150), device(Nature::Solar { rated_w: 3_000 }, &roof)];
    let bo = vec![device(Nature::Load, &stove)];
    Ok(community(scenario, calendar, vec![home("Ada", ada), home("Bo", bo)], Vec::new())?)
}

fn tell_deal(deal: &Contract, calendar: &Calendar) {
    let clock = |at: u32| {
        let minutes = calendar.moments[(at - calendar.first.0) as usize].hour * 60.0;
        format!("{:02}:{:02}", minutes as u32 / 60, minutes as u32 % 60)
    };
    let aud = |micro: i64| money(micro, "AUD");
    let per_kwh = |micro: i64| format!("{} AUD", decimal(micro as f64 / 1e6, 3));
    let wh: u64 = deal.profile_wh.iter().sum();
    let end = deal.start + u32::try_from(deal.profile_wh.len()).unwrap_or(0);
    let from_grid = deal.retail_microcurrency_per_kwh * i64::try_from(wh).unwrap_or(0) / 1000;
    let (buyer, seller) = (NAMES[deal.buyer], NAMES[deal.seller]);
    println!("{buyer} buys {} from {seller}.", energy(wh.into()));
    println!("  when    {} to {}, agreed at {}", clock(deal.start), clock(end), clock(deal.epoch));
    println!(
        "  price   {} per kWh, between what it costs {seller} ({}) and what the grid asks ({})",
        per_kwh(deal.price_microcurrency_per_kwh),
        per_kwh(deal.cost_microcurrency_per_kwh),
        per_kwh(deal.retail_microcurrency_per_kwh),
    );
    println!(
        "  saved   {buyer} pays {} instead of {}",
        aud(deal.amount_microcurrency),
        aud(from_grid)
    );
}

/// Reads the chain back from its files and proves it.
fn tell_chain(dir: &Path) -> Result<(), Box<dyn Error>> {
    let chain = archive::read(&chain_dir(dir))?;
    let community = chain.genesis.community();
    for (pair, proof) in &chain.pairs {
        println!("\nPair {} on the double chain", pair.height());
        println!("  contract block  {}", pair.contract.digest(&community));
        println!("  ledger block    {}", pair.ledger.digest(&community));
        for entry in &pair.ledger.entries {
            let (PartyId(party), Money(delta)) = (entry.party, entry.delta);
            println!("    {:<4} {:>10}", NAMES[party as usize], money(delta, "AUD"));
        }
        let votes = proof.ledger_votes.as_ref().map_or(0, |votes| votes.signatures.len());
        let approvals = proof.approvals.signatures.len();
        println!("  carried by      {approvals} approvals and {votes} ledger votes");
    }
    let proof = audit(&chain.genesis, &chain.pairs, None, &ProcessVerdicts::default());
    println!(
        "\nProved again from its bytes: {} ({} signatures, balances sum to {})",
        if proof.is_proven() { "sound" } else { "DAMAGED" },
        proof.signatures,
        proof.balances_sum,
    );
    Ok(())
}
