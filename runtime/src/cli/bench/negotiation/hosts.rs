//! The four ways to run the same traders through one epoch, on virtual time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use gridpact_chain::terms::{PartyId, Timestamp};

use super::trader::{Commons, EPOCH, Letter, Trader};
use super::{Host, Taken};
use crate::actors::EpochStarted;
use crate::clock::Clock;
use crate::shards::{self, Alarms, Cell, District, MAILBOX, Post, SHARDS};
use crate::supervise::{self, Actor, ChildSpec, Context, Handler, Message, Overflow, Port, spawn};

/// What came of one epoch.
#[derive(Default)]
struct Outcome {
    letters: u64,
    contracts: u64,
    cpu: Duration,
    wall: Duration,
}

/// Runs `epochs` epochs of `n` prosumers, each with minds of its own; the first of several warms up.
pub(super) fn measure(host: Host, n: u32, epochs: u32) -> Taken {
    let outcomes: Vec<Outcome> =
        (0..epochs).map(|seed| epoch(host, &Commons::new(n, u64::from(seed)))).collect();
    let counted = &outcomes[usize::from(outcomes.len() > 1)..];
    let sum = |figure: fn(&Outcome) -> u64| counted.iter().map(figure).sum::<u64>();
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Taken {
        letters: sum(|o| o.letters),
        contracts: sum(|o| o.contracts),
        cpu_ns: counted.iter().map(|o| nanos(o.cpu)).sum(),
        epochs: counted.len() as u64,
        wall_s: counted.iter().map(|o| o.wall.as_secs_f64()).sum::<f64>() / counted.len() as f64,
        peak_bytes: peak_bytes(),
    }
}

fn epoch(host: Host, commons: &Commons) -> Outcome {
    match host {
        Host::Loop => in_a_loop(commons),
        Host::Shards => on_virtual_time(commons, raise_shards),
        Host::Stock => on_virtual_time(commons, super::stock::raise),
        Host::Actors => on_virtual_time(commons, raise_actors),
    }
}

/// Most memory this process ever held; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Processor time of this thread beside the wall's.
struct Watch {
    cpu: ThreadTime,
    wall: Instant,
}

impl Watch {
    fn start() -> Self {
        Self { cpu: ThreadTime::now(), wall: Instant::now() }
    }

    fn stop(&self, outcome: &mut Outcome) {
        (outcome.cpu, outcome.wall) = (self.cpu.elapsed(), self.wall.elapsed());
    }
}

/// The limit: one queue.
fn in_a_loop(commons: &Commons) -> Outcome {
    let mut traders: Vec<Trader> = commons.traders().collect();
    let mut alarms = Alarms::new(traders.len());
    let (mut queue, mut post, mut ringing) = (VecDeque::new(), Post::default(), Vec::new());
    let deadlines = commons.deadlines();
    let watch = Watch::start();
    for party in (0..).take(traders.len()) {
        let start = EpochStarted { epoch: EPOCH, deadlines };
        queue.push_back((PartyId(party), Letter::Start(start)));
    }
    let mut now = commons.start();
    loop {
        while let Some((to, letter)) = queue.pop_front() {
            let trader = &mut traders[to.0 as usize];
            trader.handle(now, letter, &mut post);
            alarms.set(to.0, trader.wake_at());
            queue.extend(post.drain());
        }
        let Some(next) = alarms.next().filter(|next| *next <= deadlines.settle) else { break };
        now = next.max(now);
        alarms.ring(now, &mut ringing);
        for cell in ringing.drain(..) {
            let trader = &mut traders[cell as usize];
            trader.wake(now, &mut post);
            alarms.set(cell, trader.wake_at());
            queue.extend(post.drain());
        }
    }
    let mut outcome = Outcome::default();
    watch.stop(&mut outcome);
    traders.iter().for_each(|trader| outcome.add(trader.letters, trader.contracts));
    outcome
}

impl Outcome {
    fn add(&mut self, letters: u64, contracts: u64) {
        self.letters += letters;
        self.contracts += contracts;
    }
}

/// Letters and contracts of traders that have gone.
pub(super) type Counts = Rc<RefCell<(u64, u64)>>;

/// A host that stands: what starts it, and what counts its letters and contracts afterwards.
pub(super) struct Standing {
    pub start: Box<dyn Fn(EpochStarted)>,
    pub counts: Counts,
    pub _actors: Box<dyn std::any::Any>,
}

fn on_virtual_time(commons: &Commons, raise: fn(&Commons, Clock) -> Standing) -> Outcome {
    supervise::virtual_system().block_on(async {
        let clock = Clock::starting_at(commons.start());
        let standing = raise(commons, clock);
        // Everybody has started before the watch does.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let deadlines = commons.deadlines();
        let mut outcome = Outcome::default();
        let watch = Watch::start();
        (standing.start)(EpochStarted { epoch: EPOCH, deadlines });
        tokio::time::sleep_until(clock.instant_of(deadlines.settle.after_ms(1))).await;
        watch.stop(&mut outcome);
        let counts = Rc::clone(&standing.counts);
        drop(standing);
        // What ends says what it has counted.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (letters, contracts) = *counts.borrow();
        outcome.add(letters, contracts);
        outcome
    })
}

