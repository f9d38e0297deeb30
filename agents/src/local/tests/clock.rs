//! Days of 23 and of 25 hours, and contracts that outlive epochs and restarts.

use super::*;
use crate::local::forecast::Calendar;
use crate::params::Tender;

/// A zone whose clock is put by `slots` half-hours at `change`, on its first day.
#[derive(Debug, Clone, Copy)]
struct Changing {
    change: Interval,
    slots: i64,
}

/// The clock goes back from 2 h to 1 h: a day of 25 hours.
const AUTUMN: Changing = Changing { change: Interval(MIDNIGHT + 4), slots: -2 };
/// The clock goes on from 1 h to 2 h: a day of 23 hours.
const SPRING: Changing = Changing { change: Interval(MIDNIGHT + 2), slots: 2 };

impl Changing {
    fn local(self, at: Interval) -> u32 {
        let shift = if at >= self.change { self.slots } else { 0 };
        u32::try_from(i64::from(at.0) + shift).expect("long after 1970")
    }

    /// Half-hours of the day that begins at [`MIDNIGHT`].
    fn day_length(self) -> u32 {
        u32::try_from(48 - self.slots).expect("positive")
    }
}

impl Calendar for Changing {
    fn slots_per_day(&self) -> u32 {
        48
    }
    fn slot_of_day(&self, at: Interval) -> u32 {
        self.local(at) % 48
    }
    fn day(&self, at: Interval) -> u32 {
        self.local(at) / 48
    }
}

/// A world in that zone, just before the day of the change begins.
fn world(clock: Changing, tender: Tender, stored: Option<f64>) -> World {
    let mut params = Params::default();
    params.epoch.tender = tender;
    let mut world = World::new(params, days(600, 0), stored);
    world.mind.setup.calendar = Arc::new(clock);
    world.mind.setup.tariff =
        Arc::new(tariff::Flat { retail: Price(270_000), feed_in: Price(80_000) });
    world.epoch = MIDNIGHT - 3;
    world
}

/// Intervals asked for in this epoch.
fn asked(out: &[LocalEffect]) -> Vec<u32> {
    let blocks = blocks(out);
    blocks[0].deficits.iter().flat_map(|d| d.block.start.0..d.block.end.0).collect()
}

#[test]
fn the_day_ahead_covers_the_local_day_however_long_it_is() {
    for clock in [AUTUMN, SPRING] {
        let mut world = world(clock, Tender::DayAhead, None);
        let end = MIDNIGHT + clock.day_length();
        world.run_to(MIDNIGHT - 1);
        for epoch in MIDNIGHT..end {
            let out = world.next();
            let planned = world.mind.snapshot().import_wh.len() as u32;
            assert_eq!(planned, end - epoch, "to the end of the local day, from {epoch}");
            let expected: Vec<u32> =
                if epoch == MIDNIGHT { (epoch + 1..end).collect() } else { vec![] };
            assert_eq!(asked(&out), expected, "{clock:?}");
        }
        let out = world.next();
        assert_eq!(
            asked(&out),
            (end + 1..end + 48).collect::<Vec<u32>>(),
            "the next day is ordinary"
        );
    }
}

#[test]
fn a_window_is_four_hours_of_the_wall_clock_and_tendered_whole() {
    for clock in [AUTUMN, SPRING] {
        let mut world = world(clock, Tender::Rolling, None);
        let window = |at: u32| (clock.day(Interval(at)), clock.slot_of_day(Interval(at)) / 8);
        let mut windows = Vec::new();
        while world.epoch < MIDNIGHT + 60 {
            let out = world.next();
            let next = world.epoch + 1;
            if next >= MIDNIGHT && window(next) != window(next - 1) {
                let here: Vec<u32> =
                    (next..next + 12).filter(|at| window(*at) == window(next)).collect();
                assert_eq!(asked(&out), here, "{clock:?}");
                let deficits = &blocks(&out)[0].deficits;
                assert!(deficits.iter().all(|d| !d.retender && d.block.profile.wh.len() <= 8));
                windows.push(here.len());
            }
        }
        let first = if clock.slots < 0 { 10 } else { 6 };
        assert_eq!(windows[..7], [first, 8, 8, 8, 8, 8, 8], "{clock:?}");
    }
}

