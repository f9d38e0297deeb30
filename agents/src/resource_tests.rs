use super::nature::{Deferrable, FullNow, Stay, Storage, V2g, Vehicle};
use super::priority::Claim;
use super::reading::Setpoint;
use super::*;
use crate::params::EpochParams;

const STORE: Storage = Storage {
    capacity_wh: 10_000,
    charge_w: 5_000,
    discharge_w: 4_000,
    eta_charge_ppm: 933_000,
    eta_discharge_ppm: 933_000,
    floor_ppm: 100_000,
    wear: gridpact_chain::terms::Price(60_000),
};

fn born(nature: Nature) -> ResourceAgent {
    ResourceAgent::new(ResourceSetup::new(3, nature, 1800))
}

fn begins(interval: u32) -> Timestamp {
    Interval(interval).starts_at(1800)
}

fn start(agent: &mut ResourceAgent, epoch: u32) -> Vec<ResourceEffect> {
    let deadlines = EpochParams::default().deadlines(begins(epoch));
    tell(agent, begins(epoch), ResourceInput::EpochStart { epoch: Interval(epoch), deadlines })
}

fn tell(agent: &mut ResourceAgent, now: Timestamp, input: ResourceInput) -> Vec<ResourceEffect> {
    let mut out = Vec::new();
    agent.handle(now, input, &mut out);
    out
}

/// An agent in epoch 10 whose device has stood idle since interval 9, as `now` says.
fn awake(nature: Nature, now: &Telemetry) -> ResourceAgent {
    let mut agent = born(nature);
    start(&mut agent, 10);
    for interval in [9, 10] {
        let sample = Telemetry { at: begins(interval), ..now.clone() };
        let said = tell(&mut agent, begins(10), ResourceInput::Telemetry(sample));
        assert!(matches!(said[0], ResourceEffect::Record { .. }), "{said:?}");
    }
    agent
}

fn stored(interval: u32, wh: u64) -> Telemetry {
    Telemetry { at: begins(interval), stored_wh: Some(wh), ..Telemetry::default() }
}

fn wish(interval: u32, consume_wh: u64, produce_wh: u64) -> ResourceInput {
    ResourceInput::Setpoint(Setpoint {
        interval: Interval(interval),
        consume_wh,
        produce_wh,
        is_firm: false,
    })
}

/// The only order among effects.
fn ordered(said: &[ResourceEffect]) -> Order {
    let orders: Vec<Order> = said
        .iter()
        .filter_map(|effect| match effect {
            ResourceEffect::Command(order) | ResourceEffect::Lapse(order) => Some(*order),
            _ => None,
        })
        .collect();
    assert_eq!(orders.len(), 1, "{said:?}");
    orders[0]
}

fn energies(said: &[ResourceEffect]) -> (u64, u64) {
    let Setpoint { consume_wh, produce_wh, .. } = ordered(said).setpoint;
    (consume_wh, produce_wh)
}

#[test]
fn an_epoch_begins_with_a_look_at_the_device_and_the_first_also_at_its_past() {
    let mut agent = born(Nature::Load);
    let sense = |interval| ResourceEffect::Sense { at: begins(interval) };
    assert_eq!(start(&mut agent, 10), [sense(9), sense(10)]);
    assert_eq!(start(&mut agent, 10), [], "a repeated start changes nothing");
    assert_eq!(agent.wake_at(), None, "a load waits for nothing");
    let mut agent = awake(Nature::Load, &Telemetry::default());
    assert_eq!(start(&mut agent, 11), [sense(11)], "it knows where the device stood");
}

