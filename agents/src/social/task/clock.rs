//! What time does to a task: resends, the three deadlines, the end.

use super::{Stage, Task};
use crate::params::Award;
use crate::social::message::Message;
use crate::social::negotiation::Bargain;
use crate::social::reason::Reason;
use crate::social::resend::Due;
use crate::social::turn::Turn;

impl Task {
    /// Says again what is unanswered.
    pub(crate) fn on_time(&mut self, turn: &mut Turn<'_>) {
        match self.stage {
            Stage::Forming | Stage::Negotiating => {
                self.coalition.on_time(&mut self.tally, turn);
                self.resend_bargains(turn);
                if !self.determination.is_done() {
                    self.determination.on_time(&self.facts, &mut self.tally, turn);
                }
                self.award(turn);
            }
            Stage::Finalising => {
                self.determination.on_time(&self.facts, &mut self.tally, turn);
                self.finish_if_done(turn);
            }
            Stage::Ended => {}
        }
    }

    fn resend_bargains(&mut self, turn: &mut Turn<'_>) {
        let mut asks = Vec::new();
        for (party, bargain) in &mut self.bargains {
            let (attempt, said) = match bargain {
                Bargain::Asked(attempt) => (attempt, None),
                Bargain::Countered { attempt, said, .. } => {
                    (attempt, Some(Message::OfferResponse(said.clone())))
                }
                Bargain::Claimed { attempt, claim, .. } => {
                    (attempt, Some(Message::Claim(claim.clone())))
                }
                Bargain::Standing { .. } | Bargain::Closed(_) => continue,
            };
            let due = turn.look(attempt);
            if due == Due::Silent {
                self.waiting = self.waiting.saturating_sub(1);
                self.tally.note(Reason::Silent);
            }
            match (due, said) {
                (Due::Nothing, _) => {}
                (_, Some(said)) => turn.send(*party, said),
                (_, None) => asks.push(*party),
            }
        }
        for party in asks {
            turn.send(party, self.ask());
        }
    }

    /// D1 has come.
    pub(crate) fn on_coalition_end(&mut self, turn: &mut Turn<'_>) {
        self.end_coalition();
        self.award(turn);
    }

    /// The coalition is what it is.
    pub(crate) fn end_coalition(&mut self) {
        self.coalition.close(&mut self.tally);
        self.stage = self.stage.max(Stage::Negotiating);
    }

    /// D2: no offer is valid any more; what is in hand goes to determination.
    pub(crate) fn end_negotiation(&mut self, turn: &mut Turn<'_>) {
        if self.stage >= Stage::Finalising {
            return;
        }
        self.end_coalition();
        self.stage = Stage::Finalising;
        for bargain in self.bargains.values_mut() {
            if !matches!(bargain, Bargain::Closed(_)) {
                if bargain.is_waiting() {
                    self.tally.note(Reason::Expired);
                }
                *bargain = Bargain::Closed(None);
            }
        }
        self.waiting = 0;
        let temps = std::mem::take(&mut self.temps);
        if turn.params().negotiate.award == Award::FirstCome {
            self.determination.begin(temps, turn);
        }
        self.determination.step(&self.facts, &mut self.tally, turn);
        self.finish_if_done(turn);
    }

    /// After any step of the determination.
    pub(crate) fn finish_if_done(&mut self, turn: &mut Turn<'_>) {
        if self.stage == Stage::Finalising && self.determination.is_done() {
            self.end(turn);
        } else {
            self.award(turn);
        }
    }

    /// The end: at D3, or when nothing is left to do.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) {
        if self.is_ended() {
            return;
        }
        self.end_coalition();
        self.stage = Stage::Ended;
        self.determination.end(&self.facts, &mut self.tally, turn);
        let outcome = self.outcome(turn);
        turn.outcome(outcome);
    }
}
