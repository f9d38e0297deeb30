//! What the coordinator promises: it ends on time with or without anybody, and early when all
//! are done.

use super::*;

const EPOCH: Epoch = Interval(4);

fn begun(early_finish: bool, parties: u32) -> (Session, Deadlines, Vec<Effect>) {
    let params = EpochParams { early_finish, ..EpochParams::default() };
    let deadlines = params.deadlines(EPOCH.starts_at(params.interval_s()));
    let mut session = Session::new(params);
    let mut out = Vec::new();
    let begin = Input::Begin { epoch: EPOCH, deadlines, parties };
    session.handle(deadlines.start, begin, &mut out);
    (session, deadlines, out)
}

fn notices(out: &[Effect]) -> Vec<Notice> {
    let of = |effect: &Effect| match effect {
        Effect::Announce { notice, .. } => Some(*notice),
        Effect::EpochEnds { .. } => None,
    };
    out.iter().filter_map(of).collect()
}

#[test]
fn an_epoch_of_the_dead_ends_on_time() {
    let (mut session, deadlines, mut out) = begun(true, 3);
    let mut ends = Vec::new();
    while let (Some(at), Some(_)) = (session.wake_at(), session.snapshot().running) {
        session.handle(at, Input::Wake, &mut out);
        ends.push(at);
    }
    assert_eq!(ends, [deadlines.d1, deadlines.d2, deadlines.d3, deadlines.settle]);
    let expected: Vec<Notice> = std::iter::once(Notice::EpochStart)
        .chain(Phase::ALL.into_iter().map(Notice::PhaseEnds))
        .collect();
    assert_eq!(notices(&out), expected);
    assert!(matches!(out.last(), Some(Effect::EpochEnds { epoch: EPOCH, .. })));
}

#[test]
fn all_quiet_ends_a_phase_early_and_a_later_report_covers_earlier_phases() {
    let (mut session, deadlines, mut out) = begun(true, 2);
    let soon = deadlines.start.after_ms(10);
    let quiet = |party, phase| Input::Quiescent { party: PartyId(party), epoch: EPOCH, phase };
    session.handle(soon, quiet(1, Phase::Final), &mut out);
    assert_eq!(session.snapshot().running, Some((EPOCH, Phase::Sense)));
    session.handle(soon, quiet(2, Phase::Coalition), &mut out);
    assert_eq!(session.snapshot().running, Some((EPOCH, Phase::Negotiation)));
    session.handle(soon, quiet(2, Phase::Coalition), &mut out);
    session.handle(soon, quiet(2, Phase::Final), &mut out);
    assert_eq!(session.snapshot().running, Some((EPOCH, Phase::Settle)));
    assert_eq!(session.wake_at(), Some(deadlines.settle), "settlement waits for the chain");
}

#[test]
fn the_paper_waits_for_its_deadlines() {
    let (mut session, deadlines, mut out) = begun(false, 1);
    let quiet = Input::Quiescent { party: PartyId(1), epoch: EPOCH, phase: Phase::Final };
    session.handle(deadlines.start.after_ms(1), quiet, &mut out);
    assert_eq!(session.snapshot().running, Some((EPOCH, Phase::Sense)));
}

#[test]
fn reports_of_another_epoch_and_repeated_beginnings_change_nothing() {
    let (mut session, deadlines, mut out) = begun(true, 1);
    let before = out.len();
    let stale = Input::Quiescent { party: PartyId(1), epoch: Interval(3), phase: Phase::Final };
    session.handle(deadlines.start, stale, &mut out);
    session.handle(deadlines.start, Input::Begin { epoch: EPOCH, deadlines, parties: 1 }, &mut out);
    assert_eq!(out.len(), before);
}

#[test]
fn the_next_epoch_begins_by_itself_even_after_a_long_sleep() {
    let (mut session, deadlines, mut out) = begun(true, 1);
    session.handle(deadlines.settle, Input::Wake, &mut out);
    let next = EPOCH.plus(1).starts_at(1800);
    assert_eq!(session.wake_at(), Some(next));
    out.clear();
    session.handle(next.after_ms(3_600_000), Input::Wake, &mut out);
    assert_eq!(session.snapshot().running.map(|(epoch, _)| epoch), Some(EPOCH.plus(3)));
}

#[test]
fn upcoming_epochs_lie_on_the_utc_grid() {
    let params = EpochParams::default();
    let at = |ms| Session::upcoming(&params, Timestamp(ms)).0;
    assert_eq!(at(1_800_000), Interval(1));
    assert_eq!(at(1_800_001), Interval(2));
}