#[test]
fn a_reading_is_recorded_before_it_is_spoken_of_and_told_once() {
    let mut agent = born(Nature::Battery(STORE));
    start(&mut agent, 10);
    tell(&mut agent, begins(10), ResourceInput::Telemetry(stored(9, 5_000)));
    let mut sample = stored(10, 5_400);
    sample.registers.import_wh = 430;
    let said = tell(&mut agent, begins(10), ResourceInput::Telemetry(sample.clone()));
    let [ResourceEffect::Record { readings, standing }, ResourceEffect::Report(reading)] =
        &said[..]
    else {
        panic!("{said:?}")
    };
    assert_eq!(readings, std::slice::from_ref(reading));
    assert_eq!((reading.interval, reading.consumed_wh), (Interval(9), 430));
    assert_eq!((reading.stored_wh, reading.quality), (Some(5_400), Quality::Measured));
    assert_eq!(standing.base.map(|base| base.at), Some(begins(10)));
    let again = tell(&mut agent, begins(10), ResourceInput::Telemetry(sample));
    assert_eq!(again, [ResourceEffect::Refuse(Refusal::Duplicate)]);
    assert_eq!(agent.snapshot().refused.into_iter().collect::<Vec<_>>(), [(Refusal::Duplicate, 1)]);
}

