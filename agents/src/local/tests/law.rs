//! The law ex ante: valued by its party's own plan at signing, no contract makes a party worse off.
//! Wear, the worth of stored energy and what the grid takes and pays are all in a plan's cost.

use proptest::prelude::*;

use super::super::manner::Manner;
use super::*;
use crate::params::BuyQuantile;

/// Round-off of solver and prices: a micro-currency, and one for each kWh.
fn slack(profile: &Profile) -> f64 {
    1.0 + profile.energy().0 as f64 / 1e3
}

fn contract(id: u8) -> ContractId {
    ContractId(gridpact_chain::digest::Digest([id; 32]))
}

/// What signing added to the cost of the party's own plan, solved anew and without any tilt.
fn added(world: &World, id: u8) -> f64 {
    let mut stake = world.mind.stake(&contract(id)).expect("it holds the contract");
    (stake.without.is_tilted, stake.with.is_tilted) = (false, false);
    let solve = |problem| schedule::solve(problem).expect("solves");
    let (without, with) = (solve(&stake.without), solve(&stake.with));
    assert!(!with.shortfall.exceeds(&without.shortfall, 0.1), "{:?}", with.shortfall);
    with.cost - without.cost
}

/// A forecaster that expects this load and is off by up to so much.
struct Unsure {
    load_wh: f64,
    off_wh: f64,
}

impl forecast::Forecaster for Unsure {
    fn observe(&mut self, _: SeriesId, _: Interval, _: f64) {}
    fn expect(&self, series: SeriesId, _: Interval, n: usize) -> Vec<f64> {
        vec![if series == SeriesId::Device(0) { self.load_wh } else { 0.0 }; n]
    }
    fn quantile(&self, _: SeriesId, _: Interval, n: usize, tau: f64) -> f64 {
        self.load_wh * n as f64 + self.off_wh * (tau - 0.5)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_sale_costs_its_sellers_plan_more_than_it_is_paid(
        load in 0_u32..1_200,
        sun in 0_u32..3_000,
        stored in 1_000.0..10_000.0,
        start in 13_u32..50,
        wh in proptest::collection::vec(0_u64..1_500, 1..6),
        prices in proptest::collection::vec(60_000_i64..520_000, 3),
    ) {
        let mut world = World::new(Params::default(), days(load, sun), Some(stored));
        world.run_to(MIDNIGHT + 12);
        // Each next one on top of those before: fine alone is not enough.
        for (id, price) in (1..).zip(prices) {
            let profile = Profile { start: Interval(MIDNIGHT + start), wh: wh.clone() };
            if world.reserve(id, MIDNIGHT + start, wh.clone(), price).is_ok() {
                let paid = price as f64 * profile.energy().0 as f64 / 1e3;
                let added = added(&world, id);
                prop_assert!(added <= paid + slack(&profile), "{added} for {paid}");
            }
        }
    }

    #[test]
    fn no_purchase_below_its_worth_costs_its_buyers_plan_more_than_the_grid(
        load_wh in 60.0..1_500.0_f64,
        off_wh in 0.0..2_000.0_f64,
        stored in proptest::option::of(1_000.0..9_000.0_f64),
        deal in proptest::option::of(80_000_i64..300_000),
        fee in 0_i64..60_000,
        share in 1_u64..=4,
    ) {
        let mut world = World::new(Params::default(), days(500, 0), stored);
        world.mind.setup.p2p_fee = Price(fee);
        world.mind.setup.forecaster = Box::new(Unsure { load_wh, off_wh });
        if let Some(price) = deal {
            world.tell(0, LocalInput::Deal { unit_price: Price(price) });
        }
        let out = world.run_to(MIDNIGHT + 7);
        let deficits = blocks(&out)[0].deficits.clone();
        for (id, deficit) in (0_u8..).zip(deficits) {
            // The highest price that a buyer accepts, for all or a part, and one that comes after it.
            let price = deficit.retail.0 - fee - 1;
            let all = deficit.block.profile;
            let part = Profile { wh: all.wh.iter().map(|wh| wh * share / 4).collect(), ..all.clone() };
            let rest = Profile {
                wh: all.wh.iter().zip(&part.wh).map(|(all, part)| all - part).collect(),
                ..all
            };
            for (id, profile) in [(2 * id, part), (2 * id + 1, rest)] {
                let kwh = profile.energy().0 as f64 / 1e3;
                let (contract_id, intervals) = (contract(id), profile.wh.len() as f64);
                // A plan buys fractions of a Wh, a contract none: one Wh an interval at most is fed in.
                let slack = slack(&profile) + intervals * (deficit.retail.0 - 80_000) as f64 / 1e3;
                let signed = Obligation::Signed { contract_id, side: Side::Buyer, profile };
                world.tell(50_000, LocalInput::Obligation(signed));
                let cost = added(&world, id) + kwh * (price + fee) as f64;
                prop_assert!(cost <= slack, "{cost} more than the grid");
            }
        }
    }
}

#[test]
fn what_is_asked_for_against_a_shortage_counts_as_needed_and_more_does_not() {
    let added_by = |quantile, times: u64| {
        let mut params = Params::default();
        params.lca.buy_quantile = quantile;
        let mut world = World::new(params, days(500, 0), None);
        world.mind.setup.forecaster = Box::new(Unsure { load_wh: 200.0, off_wh: 2_000.0 });
        world.tell(0, LocalInput::Deal { unit_price: Price(80_001) });
        let out = world.run_to(MIDNIGHT + 7);
        let deficit = blocks(&out)[0].deficits[0].clone();
        let mut profile = deficit.block.profile;
        profile.wh.iter_mut().for_each(|wh| *wh *= times);
        let cost = profile.energy().0 as f64 / 1e3 * (deficit.retail.0 - 1) as f64;
        let signed = Obligation::Signed { contract_id: contract(1), side: Side::Buyer, profile };
        world.tell(50_000, LocalInput::Obligation(signed));
        added(&world, 1) + cost
    };
    assert!(added_by(BuyQuantile::Plan, 1) <= 10.0);
    assert!(added_by(BuyQuantile::Newsvendor, 1) <= 10.0);
    assert!(added_by(BuyQuantile::Newsvendor, 2) > 100_000.0, "what is not needed is fed in");
}

#[test]
fn a_liar_tells_another_cost_and_worth_and_plans_by_the_truth() {
    let at_noon = |manner: Manner| {
        let mut world = World::new(Params::default(), days(200, 1_500), Some(9_500.0));
        world.mind.setup.manner = manner;
        world.run_to(MIDNIGHT + 12);
        let quote = world.quote(MIDNIGHT + 24, vec![800]);
        let reserved = world.reserve(1, MIDNIGHT + 24, vec![800], 90_000);
        (quote.unit_cost, quote.available.wh, reserved)
    };
    let honest = at_noon(Manner::default());
    let liar = at_noon(Manner { cost_ppm: 1_500_000, ..Manner::default() });
    assert_eq!((honest.0, liar.0), (Price(80_000), Price(120_000)));
    assert_eq!((honest.1, honest.2), (liar.1, liar.2), "it can and may sell what it could before");
    let tendered = |worth_ppm| {
        let mut world = World::new(Params::default(), days(600, 0), None);
        world.mind.setup.manner = Manner { worth_ppm, ..Manner::default() };
        let out = world.run_to(MIDNIGHT + 7);
        let deficit = &blocks(&out)[0].deficits[0];
        (deficit.retail, deficit.block.energy_wh)
    };
    assert_eq!(tendered(1_000_000), (Price(130_000), Energy(3_600)));
    assert_eq!(tendered(500_000), (Price(65_000), Energy(3_600)));
}
