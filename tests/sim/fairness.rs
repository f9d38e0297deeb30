//! Nobody is made worse off: ex ante by each party's own plan at signing, ex post by its bill where
//! everything comes as forecast.

use std::collections::BTreeSet;

use gridpact::agents::local::door::Side;
use gridpact::agents::local::schedule::{Plan, Problem, solve};
use gridpact::agents::network::NetworkFees;
use gridpact::agents::params::BlockShape;
use gridpact::chain::terms::Price;
use gridpact::report::causes;
use gridpact::report::run::Contract;
use gridpact::sim::scenario::{Mode, Scenario};
use gridpact::sim::{self, world};
use gridpact_tests::{a_street, a_street_of_seers, live};

/// A tenth of a cent: whole Wh at the meters, and chargers that cannot go at every power.
const ROUNDING: i64 = 1_000;

fn with(mut scenario: Scenario, seed: u64, mode: Mode, fee: i64) -> Scenario {
    scenario.seed = seed;
    mode.set(&mut scenario.params);
    scenario.tariff.p2p_fee = NetworkFees::uniform(Price(fee));
    scenario
}

/// The best plan at true prices: a tilt that spreads cheap hours over homes has no cost.
fn plan(problem: &Problem) -> Plan {
    solve(&Problem { is_tilted: false, ..problem.clone() }).expect("solves")
}

/// Every contract of a world, by the plans of both its parties as they signed; returns how many.
fn check_ex_ante(scenario: &Scenario) -> usize {
    let dir = tempfile::tempdir().expect("a directory");
    let community = sim::build(scenario).expect("the scenario is possible");
    let lived = world::signings(scenario, community, dir.path()).expect("it comes to its end");
    let (contracts, signings) = lived;
    let mut seen = BTreeSet::new();
    for signing in signings {
        let named = |contract: &&Contract| contract.contract_id == signing.contract_id.to_string();
        // Reserved and never published: it bound nobody for long, and nothing was paid.
        let Some(contract) = contracts.iter().find(named) else { continue };
        if !seen.insert((signing.party, signing.contract_id)) {
            continue;
        }
        let stake = &signing.stake;
        let (without, with) = (plan(&stake.without), plan(&stake.with));
        let wh: u64 = contract.profile_wh.iter().sum();
        let per_kwh = |price: i64| price as f64 * wh as f64 / 1e3;
        let added = with.cost - without.cost;
        let amount = contract.amount_microcurrency as f64;
        let (worse, slack) = match stake.side {
            Side::Seller => (added - amount, 1.0 + wh as f64 / 1e3),
            // Plans buy fractions of a Wh and contracts none: one an interval may be fed in instead.
            Side::Buyer => (
                added + amount + per_kwh(contract.fee_microcurrency_per_kwh),
                1.0 + contract.profile_wh.len() as f64 * 550_000.0 / 1e3,
            ),
        };
        assert!(worse <= slack, "{:?} of {contract:?} is worse off by {worse}", stake.side);
        assert!(!with.shortfall.exceeds(&without.shortfall, 1.0), "{:?}", with.shortfall);
    }
    let both = contracts.iter().filter(|contract| {
        let signed = |party: usize| {
            seen.iter()
                .any(|(who, id)| who.0 as usize == party && id.to_string() == contract.contract_id)
        };
        signed(contract.buyer) && signed(contract.seller)
    });
    assert_eq!(both.count(), contracts.len(), "both sides of every contract were seen signing");
    contracts.len()
}

#[test]
fn no_contract_makes_a_party_worse_off_by_its_own_plan_at_signing() {
    for (seed, mode, fee) in
        [(1, Mode::Paper, 0), (2, Mode::Best, 0), (3, Mode::Paper, 60_000), (4, Mode::Best, 60_000)]
    {
        let signed = check_ex_ante(&with(a_street(10), seed, mode, fee));
        assert!(signed > 20, "seed {seed}: a street that does not trade proves nothing: {signed}");
    }
    let mut bare = with(a_street(10), 5, Mode::Paper, 0);
    bare.params.lca.block_shape = BlockShape::Energy;
    assert!(check_ex_ante(&bare) > 20);
}

#[test]
fn where_all_comes_as_forecast_nobody_pays_more_than_with_the_grid_alone() {
    for (seed, mode, fee) in [
        (1, Mode::Paper, 0),
        (2, Mode::Best, 0),
        (3, Mode::Paper, 60_000),
        (4, Mode::Best, 60_000),
        (5, Mode::Paper, 0),
        (6, Mode::Best, 0),
    ] {
        let lived = live(&with(a_street_of_seers(10), seed, mode, fee));
        let report = lived.report();
        assert!(lived.run.contracts.len() > 10, "seed {seed}");
        let settled = lived.run.contracts.iter().zip(&report.settlement().fulfilments);
        for (contract, settled) in settled {
            // Devices begin with the first simulated interval; what plans had them do in the one
            // before, in which its first window is traded, is missing later.
            if contract.epoch >= lived.community.start.0 {
                let missing = settled.contracted_wh - settled.delivered_wh;
                assert!(
                    missing <= 3 * contract.profile_wh.len() as u64,
                    "{contract:?}: {missing} Wh"
                );
            }
        }
        for (home, bills) in report.bills().iter().enumerate() {
            let gain = bills.gain();
            assert!(gain >= -ROUNDING, "seed {seed}: home {home} gains {gain}: {bills:?}");
        }
    }
}

#[test]
fn over_two_days_nobody_sells_for_less_than_putting_it_back_costs() {
    // Vehicles are out while noon is cheap: what they sell in the evening comes back at night.
    let mut scenario = with(a_street_of_seers(10), 3, Mode::Paper, 0);
    scenario.days = 2;
    scenario.sites.ev_share = 0.7;
    let lived = live(&scenario);
    let report = lived.report();
    assert!(lived.run.contracts.len() > 20);
    for (home, bills) in report.bills().iter().enumerate() {
        assert!(bills.gain() >= -ROUNDING, "home {home}: {bills:?}");
    }
}

#[test]
fn the_causes_of_every_home_sum_to_what_it_pays_more() {
    let lived = live(&a_street(12));
    let report = lived.report();
    assert!(report.summary().fairness.losers > 0, "forecasts err");
    for (causes, bills) in report.causes().iter().zip(report.bills()) {
        assert_eq!(causes.total(), -bills.gain());
    }
    let fairness = &report.summary().fairness;
    let losses = fairness.losses.all();
    let lost: i64 = losses.iter().map(|(_, loss)| loss.microcurrency).sum();
    let homes: u64 = losses.iter().map(|(_, loss)| loss.homes).sum();
    assert_eq!((lost, homes), (fairness.lost_microcurrency, fairness.losers));
    assert_eq!(losses.map(|(words, _)| words), causes::Causes::WORDS);
}
