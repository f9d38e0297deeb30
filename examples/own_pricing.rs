//! A home that prices in a way of its own: Ada asks halfway between what her sun costs her and what the
//! grid would ask, while Cem, with the same roof, marks up his cost as everybody does.
//!
//! `cargo run --release --example own_pricing` lives one day twice, without and with Ada's pricing. Bo
//! needs more than one roof gives, so he buys Cem's energy first and the rest from Ada.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use gridpact::agents::params::{Forecast, NegotiateParams};
use gridpact::agents::resource::nature::Nature;
use gridpact::agents::social::pricing::{AskStand, Pricing};
use gridpact::chain::terms::{PartyId, Price};
use gridpact::report::OutDir;
use gridpact::report::run::Run;
use gridpact::report::units::{decimal, energy, money};
use gridpact::sim::calendar::Calendar;
use gridpact::sim::community::{Community, Device, DeviceData, Site};
use gridpact::sim::profiles::{clock_tariff, community};
use gridpact::sim::scenario::Scenario;
use gridpact::sim::tariff::TariffPreset;
use gridpact::sim::world;

const NAMES: [&str; 3] = ["Ada", "Bo", "Cem"];
const ADA: PartyId = PartyId(0);

/// Ada's way. What she bids is left to the rule everybody follows.
#[derive(Debug)]
struct Halfway;

impl Pricing for Halfway {
    fn ask(&self, _: &NegotiateParams, stand: &AskStand) -> Price {
        Price(stand.cost.0.midpoint(stand.ceiling.0))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    run().map(|_| ())
}

/// What a seller sold and for how much: Wh, and micro-currency for all of it.
pub type Sold = BTreeMap<&'static str, (u64, i64)>;

/// Lives the day without and with Ada's own pricing, and tells what each seller made of it.
pub fn run() -> Result<[Sold; 2], Box<dyn Error>> {
    let usual = sold(&lived(BTreeMap::new())?);
    let own: Arc<dyn Pricing> = Arc::new(Halfway);
    let halfway = sold(&lived(BTreeMap::from([(ADA, own)]))?);
    for (title, sold) in [("Everybody marks up", &usual), ("Ada asks halfway", &halfway)] {
        println!("{title}:");
        for (name, (wh, amount)) in sold {
            let per_kwh = *amount as f64 / 1e3 / *wh as f64;
            let (sold, earned) = (energy((*wh).into()), money(*amount, "AUD"));
            println!("  {name} sells {sold} at {} AUD/kWh: {earned}", decimal(per_kwh, 3));
        }
    }
    Ok([usual, halfway])
}

/// One day of the three, in virtual time.
fn lived(pricing: BTreeMap<PartyId, Arc<dyn Pricing>>) -> Result<Run, Box<dyn Error>> {
    let mut scenario = Scenario { name: "own_pricing".to_owned(), ..Scenario::default() };
    scenario.tariff.preset = TariffPreset::Nsw2013Flat;
    scenario.params.lca.forecast = Forecast::Perfect;
    let mut homes = three_homes(&scenario)?;
    homes.pricing = pricing;
    let name = format!("gridpact-own-pricing-{}-{}", std::process::id(), homes.pricing.len());
    let dir = std::env::temp_dir().join(name);
    let out = OutDir::prepare(&dir)?;
    let run = world::run(&scenario, homes, &out.chain(), &|_, _| {});
    drop(out);
    std::fs::remove_dir_all(&dir)?;
    Ok(run?)
}

fn three_homes(scenario: &Scenario) -> Result<Community, Box<dyn Error>> {
    let calendar = Calendar::of(scenario)?;
    let tariff = clock_tariff(&scenario.tariff, &calendar)?;
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
    let sun = |hour: f64| if (9.0..17.0).contains(&hour) { 1_500 } else { 0 };
    let stove = |hour: f64| if (12.0..14.0).contains(&hour) { 2_500 } else { 0 };
    let roof =
        || vec![device(Nature::Load, &|_| 150), device(Nature::Solar { rated_w: 3_000 }, &sun)];
    let bo = vec![device(Nature::Load, &stove)];
    let sites = vec![home("Ada", roof()), home("Bo", bo), home("Cem", roof())];
    Ok(community(scenario, &calendar, sites, Vec::new())?)
}

fn sold(run: &Run) -> Sold {
    let mut sold = Sold::new();
    for contract in &run.contracts {
        let (wh, amount) = sold.entry(NAMES[contract.seller]).or_default();
        *wh += contract.profile_wh.iter().sum::<u64>();
        *amount += contract.amount_microcurrency;
    }
    sold
}