#[test]
fn over_a_change_of_the_clock_sales_are_delivered_and_nothing_is_missing() {
    for (clock, tender) in
        [(AUTUMN, Tender::Rolling), (SPRING, Tender::Rolling), (AUTUMN, Tender::DayAhead)]
    {
        let mut world = world(clock, tender, Some(9_500.0));
        world.run_to(MIDNIGHT - 2);
        let at = clock.change.0 - 1;
        let sale = signed(1, Side::Seller, at, vec![700; 4]);
        world.tell(50_000, LocalInput::Obligation(sale));
        while world.epoch < MIDNIGHT + 60 {
            let (epoch, left) = (world.epoch, world.pass());
            if (at..at + 4).contains(&epoch) {
                assert!(left > 697.0, "{clock:?}: {left} in {epoch}");
            }
            world.next();
            let seen = world.mind.snapshot();
            assert_eq!(seen.shortfall.total_wh(), 0.0);
            assert!(seen.missing.is_empty());
            assert!(seen.stored_wh[0].iter().all(|wh| (999.0..10_000.1).contains(wh)));
        }
    }
}

fn signed(id: u8, side: Side, start: u32, wh: Vec<u64>) -> Obligation {
    let contract_id = ContractId(gridpact_chain::digest::Digest([id; 32]));
    Obligation::Signed { contract_id, side, profile: Profile { start: Interval(start), wh } }
}

/// What the plan in force reckons with in `at`, bought and sold.
fn planned_with(world: &World, at: u32) -> [f64; 2] {
    let problem = &world.mind.current.as_ref().expect("a plan").problem;
    let t = (at - problem.start.0) as usize;
    [&problem.bought_wh, &problem.sold_wh].map(|series| series.get(t).copied().unwrap_or(0.0))
}

#[test]
fn what_is_signed_binds_every_plan_until_it_ends_also_after_a_restart() {
    let mut world = World::new(Params::default(), days(600, 0), Some(9_000.0));
    world.run_to(MIDNIGHT + 2);
    let contracts = [
        signed(1, Side::Buyer, MIDNIGHT + 6, vec![500, 400, 0, 300]),
        signed(2, Side::Seller, MIDNIGHT + 12, vec![200, 250]),
        signed(3, Side::Seller, MIDNIGHT + 20, vec![150; 4]),
        signed(4, Side::Buyer, MIDNIGHT + 30, vec![100; 2]),
    ];
    for contract in &contracts {
        world.tell(50_000, LocalInput::Obligation(contract.clone()));
    }
    let released = ContractId(gridpact_chain::digest::Digest([4; 32]));
    let mut is_released = false;
    while world.epoch < MIDNIGHT + 40 {
        world.pass();
        if world.epoch == MIDNIGHT + 10 {
            // A crash: what chain and journal know comes back, what has passed is forgotten.
            let known = contracts.to_vec();
            world = World { mind: LocalAgent::restore(world.mind.setup, known), ..world };
        }
        if world.epoch == MIDNIGHT + 16 {
            let input = LocalInput::Obligation(Obligation::Released { contract_id: released });
            world.tell(50_000, input);
            is_released = true;
        }
        world.next();
        for at in world.epoch..world.epoch + 48 {
            let mut expected = [0.0; 2];
            for contract in &contracts {
                let Obligation::Signed { contract_id, side, profile } = contract else { continue };
                if !(is_released && *contract_id == released) {
                    expected[usize::from(*side == Side::Seller)] += profile.at(Interval(at)) as f64;
                }
            }
            assert_eq!(planned_with(&world, at), expected, "{at} planned in {}", world.epoch);
        }
        let seen = world.mind.snapshot();
        assert_eq!(seen.shortfall.total_wh(), 0.0, "the plan carries what it owes");
    }
    assert!(world.mind.snapshot().obligations.is_empty(), "all have ended");
}
