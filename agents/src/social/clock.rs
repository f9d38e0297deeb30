//! What time does to an SCA: rounds begin, deadlines pass, what is unanswered is said again.

use gridpact_chain::terms::{Epoch, Timestamp};

use super::limits::SKEW_MS;
use super::turn::{Round, Turn};
use super::{Effect, SocialAgent};
use crate::params::Deadlines;
use crate::session::Phase;

impl SocialAgent {
    /// A round begins, or its deadlines come forward.
    pub(super) fn begin(
        &mut self,
        epoch: Epoch,
        deadlines: Deadlines,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        match &mut self.core.round {
            Some(round) if round.epoch > epoch => return,
            Some(round) if round.epoch == epoch => {
                let own = &mut round.deadlines;
                own.d1 = own.d1.min(deadlines.d1);
                own.d2 = own.d2.min(deadlines.d2);
                own.d3 = own.d3.min(deadlines.d3);
                self.core.wake = Some(now);
                return;
            }
            _ => {}
        }
        let turn = &mut Turn { now, core: &mut self.core, out };
        self.buying.end(turn);
        self.selling.end(turn);
        self.holdings.prune(epoch);
        self.core.position.prune(epoch);
        self.core.contracts = 0;
        let interval_s = self.core.setup.params.epoch.interval_s();
        self.core.diary.begin(epoch, |epoch| epoch.starts_at(interval_s));
        self.core.round = Some(Round { epoch, deadlines, offers_until: deadlines.d2 });
        self.core.wake = Some(now);
    }

    /// Follows a letter into an epoch that this SCA has not been told about: deadlines are its own
    /// state and bind without the coordinator.
    pub(super) fn follow(&mut self, epoch: Epoch, now: Timestamp, out: &mut Vec<Effect>) {
        if self.core.round.is_some_and(|round| round.epoch >= epoch) {
            return;
        }
        let params = &self.core.setup.params.epoch;
        let deadlines = params.deadlines(epoch.starts_at(params.interval_s()));
        if now.after_ms(SKEW_MS) >= deadlines.start && now < deadlines.settle {
            self.begin(epoch, deadlines, now, out);
            self.keep_time(now, out);
        }
    }

    /// Everything that is due: deadlines first, then resends; then the alarm is set anew.
    pub(super) fn keep_time(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        if self.core.wake.is_none_or(|wake| now < wake) {
            return;
        }
        self.core.wake = None;
        let Some(round) = self.core.round else { return };
        let turn = &mut Turn { now, core: &mut self.core, out };
        self.buying.advance(&round, turn);
        if now >= round.deadlines.d3 {
            return self.selling.end(turn);
        }
        for deadline in [round.deadlines.d1, round.deadlines.d2, round.deadlines.d3] {
            if now < deadline {
                turn.wake_by(deadline);
            }
        }
        self.buying.on_time(turn);
        self.selling.on_time(turn);
    }

    pub(super) fn on_phase_end(
        &mut self,
        epoch: Epoch,
        phase: Phase,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let Some(round) = self.core.round.as_mut().filter(|round| round.epoch == epoch) else {
            return;
        };
        let Deadlines { d1, d2, d3, .. } = &mut round.deadlines;
        for (over, deadline) in
            [(Phase::Coalition, d1), (Phase::Negotiation, d2), (Phase::Final, d3)]
        {
            if phase >= over {
                *deadline = now.min(*deadline);
            }
        }
        self.core.wake = Some(now);
        self.keep_time(now, out);
    }
}
