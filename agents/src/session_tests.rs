//! What the coordinator promises: it ends on time with or without anybody, and early when all
//! are done.

use super::*;

const EPOCH: Epoch = Interval(4);

fn begun(early_finish: bool, parties: u32) -> (Session, Deadlines, Vec<Effect>) {
    let params = EpochParams { early_finish, ..EpochParams::default() };
    let deadlines = params.deadlines(EPOCH.starts_at(params.interval_s()));
    let mut session = Session::new(params, None);
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

/// An epoch that settles twenty minutes into the next one.
fn overlapping(early_finish: bool) -> EpochParams {
    EpochParams { overlap: true, settle_ms: 3_000_000, early_finish, ..EpochParams::default() }
}

fn begin(params: &EpochParams, epoch: Epoch) -> Input {
    let deadlines = params.deadlines(epoch.starts_at(params.interval_s()));
    Input::Begin { epoch, deadlines, parties: 1 }
}

/// Whatever ends or begins, with the moment, until `until`.
fn lived(session: &mut Session, until: Timestamp) -> Vec<(u64, Effect)> {
    let mut seen = Vec::new();
    while let Some(at) = session.wake_at().filter(|at| *at <= until) {
        let mut out = Vec::new();
        session.handle(at, Input::Wake, &mut out);
        seen.extend(out.into_iter().map(|effect| (at.0, effect)));
    }
    seen
}

/// The moments at which phase `phase` of `epoch` was said to be over.
fn over(seen: &[(u64, Effect)], of: Epoch, phase: Phase) -> Vec<u64> {
    let ends = |effect: &Effect| match effect {
        Effect::Announce { epoch, notice, .. } => {
            *epoch == of && *notice == Notice::PhaseEnds(phase)
        }
        Effect::EpochEnds { .. } => false,
    };
    seen.iter().filter(|(_, effect)| ends(effect)).map(|(at, _)| *at).collect()
}

#[test]
fn the_next_epoch_trades_while_the_last_one_settles_and_both_end_on_time() {
    for early_finish in [true, false] {
        let params = overlapping(early_finish);
        let mut session = Session::new(params.clone(), Some(EPOCH.plus(2)));
        let start = EPOCH.starts_at(params.interval_s());
        session.handle(start, begin(&params, EPOCH), &mut Vec::new());
        let next = EPOCH.plus(1);
        let next_start = next.starts_at(params.interval_s());
        let mut seen = lived(&mut session, next_start);
        let snapshot = session.snapshot();
        assert_eq!(snapshot.running, Some((next, Phase::Sense)));
        assert_eq!(snapshot.settling, Some(EPOCH));
        if early_finish {
            let quiet = Input::Quiescent { party: PartyId(0), epoch: next, phase: Phase::Final };
            let mut out = Vec::new();
            session.handle(next_start, quiet, &mut out);
            assert_eq!(session.snapshot().running, Some((next, Phase::Settle)));
            assert_eq!(session.snapshot().settling, Some(EPOCH), "the other goes on settling");
            seen.extend(out.into_iter().map(|effect| (next_start.0, effect)));
        }
        seen.extend(lived(&mut session, Timestamp(u64::MAX)));
        for epoch in [EPOCH, next, EPOCH.plus(2)] {
            let deadlines = params.deadlines(epoch.starts_at(params.interval_s()));
            assert_eq!(over(&seen, epoch, Phase::Settle), [deadlines.settle.0], "{epoch}");
            let early = early_finish && epoch == next;
            let d3 = if early { next_start } else { deadlines.d3 };
            assert_eq!(over(&seen, epoch, Phase::Final), [d3.0], "{epoch}");
        }
        let ended = seen.iter().filter_map(|(at, effect)| match effect {
            Effect::EpochEnds { epoch, next_start } => Some((*epoch, *at <= next_start.0)),
            Effect::Announce { .. } => None,
        });
        let expected: Vec<_> = (0..3).map(|n| (EPOCH.plus(n), true)).collect();
        assert_eq!(ended.collect::<Vec<_>>(), expected, "in order, each once");
        assert_eq!(session.wake_at(), None, "after the last epoch nothing is due");
    }
}

#[test]
fn a_session_born_again_with_two_epochs_alive_ends_both_on_time() {
    let params = overlapping(false);
    let next = EPOCH.plus(1);
    let next_start = next.starts_at(params.interval_s());
    for after_ms in [0, 6_000, 31_000, 46_000, 1_199_999] {
        let mut session = Session::new(params.clone(), None);
        let mut out = Vec::new();
        let now = next_start.after_ms(after_ms);
        session.handle(now, begin(&params, EPOCH), &mut out);
        session.handle(now, begin(&params, next), &mut out);
        assert_eq!(session.snapshot().settling, Some(EPOCH));
        assert_eq!(session.snapshot().running.map(|(epoch, _)| epoch), Some(next));
        let seen = lived(&mut session, next_start.after_ms(3_000_000));
        for epoch in [EPOCH, next] {
            let settle = params.deadlines(epoch.starts_at(params.interval_s())).settle;
            assert_eq!(over(&seen, epoch, Phase::Settle), [settle.0], "{epoch} after {after_ms}");
        }
    }
}

#[test]
fn nothing_of_a_settling_epoch_is_begun_again_or_heard() {
    let params = overlapping(true);
    let mut session = Session::new(params.clone(), None);
    let next_start = EPOCH.plus(1).starts_at(params.interval_s());
    session.handle(EPOCH.starts_at(1800), begin(&params, EPOCH), &mut Vec::new());
    lived(&mut session, next_start);
    let mut out = Vec::new();
    session.handle(next_start, begin(&params, EPOCH), &mut out);
    let late = Input::Quiescent { party: PartyId(0), epoch: EPOCH, phase: Phase::Settle };
    session.handle(next_start, late, &mut out);
    assert_eq!(out, []);
    assert_eq!(session.snapshot().settling, Some(EPOCH));
}