#[test]
fn what_was_metered_in_part_is_recorded_and_never_reported() {
    let mut agent = born(Nature::Load);
    let at = |interval: u32, ms: u64, wh| {
        let registers = reading::Counts { import_wh: wh, ..Default::default() };
        Telemetry { at: begins(interval).after_ms(ms), registers, ..Telemetry::default() }
    };
    let mut hear =
        |sample: Telemetry| tell(&mut agent, sample.at, ResourceInput::Telemetry(sample));
    assert_eq!(hear(at(9, 60_000, 500)).len(), 1, "the first base is kept at once");
    let said = hear(at(10, 0, 900));
    let [ResourceEffect::Record { readings, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!((readings[0].quality, readings[0].consumed_wh), (Quality::Suspect, 400));
    assert!(matches!(hear(at(11, 0, 1_300))[..], [_, ResourceEffect::Report(_)]));
    assert_eq!(hear(at(11, 60_000, 1_310)), [], "within an interval there is nothing to keep");
}

#[test]
fn impossible_samples_are_refused_with_a_reason() {
    let stay = |arrival, departure| Stay {
        arrival: Interval(arrival),
        departure: Interval(departure),
        departure_wh: 0,
        trip_wh: 0,
    };
    let job = Deferrable {
        from: Interval(9),
        until: Interval(9),
        energy_wh: 1,
        power_w: 1,
        is_run_once: false,
    };
    let battery = || Nature::Battery(STORE);
    let vehicle = || Nature::vehicle(STORE);
    let counted = |import_wh, export_wh| Telemetry {
        registers: reading::Counts { import_wh, export_wh, curtailed_wh: 0 },
        ..stored(10, 0)
    };
    let cases = [
        (battery(), stored(11, 0), Refusal::FromTheFuture),
        (battery(), stored(7, 0), Refusal::Stale),
        (battery(), stored(9, 0), Refusal::Duplicate),
        (battery(), stored(8, 0), Refusal::OutOfOrder),
        (battery(), Telemetry { quality: Quality::Suspect, ..stored(10, 0) }, Refusal::Suspect),
        (battery(), stored(10, 10_300), Refusal::Storage),
        (battery(), Telemetry { stored_wh: None, ..stored(10, 0) }, Refusal::Storage),
        (battery(), counted(6_000, 0), Refusal::Consumption),
        (battery(), counted(0, 6_000), Refusal::Production),
        (battery(), Telemetry { stays: vec![stay(9, 12)], ..stored(10, 0) }, Refusal::Stays),
        (battery(), Telemetry { wish: Some(FullNow::default()), ..stored(10, 0) }, Refusal::Wish),
        (vehicle(), Telemetry { stays: vec![stay(9, 9)], ..stored(10, 0) }, Refusal::Stays),
        (
            vehicle(),
            Telemetry { stays: vec![stay(9, 12), stay(11, 14)], ..stored(10, 0) },
            Refusal::Stays,
        ),
        (
            Nature::Deferrable,
            Telemetry { jobs: vec![job], stored_wh: None, ..stored(10, 0) },
            Refusal::Jobs,
        ),
        (Nature::Load, stored(10, 0), Refusal::Storage),
    ];
    for (nature, sample, refusal) in cases {
        let stored_wh = matches!(nature, Nature::Battery(_) | Nature::Vehicle(_)).then_some(0);
        let mut agent = born(nature);
        let first = Telemetry { stored_wh, ..stored(9, 0) };
        tell(&mut agent, begins(9), ResourceInput::Telemetry(first));
        start(&mut agent, 10);
        let said = tell(&mut agent, begins(10), ResourceInput::Telemetry(sample.clone()));
        assert_eq!(said, [ResourceEffect::Refuse(refusal)], "{sample:?}");
        assert_eq!(agent.snapshot().readings.len(), 0, "{sample:?}");
    }
}

#[test]
fn wishes_are_clipped_to_what_the_device_can_do() {
    let ask = |agent: &mut ResourceAgent, consume, produce| {
        energies(&tell(agent, Timestamp(0), wish(10, consume, produce)))
    };
    let mut agent = born(Nature::Battery(STORE));
    start(&mut agent, 10);
    assert_eq!(ask(&mut agent, 0, 1_000), (0, 0), "not emptied while its energy is unknown");
    let mut agent = awake(Nature::Battery(STORE), &stored(9, 5_000));
    assert_eq!(ask(&mut agent, 9_999, 0), (2_500, 0));
    assert_eq!(ask(&mut agent, 0, 9_999), (0, 2_000));
    assert_eq!(ask(&mut agent, 9_999, 9_000), (999, 0), "one direction at a time");
    let late = tell(&mut agent, Timestamp(0), wish(9, 1, 0));
    assert_eq!(late, [ResourceEffect::Refuse(Refusal::OutOfDate)]);
    let early = tell(&mut agent, Timestamp(0), wish(11, 1, 0));
    assert_eq!(early, [ResourceEffect::Refuse(Refusal::FromTheFuture)]);
    let mut load = born(Nature::Load);
    start(&mut load, 10);
    let said = tell(&mut load, Timestamp(0), wish(10, 1, 0));
    assert_eq!(said, [ResourceEffect::Refuse(Refusal::NotControllable)]);
}

fn plugged(from: u32, until: u32, stored_wh: u64, departure_wh: u64) -> Telemetry {
    let (arrival, departure) = (Interval(from), Interval(until));
    let stay = Stay { arrival, departure, departure_wh, trip_wh: 1_000 };
    Telemetry { stays: vec![stay], ..stored(10, stored_wh) }
}

#[test]
fn a_vehicle_that_is_away_is_told_nothing() {
    let mut agent = awake(Nature::vehicle(STORE), &plugged(5, 11, 5_000, 5_000));
    assert_eq!(energies(&tell(&mut agent, Timestamp(0), wish(10, 1_000, 0))), (1_000, 0));
    start(&mut agent, 11);
    assert_eq!(energies(&tell(&mut agent, Timestamp(0), wish(11, 1_000, 0))), (0, 0));
}

#[test]
fn no_more_is_sold_than_the_rest_of_the_stay_can_put_back() {
    // One interval of 2 500 Wh is left after this one: 2 332 Wh in the battery, and
    // 50 Wh of tolerance.
    let mut agent = awake(Nature::vehicle(STORE), &plugged(5, 12, 8_000, 9_500));
    let order = ordered(&tell(&mut agent, begins(10), wish(10, 0, 2_000)));
    assert_eq!((order.setpoint.produce_wh, order.by), (822, Claim::DriverNeed));
    let mut agent = awake(Nature::vehicle(STORE), &plugged(5, 20, 8_000, 9_500));
    let order = ordered(&tell(&mut agent, begins(10), wish(10, 0, 2_000)));
    assert_eq!((order.setpoint.produce_wh, order.by), (2_000, Claim::LocalOptimum));
}

#[test]
fn a_vehicle_refuses_what_its_driver_does_not_let_go() {
    let told = |v2g: Option<V2g>| {
        let vehicle = Nature::Vehicle(Vehicle { store: STORE, v2g });
        let mut agent = awake(vehicle, &plugged(5, 20, 8_000, 1_000));
        let order = ordered(&tell(&mut agent, begins(10), wish(10, 0, 2_000)));
        (order.setpoint.produce_wh, order.by)
    };
    assert_eq!(told(None), (0, Claim::DeviceRefusal), "no consent");
    let kept = V2g { floor_wh: 5_000, never_sold_wh: 7_000, ..V2g::default() };
    assert_eq!(told(Some(kept)), (933, Claim::DeviceRefusal), "all but 7 000 Wh");
    let gentle = V2g { discharge_w: Some(1_000), ..V2g::default() };
    assert_eq!(told(Some(gentle)), (500, Claim::DeviceRefusal));
    assert_eq!(told(Some(V2g::default())), (2_000, Claim::LocalOptimum));
}

#[test]
fn a_drivers_wish_is_handed_on_with_the_reading() {
    let wanted = Some(FullNow::default());
    let now = Telemetry { wish: wanted, ..plugged(5, 20, 8_000, 1_000) };
    let agent = awake(Nature::vehicle(STORE), &now);
    assert_eq!(agent.last().and_then(|reading| reading.wish), wanted);
}

fn limit(consume_w: u64, produce_w: u64, valid_until: Timestamp) -> ResourceInput {
    let (consume_w, produce_w) = (Some(consume_w), Some(produce_w));
    ResourceInput::Limit(GridLimit { consume_w, produce_w, valid_until })
}

#[test]
fn a_grid_limit_binds_at_once_survives_a_crash_and_lapses() {
    let mut agent = awake(Nature::Battery(STORE), &stored(9, 5_000));
    let now = begins(10);
    assert_eq!(energies(&tell(&mut agent, now, wish(10, 2_500, 0))), (2_500, 0));
    let until = now.after_ms(600_000);
    let said = tell(&mut agent, now.after_ms(1), limit(1_000, 0, until));
    let ResourceEffect::Record { standing, .. } = said[0].clone() else { panic!("{said:?}") };
    let order = ordered(&said);
    assert_eq!((order.power_w, order.setpoint.consume_wh), (1_000, 500));
    assert_eq!(order.by, Claim::GridLimit);
    assert_eq!(agent.wake_at(), Some(until));
    let setup = ResourceSetup::new(3, Nature::Battery(STORE), 1800);
    let mut later = ResourceAgent::restore(setup, Vec::new(), standing);
    let held = tell(&mut later, now.after_ms(2), ResourceInput::Wake);
    assert_eq!(energies(&held), (0, 0), "under a limit nobody is left without an order");
    let said = tell(&mut agent, until, ResourceInput::Wake);
    assert_eq!(energies(&said), (2_500, 0), "what was wished comes back");
    assert_eq!((agent.wake_at(), agent.snapshot().limit), (None, None));
    let late = tell(&mut agent, until, limit(0, 0, until));
    assert_eq!(late, [ResourceEffect::Refuse(Refusal::OutOfDate)]);
    let load = tell(&mut born(Nature::Load), now, limit(0, 0, until));
    assert_eq!(load, [ResourceEffect::Refuse(Refusal::NotControllable)]);
}

#[test]
fn a_limit_holds_also_when_no_epoch_begins_any_more() {
    let mut agent = awake(Nature::Solar { rated_w: 4_000 }, &Telemetry::default());
    tell(&mut agent, begins(10), limit(0, 1_000, begins(13).after_ms(60_000)));
    for interval in [11, 12, 13] {
        while agent.wake_at().expect("it holds") < begins(interval) {
            let at = agent.wake_at().expect("it holds");
            tell(&mut agent, at, ResourceInput::Wake);
        }
        assert_eq!(agent.wake_at(), Some(begins(interval)));
        let order = ordered(&tell(&mut agent, begins(interval), ResourceInput::Wake));
        assert_eq!((order.setpoint.interval, order.power_w), (Interval(interval), -1_000));
    }
    assert_eq!(agent.wake_at(), Some(begins(13).after_ms(60_000)), "then it lapses");
}

#[test]
fn under_a_limit_an_epoch_begins_with_an_order_and_the_safe_state_obeys_too() {
    let mut agent = awake(Nature::vehicle(STORE), &plugged(5, 20, 5_000, 5_000));
    tell(&mut agent, begins(10), limit(1_000, 1_000, begins(13)));
    let said = start(&mut agent, 11);
    let order = ordered(&said);
    assert_eq!((order.power_w, order.by), (1_000, Claim::GridLimit), "not 1 400 W");
    let d1 = agent.wake_at().expect("it still waits for its plan");
    let order = ordered(&tell(&mut agent, d1, ResourceInput::Wake));
    assert_eq!((order.power_w, order.by), (1_000, Claim::GridLimit));
}

#[test]
fn a_charger_runs_part_of_the_interval_and_too_little_moves_on() {
    let mut setup = ResourceSetup::new(0, Nature::vehicle(STORE), 1800);
    setup.consume = PowerRanges::charger(5_000);
    let mut agent = ResourceAgent::new(setup);
    start(&mut agent, 10);
    for at in [9, 10] {
        let sample = Telemetry { at: begins(at), ..plugged(5, 20, 5_000, 5_000) };
        tell(&mut agent, begins(10), ResourceInput::Telemetry(sample));
    }
    let told = |agent: &mut ResourceAgent, interval, wh| {
        ordered(&tell(agent, begins(interval), wish(interval, wh, 0)))
    };
    let order = told(&mut agent, 10, 350);
    assert_eq!((order.power_w, order.on_s, order.setpoint.consume_wh), (1_400, 900, 350));
    let order = told(&mut agent, 10, 80);
    assert_eq!((order.power_w, order.on_s, order.carried_wh), (0, 0, 80));
    assert_eq!(told(&mut agent, 10, 80).carried_wh, 80, "said twice, carried once");
    start(&mut agent, 11);
    let order = told(&mut agent, 11, 80);
    assert_eq!((order.setpoint.consume_wh, order.carried_wh), (160, 0), "with what moved on");
    start(&mut agent, 12);
    assert_eq!(told(&mut agent, 12, 0).setpoint.consume_wh, 0);
    let minute = begins(12).after_ms(60_000);
    let said = tell(&mut agent, minute, limit(1_000, 0, begins(14)));
    assert!(matches!(said[..], [ResourceEffect::Record { .. }]), "nothing to change: {said:?}");
    assert_eq!(told(&mut agent, 12, 500).power_w, 0, "it cannot run that gently, so it is off");
}

proptest::proptest! {
    #[test]
    fn no_command_leaves_the_bounds_of_a_storage(
        consume in 0_u64..20_000,
        produce in 0_u64..20_000,
        has in 0_u64..=10_000,
    ) {
        let mut agent = awake(Nature::Battery(STORE), &stored(9, has));
        let (consume_wh, produce_wh) =
            energies(&tell(&mut agent, Timestamp(0), wish(10, consume, produce)));
        assert!(consume_wh == 0 || produce_wh == 0);
        assert!(consume_wh <= 2_500 && produce_wh <= 2_000);
        assert!(has as f64 + consume_wh as f64 * 0.933 <= 10_000.0);
        assert!(produce_wh == 0 || has as f64 - produce_wh as f64 / 0.933 >= 998.0);
    }
}

#[test]
fn without_a_setpoint_by_d1_the_device_falls_back_to_its_safe_state() {
    let mut agent = born(Nature::vehicle(STORE));
    start(&mut agent, 10);
    let d1 = agent.wake_at().expect("it waits");
    assert_eq!(d1, begins(10).after_ms(5_000));
    assert_eq!(tell(&mut agent, Timestamp(d1.0 - 1), ResourceInput::Wake), []);
    let said = tell(&mut agent, d1, ResourceInput::Wake);
    assert!(matches!(said[..], [ResourceEffect::Lapse(_)]), "{said:?}");
    let order = ordered(&said);
    assert_eq!((order.power_w, order.on_s, order.setpoint.consume_wh), (1_400, 1_800, 700));
    assert_eq!(agent.wake_at(), None);
    let late = tell(&mut agent, d1, wish(10, 1_000, 0));
    assert!(matches!(late[..], [ResourceEffect::Command(_)]), "a late setpoint is still followed");
}

#[test]
fn a_generator_is_told_the_most_it_may_give() {
    let mut agent = awake(Nature::Solar { rated_w: 4_000 }, &Telemetry::default());
    let order = ordered(&tell(&mut agent, begins(10), wish(10, 0, 1_500)));
    assert_eq!((order.power_w, order.on_s, order.setpoint.produce_wh), (-3_000, 1_800, 1_500));
    let order = ordered(&tell(&mut agent, begins(10), wish(10, 0, 0)));
    assert_eq!((order.power_w, order.on_s), (0, 1_800), "0 is a limit too");
}
