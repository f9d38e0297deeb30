//! How the guard heeds the control plane: before every poll, and whatever is in the mailbox.
use actix::dev::AsyncContextParts;
use tokio::time::sleep;

use super::actor::Actor;
use super::body::Glimpse;
use super::cell::{DUMP, KILL, PAUSED, RESTART, STOP, WITH_SIBLINGS};
use super::context::Leaving;
use super::control::Dump;
use super::guard::{Guard, Phase, Step};
use super::health::Stage;
use super::monitor::Reason;

impl<A: Actor> Guard<A> {
    /// Does what the control plane asks for, before anything else.
    #[inline]
    pub(super) fn heed(&mut self) -> Option<Step> {
        let flags = self.block.cell.flags();
        if flags & !PAUSED == 0 { None } else { self.obey(flags) }
    }

    #[cold]
    fn obey(&mut self, flags: u32) -> Option<Step> {
        self.block.cell.lower(flags & !PAUSED);
        if flags & KILL != 0 {
            return Some(Step::End(Reason::Killed));
        }
        if flags & DUMP != 0 {
            self.glimpse();
        }
        if flags & STOP != 0 {
            return Some(self.begin_stop());
        }
        // A failed sibling does not shorten the rest of one that has failed itself.
        let restart = match self.phase {
            Phase::Running => flags & (RESTART | WITH_SIBLINGS) != 0,
            Phase::Resting(_) => flags & RESTART != 0,
            Phase::Cradle | Phase::Draining(_) | Phase::Over => false,
        };
        if restart {
            self.discard();
            self.phase = Phase::Cradle;
        }
        Some(Step::Again)
    }

    fn begin_stop(&mut self) -> Step {
        self.block.cell.shut();
        match self.phase {
            Phase::Running if self.rearing.grace.is_zero() => {
                self.leave(Leaving::Stop);
                Step::Again
            }
            Phase::Running => {
                self.block.cell.set_stage(Stage::Draining);
                self.phase = Phase::Draining(Box::pin(sleep(self.rearing.grace)));
                Step::Again
            }
            Phase::Draining(_) => Step::Again,
            Phase::Cradle | Phase::Resting(_) | Phase::Over => Step::End(Reason::Stopped),
        }
    }

    pub(super) fn leave(&mut self, how: Leaving) {
        if let Some(life) = self.life.as_mut() {
            life.ctx().leaving.get_or_insert(how);
            life.ctx().parts().stop();
        }
    }

    fn glimpse(&mut self) {
        let cell = &self.block.cell;
        let waiting = cell.take_dumps();
        let health = cell.health();
        let give = move |text: String| {
            for reply in waiting {
                let _ = reply.send(Dump { health: health.clone(), text: text.clone() });
            }
        };
        match (self.life.as_mut(), &self.phase) {
            (Some(life), Phase::Running | Phase::Draining(_)) => {
                life.ctx().parts().spawn(Glimpse(Some(Box::new(give))));
            }
            _ => give(String::new()),
        }
    }
}
