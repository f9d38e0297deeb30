//! The round of an epoch.

use super::*;

#[test]
fn every_epoch_plans_commands_and_tenders_once() {
    let mut world = World::new(Params::default(), days(600, 2_500), Some(4_000.0));
    for _ in 0..60 {
        let out = world.next();
        let epoch = Interval(world.epoch);
        let sent = blocks(&out);
        assert_eq!(sent.len(), 1, "exactly one message per epoch");
        assert_eq!(sent[0].epoch, epoch);
        let planned = out.iter().filter(|e| matches!(e, LocalEffect::Planned(_))).count();
        assert_eq!(planned, 1);
        assert_eq!(world.told[&2].interval, epoch);
        assert_eq!(world.told[&1].produce_wh, 4_000, "a free generator");
        assert!(!out.iter().any(|e| matches!(e, LocalEffect::Stale { .. })));
        assert_eq!(world.mind.wake_at(), None);
        world.pass();
    }
    let seen = world.mind.snapshot();
    assert_eq!(seen.epoch, Some(Interval(MIDNIGHT + 59)));
    assert_eq!(seen.import_wh.len(), 48);
    assert_eq!(seen.shortfall.total_wh(), 0.0);
}

#[test]
fn a_silent_device_is_replaced_by_its_forecast() {
    let mut world = World::new(Params::default(), days(600, 0), Some(4_000.0));
    world.next();
    let hoped = world.mind.snapshot().stored_wh[0][1];
    world.epoch += 1;
    let (epoch, deadlines) = (Interval(world.epoch), world.deadlines(world.epoch));
    world.tell(0, LocalInput::EpochStart { epoch, deadlines });
    for device in 0..2 {
        let reading = world.reading(device, world.epoch - 1);
        let out = world.tell(10, LocalInput::Reading { device, reading });
        assert!(out.is_empty(), "the battery is still awaited");
    }
    assert_eq!(world.mind.wake_at(), Some(deadlines.start.after_ms(2_500)));
    assert!(world.tell(2_499, LocalInput::Wake).is_empty());
    let out = world.tell(2_500, LocalInput::Wake);
    assert!(matches!(out[0], LocalEffect::Stale { device: 2 }));
    assert_eq!(blocks(&out).len(), 1);
    let seen = world.mind.snapshot();
    assert_eq!(seen.stale, [2]);
    assert!((seen.stored_wh[0][0] - hoped).abs() < 1.0, "taken to be where the plan wanted it");
    let reading = world.reading(2, world.epoch - 1);
    world.tell(3_000, LocalInput::Reading { device: 2, reading });
    assert!(world.mind.snapshot().stale.is_empty(), "late, but heard");
}

#[test]
fn without_a_plan_by_the_first_deadline_nothing_is_tendered() {
    let mut world = World::new(Params::default(), days(600, 0), None);
    let deadlines = world.deadlines(MIDNIGHT);
    let mut out = Vec::new();
    let start = LocalInput::EpochStart { epoch: Interval(MIDNIGHT), deadlines };
    world.mind.handle(deadlines.start, start, &mut out);
    world.mind.handle(deadlines.start.after_ms(2_500), LocalInput::Wake, &mut out);
    assert!(matches!(out.last(), Some(LocalEffect::Solve { .. })));
    assert_eq!(world.mind.wake_at(), Some(deadlines.d1));
    out.clear();
    world.mind.handle(deadlines.d1, LocalInput::Wake, &mut out);
    assert_eq!(blocks(&out).len(), 1);
    assert!(blocks(&out)[0].deficits.is_empty());
    assert_eq!(world.mind.wake_at(), None);
}

#[test]
fn an_answer_to_an_old_question_is_dropped() {
    let mut world = World::new(Params::default(), days(600, 0), None);
    world.next();
    let plan = Err(schedule::SolveError::Malformed("old"));
    assert!(world.tell(100, LocalInput::Solved { ticket: 999, plan }).is_empty());
    assert!(world.mind.snapshot().planned_from.is_some());
}

#[test]
fn a_failed_plan_is_said_and_the_epoch_goes_on() {
    let mut world = World::new(Params::default(), days(600, 0), None);
    let deadlines = world.deadlines(MIDNIGHT);
    let mut out = Vec::new();
    let start = LocalInput::EpochStart { epoch: Interval(MIDNIGHT), deadlines };
    world.mind.handle(deadlines.start, start, &mut out);
    world.mind.handle(deadlines.start.after_ms(2_500), LocalInput::Wake, &mut out);
    let Some(LocalEffect::Solve { ticket, .. }) = out.pop() else { panic!("no question") };
    out.clear();
    let plan = Err(schedule::SolveError::Solver("tired".into()));
    world.mind.handle(
        deadlines.start.after_ms(2_600),
        LocalInput::Solved { ticket, plan },
        &mut out,
    );
    assert!(matches!(out[0], LocalEffect::Unplanned(_)));
    assert!(blocks(&out)[0].deficits.is_empty());
    world.epoch = MIDNIGHT;
    assert_eq!(world.quote(MIDNIGHT + 2, vec![500]).capacity, Energy::ZERO);
}

#[test]
fn the_same_inputs_give_the_same_effects() {
    let run = || {
        let mut world = World::new(Params::default(), days(700, 2_800), Some(3_000.0));
        world.run_to(MIDNIGHT + 20);
        let _ = world.reserve(1, MIDNIGHT + 24, vec![300, 300], 300_000);
        format!("{:?}", world.out)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_restored_mind_plans_with_its_obligations() {
    let world = World::new(Params::default(), days(600, 0), Some(9_000.0));
    let profile = Profile { start: Interval(MIDNIGHT + 10), wh: vec![700] };
    let sale = Obligation::Signed {
        contract_id: ContractId(gridpact_chain::digest::Digest([1; 32])),
        side: Side::Seller,
        profile,
    };
    let mut world = World { mind: LocalAgent::restore(world.mind.setup, vec![sale]), ..world };
    world.next();
    let seen = world.mind.snapshot();
    assert_eq!(seen.obligations.len(), 1);
    assert_eq!(seen.import_wh[10], 0.0, "it delivers, so it does not import");
}
