//! What is tendered, when, and at which price.

use proptest::prelude::*;

use super::super::deficit::{weighted, whole};
use super::*;
use crate::params::{BuyQuantile, Tender};

#[test]
fn a_window_is_tendered_whole_in_the_epoch_before_it_opens() {
    let mut world = World::new(Params::default(), days(600, 0), None);
    // Windows of four hours: 0-8, 8-16, ... in half-hours.
    let out = world.run_to(MIDNIGHT + 7);
    let tender = &blocks(&out)[0].deficits;
    // The retail price changes at 7 h, in the middle of the window.
    assert_eq!(tender.len(), 2);
    assert_eq!((tender[0].block.start.0, tender[0].block.end.0), (MIDNIGHT + 8, MIDNIGHT + 14));
    assert_eq!((tender[1].block.start.0, tender[1].block.end.0), (MIDNIGHT + 14, MIDNIGHT + 16));
    assert_eq!(tender[0].block.energy_wh, Energy(3_600));
    assert_eq!(tender[0].block.profile.wh, [600; 6]);
    assert_eq!((tender[0].retail, tender[1].retail), (Price(130_000), Price(210_000)));
    assert!(tender.iter().all(|d| !d.retender));
    let again = &blocks(&world.next())[0].deficits;
    assert_eq!(again.len(), 2, "unfilled");
    assert!(again.iter().all(|d| d.retender));
    assert_eq!(again[0].block.start.0, MIDNIGHT + 9, "after gate closure");
}

#[test]
fn what_is_signed_is_not_tendered_again_and_little_changes_are_left() {
    let mut world = World::new(Params::default(), days(600, 0), None);
    world.run_to(MIDNIGHT + 7);
    let profile = Profile { start: Interval(MIDNIGHT + 8), wh: vec![580; 6] };
    let bought = Obligation::Signed {
        contract_id: ContractId(gridpact_chain::digest::Digest([1; 32])),
        side: Side::Buyer,
        profile,
    };
    world.tell(50_000, LocalInput::Obligation(bought));
    let again = &blocks(&world.next())[0].deficits;
    assert_eq!(again.len(), 1, "the rest of 5 x 20 Wh is grid energy");
    assert_eq!(again[0].block.start.0, MIDNIGHT + 14);
}

#[test]
fn the_last_chance_tenders_each_interval_once_just_before_its_gate() {
    let mut params = Params::default();
    params.epoch.tender = Tender::LastChance;
    let mut world = World::new(params, days(600, 0), None);
    let mut asked = Vec::new();
    while world.epoch < MIDNIGHT + 50 {
        for deficit in &blocks(&world.next())[0].deficits {
            assert!(!deficit.retender);
            assert_eq!(deficit.block.profile.wh, [600]);
            assert_eq!(deficit.block.start.0, world.epoch + 1);
            asked.push(deficit.block.start.0);
        }
    }
    let all: Vec<u32> = (asked[0]..=MIDNIGHT + 51).collect();
    assert!(asked.len() > 48 && asked[..] == all[..asked.len()], "{asked:?}");
}

#[test]
fn day_ahead_tenders_the_day_once() {
    let mut params = Params::default();
    params.epoch.tender = Tender::DayAhead;
    let mut world = World::new(params, days(600, 0), None);
    let first = &blocks(&world.next())[0].deficits;
    assert_eq!(first[0].block.start.0, MIDNIGHT + 1);
    assert_eq!(first.last().map(|d| d.block.end.0), Some(MIDNIGHT + 48));
    assert!(
        first.iter().all(|d| d.block.end.0 - d.block.start.0 <= 8),
        "blocks of four hours at most"
    );
    let later = world.run_to(MIDNIGHT + 47);
    assert!(blocks(&later)[0].deficits.is_empty());
    let tomorrow = blocks(&world.next());
    assert!(!tomorrow[0].deficits.is_empty());
}

#[test]
fn blocks_carry_the_grid_price_and_crumbs_are_left_to_the_grid() {
    let mut world = World::new(Params::default(), days(600, 0), None);
    world.mind.setup.p2p_fee = Price(100_000);
    let tender = &blocks(&world.run_to(MIDNIGHT + 7))[0].deficits;
    assert_eq!(tender[0].retail, Price(130_000), "the fee depends on who will sell");
    let mut world = World::new(Params::default(), days(8, 0), None);
    let tender = &blocks(&world.run_to(MIDNIGHT + 7))[0].deficits;
    assert!(tender.is_empty(), "below 50 Wh");
}

#[test]
fn without_trading_nothing_is_said() {
    let mut world = World::new(Params::default(), days(600, 0), None);
    world.mind.setup.trading = false;
    assert!(blocks(&world.run_to(MIDNIGHT + 7)).is_empty());
    assert_eq!(world.mind.wake_at(), None);
    assert_eq!(world.quote(MIDNIGHT + 20, vec![500]).capacity, Energy::ZERO);
}

