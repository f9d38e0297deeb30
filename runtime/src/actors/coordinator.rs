//! The body of the coordinator: holds the Session and announces its phases.
//!
//! SCAs write to it; it speaks to every agent and node of the community. It never decides a trade,
//! and nothing waits for it: deadlines bind without it. After a crash it takes up what is alive, the
//! epoch under way and the one that still settles, whose phases then end at their deadlines; in its
//! first life it begins with the next epoch of the grid.

use std::cell::RefCell;
use std::collections::BTreeSet;
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

/// Epochs that were begun, in whatever life, and have not been swept yet: at most the one that
/// settles and the one after it.
pub type Begun = Rc<RefCell<BTreeSet<Epoch>>>;

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
        let mind = Session::new(params.clone(), last);
        Self { mind, params, parties, last, audience, done, begun, clock }
    }

    fn step(&mut self, input: Input, cx: &mut Context<Self>) {
        let mut effects = Vec::new();
        self.mind.handle(self.clock.now(), input, &mut effects);
        for effect in effects {
            self.perform(effect, cx);
        }
        arm(cx, &self.clock, self.mind.wake_at());
    }

    /// Epochs that an earlier life has left open, in order, the one under way included. One that
    /// nobody was there to begin is begun late, for its deadlines still lie ahead.
    fn left_open(&self) -> BTreeSet<Epoch> {
        let mut open = self.begun.borrow().clone();
        let done = *self.done.borrow();
        let (current, _) = Session::under_way(&self.params, self.clock.now());
        let is_over = done.is_some_and(|done| done >= current);
        let is_wanted = self.last.is_none_or(|last| current <= last);
        if (!open.is_empty() || done.is_some()) && !is_over && is_wanted {
            open.insert(current);
        }
        open
    }

    fn perform(&self, effect: Effect, cx: &mut Context<Self>) {
        match effect {
            Effect::Announce { epoch, notice: Notice::EpochStart, deadlines } => {
                self.begun.borrow_mut().insert(epoch);
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
        let open = self.left_open();
        for epoch in open.iter().copied() {
            let deadlines = self.params.deadlines(epoch.starts_at(self.params.interval_s()));
            self.step(Input::Begin { epoch, deadlines, parties: self.parties }, cx);
        }
        if open.is_empty() {
            let now = self.clock.now();
            let (epoch, deadlines) = Session::upcoming(&self.params, now);
            if deadlines.start > now {
                cx.wake_at(Some(self.clock.instant_of(deadlines.start)));
            } else {
                self.step(Input::Begin { epoch, deadlines, parties: self.parties }, cx);
            }
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
        if self.done.borrow().is_some_and(|done| done >= epoch) {
            return;
        }
        self.audience.ends.iter().for_each(|door| door.tell(EpochEnded { epoch }));
        // Behind the letters to the verifiers, so that whoever watches sees them done.
        self.done.send_replace(Some(epoch));
        self.begun.borrow_mut().remove(&epoch);
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