/// A trader that says what it has counted when it goes.
pub(super) struct Counted {
    trader: Trader,
    counts: Counts,
}

impl Counted {
    pub fn all(commons: &Commons, counts: &Counts) -> impl Iterator<Item = Self> {
        commons.traders().map(|trader| Self { trader, counts: Rc::clone(counts) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.counts.borrow_mut();
        counts.0 += self.trader.letters;
        counts.1 += self.trader.contracts;
    }
}

impl Cell for Counted {
    type Letter = Letter;

    fn handle(&mut self, now: Timestamp, letter: Letter, post: &mut Post<Letter>) {
        self.trader.handle(now, letter, post);
    }

    fn wake(&mut self, now: Timestamp, post: &mut Post<Letter>) {
        self.trader.wake(now, post);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.trader.wake_at()
    }
}

fn raise_shards(commons: &Commons, clock: Clock) -> Standing {
    let counts = Rc::default();
    let mut traders = Counted::all(commons, &counts);
    let n = commons.prosumers();
    let district: District<Letter> = District::new(n, SHARDS);
    let mut raised = Vec::new();
    for (number, parties) in district.shards(n).enumerate() {
        let first = PartyId(parties.start);
        let mut cells: Option<Vec<Counted>> = Some(traders.by_ref().take(parties.len()).collect());
        let cells = move || cells.take().ok_or("a shard has one life");
        raised.push(shards::raise(number, first, &district, clock, cells));
    }
    drop(traders);
    let ports: Vec<Port<EpochStarted>> = raised.iter().map(|shard| shard.port()).collect();
    Standing {
        start: Box::new(move |letter| ports.iter().for_each(|port| drop(port.tell(letter)))),
        counts,
        _actors: Box::new(raised),
    }
}

/// From a trader to a trader, each in an actor of its own.
pub(super) struct Told(pub Letter);

impl Message for Told {
    type Reply = ();
}

/// A trader in a supervised actor.
struct Supervised {
    cell: Counted,
    post: Post<Letter>,
    all: Rc<RefCell<Vec<Port<Told>>>>,
    clock: Clock,
}

impl Supervised {
    fn speak(&mut self, cx: &mut Context<Self>) {
        let all = self.all.borrow();
        for (to, letter) in self.post.drain() {
            if let Some(port) = all.get(to.0 as usize) {
                // The mailbox is wide enough for all that can be said.
                let _ = port.tell(Told(letter));
            }
        }
        crate::actors::arm(cx, &self.clock, self.cell.wake_at());
    }
}

impl Actor for Supervised {
    const KIND: &'static str = "trader";

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.cell.wake(self.clock.now(), &mut self.post);
        self.speak(cx);
    }
}

impl Handler<Told> for Supervised {
    fn handle(&mut self, Told(letter): Told, cx: &mut Context<Self>) {
        self.cell.handle(self.clock.now(), letter, &mut self.post);
        self.speak(cx);
    }
}

fn raise_actors(commons: &Commons, clock: Clock) -> Standing {
    let counts = Rc::default();
    let all: Rc<RefCell<Vec<Port<Told>>>> = Rc::default();
    let mut actors = Vec::new();
    for cell in Counted::all(commons, &counts) {
        let (mut cell, all) = (Some(cell), Rc::clone(&all));
        let spec = ChildSpec::new("trader", move |_| {
            let cell = cell.take().ok_or("a trader has one life")?;
            Ok::<_, &str>(Supervised { cell, post: Post::default(), all: Rc::clone(&all), clock })
        });
        actors.push(spawn(spec.mailbox(MAILBOX, Overflow::Refuse)));
    }
    all.borrow_mut().extend(actors.iter().map(|actor| actor.port::<Told>().downgrade()));
    let ports = Rc::clone(&all);
    Standing {
        start: Box::new(move |letter| {
            for port in ports.borrow().iter() {
                let _ = port.tell(Told(Letter::Start(letter)));
            }
        }),
        counts,
        _actors: Box::new(actors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_lets_the_same_traders_come_to_about_as_many_contracts() {
        let in_loop = measure(Host::Loop, 200, 2);
        assert!(in_loop.contracts > 50 && in_loop.letters > 10 * in_loop.contracts);
        assert_eq!(in_loop.epochs, 1, "the first one warms up");
        for host in [Host::Shards, Host::Stock, Host::Actors] {
            let taken = measure(host, 200, 2);
            let apart = taken.contracts.abs_diff(in_loop.contracts);
            assert!(apart * 10 <= in_loop.contracts, "{host:?}: {taken:?}, loop: {in_loop:?}");
        }
    }

    #[test]
    fn letters_pass_in_the_same_order_every_time() {
        for host in Host::ALL {
            let (one, other) = (measure(host, 40, 1), measure(host, 40, 1));
            assert_eq!((one.letters, one.contracts), (other.letters, other.contracts), "{host:?}");
        }
    }
}