/// A forecaster that expects a load of 500 Wh and so much sun, and is off by up to 400.
struct Unsure {
    sun_wh: f64,
}

impl forecast::Forecaster for Unsure {
    fn observe(&mut self, _: SeriesId, _: Interval, _: f64) {}
    fn expect(&self, series: SeriesId, _: Interval, n: usize) -> Vec<f64> {
        let wh = if series == SeriesId::Device(1) { self.sun_wh } else { 500.0 };
        vec![wh; n]
    }
    fn quantile(&self, _: SeriesId, _: Interval, n: usize, tau: f64) -> f64 {
        500.0 * n as f64 + 400.0 * (tau - 0.5)
    }
}

#[test]
fn what_is_bought_is_a_quantile_of_what_may_be_missing() {
    let first = |quantile, stored, deal: Option<i64>| {
        let mut params = Params::default();
        params.lca.buy_quantile = quantile;
        let mut world = World::new(params, days(500, 0), stored);
        world.mind.setup.forecaster = Box::new(Unsure { sun_wh: 0.0 });
        if let Some(price) = deal {
            world.tell(0, LocalInput::Deal { unit_price: Price(price) });
        }
        let out = world.run_to(MIDNIGHT + 7);
        blocks(&out)[0].deficits.first().map_or(0, |d| d.block.energy_wh.0)
    };
    let plain = 6 * 500;
    assert_eq!(first(BuyQuantile::FixedPpm(500_000), None, None), plain);
    assert_eq!(first(BuyQuantile::FixedPpm(750_000), None, None), plain + 6 * 100);
    // Off-peak: reservation 13 c, feed-in 8 c. A deal near the feed-in price makes more worth buying.
    assert_eq!(first(BuyQuantile::Newsvendor, None, Some(80_000)), plain + 6 * 200);
    assert_eq!(first(BuyQuantile::Newsvendor, None, Some(130_000)), plain - 6 * 200);
    let cold = first(BuyQuantile::Newsvendor, None, None);
    assert_eq!(cold, plain + 6 * 100, "a quarter of the way until deals are known");
    assert_eq!(first(BuyQuantile::Plan, None, Some(80_000)), plain, "no more than the plan buys");
    assert_eq!(first(BuyQuantile::Plan, None, Some(130_000)), plain - 6 * 200);
}

/// Who buys in an interval may not sell in it, so a surplus that may fail is not insured.
#[test]
fn an_interval_that_is_expected_to_feed_in_is_not_tendered_however_uncertain() {
    let wanted = |sun_wh| {
        let mut params = Params::default();
        params.lca.buy_quantile = BuyQuantile::FixedPpm(1_000_000);
        let mut world = World::new(params, days(500, 0), None);
        world.mind.setup.forecaster = Box::new(Unsure { sun_wh });
        let out = world.run_to(MIDNIGHT + 7);
        blocks(&out)[0].deficits.first().map_or(0, |d| d.block.energy_wh.0)
    };
    assert_eq!(wanted(450.0), 6 * (50 + 200), "a small deficit, and what may be missing besides");
    assert_eq!(wanted(550.0), 0, "a small surplus");
}

proptest! {
    #[test]
    fn whole_energies_keep_the_sum(wh in proptest::collection::vec(0.0..5_000.0, 0..20)) {
        let given = whole(&wh, &vec![f64::INFINITY; wh.len()]);
        let exact: f64 = wh.iter().sum();
        prop_assert!((given.iter().sum::<u64>() as f64 - exact).abs() <= 0.5);
        for (given, exact) in given.iter().zip(&wh) {
            prop_assert!((*given as f64 - exact).abs() <= 1.0);
        }
    }

    #[test]
    fn no_whole_energy_is_rounded_beyond_its_limit(
        flows in proptest::collection::vec((0.0..3_000.0, 0.0..3_000.0), 0..20),
    ) {
        let (wh, most): (Vec<f64>, Vec<f64>) = flows.into_iter().unzip();
        let given = whole(&wh, &most);
        for ((given, wh), most) in given.iter().zip(&wh).zip(&most) {
            prop_assert!(*given as f64 <= most + 1e-6, "never beyond what is there");
            prop_assert!((*given as f64 - wh.min(*most)).abs() <= 1.0, "off by one at most");
        }
    }

    #[test]
    fn a_weighted_price_lies_within_its_prices(wh in proptest::collection::vec(0_u64..5_000, 1..10)) {
        let profile = Profile { start: Interval(0), wh };
        let price = weighted(&profile, |at| Price(i64::from(at.0) * 1_000));
        prop_assert!(price.0 >= 0 && price.0 <= 9_000);
    }
}
