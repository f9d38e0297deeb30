//! The body of the coordinator: holds the Session and announces its phases.
//!
//! SCAs write to it; it speaks to every agent and node of the community. It never decides a trade,
//! and nothing waits for it: deadlines bind without it. After a crash it takes up the epoch that is
//! under way, whose phases then end at their deadlines, or begins with the next one of the grid.

use std::cell::Cell;
use std::rc::Rc;

use gridpact_agents::machine::Machine;
use gridpact_agents::params::EpochParams;
use gridpact_agents::session::{Effect, Input, Notice, Phase, Session};
use gridpact_chain::terms::{Epoch, PartyId};
use tokio::sync::watch;

use super::{Door, EpochEnded, EpochStarted, PhaseEnded, Poison, arm};
use crate::clock::Clock;
use crate::supervise::{Actor, Context, Handler, Message};

/// From an SCA: all its tasks are quiescent in this phase.
#[derive(Debug, Clone, Copy)]
pub struct Quiescent {
    /// Who says so.
    pub party: PartyId,
    /// The epoch.
    pub epoch: Epoch,
    /// The phase.
    pub phase: Phase,
}

/// To itself: the epoch's records had their time to close; let the verifiers sweep.
#[derive(Debug, Clone, Copy)]
struct Sweep(Epoch);

impl Message for Quiescent {
    type Reply = ();
}
impl Message for Sweep {
    type Reply = ();
}

/// Everybody the coordinator announces to; the order is the order of telling.
#[derive(Clone, Default)]
pub struct Audience {
    /// Who hears that an epoch begins: the chain first, then SCAs, LCAs, RAs.
    pub starts: Vec<Door<EpochStarted>>,
    /// Who hears that a phase ends.
    pub phases: Vec<Door<PhaseEnded>>,
    /// Who hears that an epoch has ended.
    pub ends: Vec<Door<EpochEnded>>,
}

/// The coordinator's actor.
pub struct CoordinatorActor {
    mind: Session,
    params: EpochParams,
    parties: u32,
    last: Option<Epoch>,

    audience: Audience,
    done: watch::Sender<Option<Epoch>>,
    begun: Begun,

    clock: Clock,
}

/// The last epoch that was begun, in whatever life.
pub type Begun = Rc<Cell<Option<Epoch>>>;

impl CoordinatorActor {
    /// Coordinates `parties` through epochs up to and including `last` (none: for ever); `done`
    /// shows the last epoch that has ended and been swept, `begun` lasts longer than this life.
    #[must_use]
    pub fn new(
        params: EpochParams,
        (parties, last): (u32, Option<Epoch>),
        audience: Audience,
        done: watch::Sender<Option<Epoch>>,
        begun: Begun,
        clock: Clock,
    ) -> Self {
        let mind = Session::new(params.clone());
        Self { mind, params, parties, last, audience, done, begun, clock }
    }

    fn step(&mut self, input: Input, cx: &mut Context<Self>) {
        let mut effects = Vec::new();
        self.mind.handle(self.clock.now(), input, &mut effects);
        for effect in effects {
            self.perform(effect, cx);
        }
        let over = self.mind.snapshot().running.is_none()
            && self.last.is_some_and(|last| self.next_epoch() > last);
        arm(cx, &self.clock, self.mind.wake_at().filter(|_| !over));
    }

    fn next_epoch(&self) -> Epoch {
        Session::upcoming(&self.params, self.clock.now()).0
    }

    fn perform(&self, effect: Effect, cx: &mut Context<Self>) {
        match effect {
            Effect::Announce { epoch, notice: Notice::EpochStart, deadlines } => {
                self.begun.set(Some(epoch));
                let letter = EpochStarted { epoch, deadlines };
                self.audience.starts.iter().for_each(|door| door.tell(letter));
            }
            Effect::Announce { epoch, notice: Notice::PhaseEnds(phase), .. } => {
                let letter = PhaseEnded { epoch, phase };
                self.audience.phases.iter().for_each(|door| door.tell(letter));
            }
            Effect::EpochEnds { epoch, next_start } => {
                let just_before = self.clock.instant_of(next_start) - SWEEP_BEFORE_NEXT;
                cx.tell_at(Sweep(epoch), just_before);
            }
        }
    }
}

/// How long before the next epoch the verifiers' sweep is due.
const SWEEP_BEFORE_NEXT: std::time::Duration = std::time::Duration::from_millis(10);

impl Actor for CoordinatorActor {
    const KIND: &'static str = "coordinator";

    fn started(&mut self, cx: &mut Context<Self>) {
        let now = self.clock.now();
        let (epoch, deadlines) = Session::under_way(&self.params, now);
        let is_swept = self.done.borrow().is_some_and(|done| done >= epoch);
        // A life that broke in an epoch leaves its end to the next one.
        let (epoch, deadlines) = match self.begun.get() == Some(epoch) && !is_swept {
            true => (epoch, deadlines),
            false => Session::upcoming(&self.params, now),
        };
        if deadlines.start > now {
            cx.wake_at(Some(self.clock.instant_of(deadlines.start)));
        } else {
            self.step(Input::Begin { epoch, deadlines, parties: self.parties }, cx);
        }
    }

    fn wake(&mut self, cx: &mut Context<Self>) {
        if self.mind.snapshot().parties == 0 {
            self.started(cx);
        } else {
            self.step(Input::Wake, cx);
        }
    }
}

impl Handler<Quiescent> for CoordinatorActor {
    fn handle(&mut self, letter: Quiescent, cx: &mut Context<Self>) {
        let Quiescent { party, epoch, phase } = letter;
        self.step(Input::Quiescent { party, epoch, phase }, cx);
    }
}

impl Handler<Sweep> for CoordinatorActor {
    fn handle(&mut self, Sweep(epoch): Sweep, cx: &mut Context<Self>) {
        self.audience.ends.iter().for_each(|door| door.tell(EpochEnded { epoch }));
        // Behind the letters to the verifiers, so that whoever watches sees them done.
        self.done.send_replace(Some(epoch));
        if self.last.is_some_and(|last| epoch >= last) {
            cx.wake_at(None);
        }
    }
}

impl Handler<Poison> for CoordinatorActor {
    fn handle(&mut self, _: Poison, _: &mut Context<Self>) {
        panic!("a fault world broke this coordinator");
    }
}
