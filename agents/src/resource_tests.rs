use super::nature::{Deferrable, Stay, Storage};
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
    ResourceAgent::new(3, nature, 1800)
}

fn start(agent: &mut ResourceAgent, epoch: u32) -> Vec<ResourceEffect> {
    let at = Interval(epoch).starts_at(1800);
    let deadlines = EpochParams::default().deadlines(at);
    tell(agent, at, ResourceInput::EpochStart { epoch: Interval(epoch), deadlines })
}

fn tell(agent: &mut ResourceAgent, now: Timestamp, input: ResourceInput) -> Vec<ResourceEffect> {
    let mut out = Vec::new();
    agent.handle(now, input, &mut out);
    out
}

fn stored(interval: u32, wh: u64) -> Reading {
    Reading { interval: Interval(interval), stored_wh: Some(wh), ..Reading::default() }
}

fn wish(interval: u32, consume_wh: u64, produce_wh: u64) -> ResourceInput {
    ResourceInput::Setpoint(Setpoint { interval: Interval(interval), consume_wh, produce_wh })
}

#[test]
fn an_epoch_begins_with_a_look_at_the_interval_that_ended() {
    let mut agent = born(Nature::Load);
    assert_eq!(start(&mut agent, 10), [ResourceEffect::Sense { interval: Interval(9) }]);
    assert_eq!(start(&mut agent, 10), [], "a repeated start changes nothing");
    assert_eq!(agent.wake_at(), None, "a load waits for nothing");
}

#[test]
fn possible_readings_pass_once() {
    let mut agent = born(Nature::Battery(STORE));
    start(&mut agent, 10);
    let now = Interval(10).starts_at(1800);
    let reading = stored(9, 5_000);
    let said = tell(&mut agent, now, ResourceInput::Reading(reading.clone()));
    assert_eq!(said, [ResourceEffect::Telemetry(reading.clone())]);
    let again = tell(&mut agent, now, ResourceInput::Reading(reading));
    assert_eq!(again, [ResourceEffect::Refuse(Refusal::OutOfDate)]);
    assert_eq!(agent.snapshot().refused, 1);
}

#[test]
fn impossible_readings_are_refused_with_a_reason() {
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
    let vehicle = || Nature::Vehicle(STORE);
    let cases = [
        (battery(), stored(10, 0), Refusal::FromTheFuture),
        (battery(), stored(9, 10_300), Refusal::Storage),
        (battery(), Reading { stored_wh: None, ..stored(9, 0) }, Refusal::Storage),
        (battery(), Reading { consumed_wh: 6_000, ..stored(9, 0) }, Refusal::Consumption),
        (battery(), Reading { produced_wh: 6_000, ..stored(9, 0) }, Refusal::Production),
        (battery(), Reading { stays: vec![stay(9, 12)], ..stored(9, 0) }, Refusal::Stays),
        (vehicle(), Reading { stays: vec![stay(9, 9)], ..stored(9, 0) }, Refusal::Stays),
        (
            vehicle(),
            Reading { stays: vec![stay(9, 12), stay(11, 14)], ..stored(9, 0) },
            Refusal::Stays,
        ),
        (
            Nature::Deferrable,
            Reading { interval: Interval(9), jobs: vec![job], ..Reading::default() },
            Refusal::Jobs,
        ),
        (Nature::Load, stored(9, 0), Refusal::Storage),
    ];
    for (nature, reading, refusal) in cases {
        let mut agent = born(nature);
        start(&mut agent, 10);
        let said = tell(&mut agent, Timestamp(0), ResourceInput::Reading(reading.clone()));
        assert_eq!(said, [ResourceEffect::Refuse(refusal)], "{reading:?}");
    }
}

#[test]
fn wishes_are_clipped_to_what_the_device_can_do() {
    let mut agent = born(Nature::Battery(STORE));
    start(&mut agent, 10);
    let ask = |agent: &mut ResourceAgent, consume, produce| {
        let said = tell(agent, Timestamp(0), wish(10, consume, produce));
        let [ResourceEffect::Command(told)] = said[..] else { panic!("{said:?}") };
        (told.consume_wh, told.produce_wh)
    };
    assert_eq!(ask(&mut agent, 0, 1_000), (0, 0), "not emptied while its energy is unknown");
    tell(&mut agent, Timestamp(0), ResourceInput::Reading(stored(9, 5_000)));
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

#[test]
fn a_vehicle_that_is_away_is_told_nothing() {
    let mut agent = born(Nature::Vehicle(STORE));
    let stay =
        Stay { arrival: Interval(5), departure: Interval(11), departure_wh: 5_000, trip_wh: 1_000 };
    start(&mut agent, 10);
    let home = Reading { stays: vec![stay], ..stored(9, 5_000) };
    tell(&mut agent, Timestamp(0), ResourceInput::Reading(home));
    let told = |said: Vec<ResourceEffect>| match said[..] {
        [ResourceEffect::Command(told)] => told.consume_wh,
        _ => panic!("{said:?}"),
    };
    assert_eq!(told(tell(&mut agent, Timestamp(0), wish(10, 1_000, 0))), 1_000);
    start(&mut agent, 11);
    assert_eq!(told(tell(&mut agent, Timestamp(0), wish(11, 1_000, 0))), 0);
}

proptest::proptest! {
    #[test]
    fn no_command_leaves_the_bounds_of_a_storage(
        consume in 0_u64..20_000,
        produce in 0_u64..20_000,
        has in 0_u64..=10_000,
    ) {
        let mut agent = born(Nature::Battery(STORE));
        start(&mut agent, 10);
        tell(&mut agent, Timestamp(0), ResourceInput::Reading(stored(9, has)));
        let said = tell(&mut agent, Timestamp(0), wish(10, consume, produce));
        let [ResourceEffect::Command(told)] = said[..] else { panic!("{said:?}") };
        assert!(told.consume_wh == 0 || told.produce_wh == 0);
        assert!(told.consume_wh <= 2_500 && told.produce_wh <= 2_000);
        assert!(has as f64 + told.consume_wh as f64 * 0.933 <= 10_000.0);
        assert!(told.produce_wh == 0 || has as f64 - told.produce_wh as f64 / 0.933 >= 998.0);
    }
}

#[test]
fn without_a_setpoint_by_d1_the_device_falls_back_to_its_safe_state() {
    let mut agent = born(Nature::Vehicle(STORE));
    start(&mut agent, 10);
    let d1 = agent.wake_at().expect("it waits");
    assert_eq!(d1, Interval(10).starts_at(1800).after_ms(5_000));
    assert_eq!(tell(&mut agent, Timestamp(d1.0 - 1), ResourceInput::Wake), []);
    let safe = Setpoint { interval: Interval(10), consume_wh: 700, produce_wh: 0 };
    assert_eq!(tell(&mut agent, d1, ResourceInput::Wake), [ResourceEffect::Lapse(safe)]);
    assert_eq!(agent.wake_at(), None);
    let late = tell(&mut agent, d1, wish(10, 1_000, 0));
    assert!(matches!(late[..], [ResourceEffect::Command(_)]), "a late setpoint is still followed");
}
