//! Time: one wake per life, timed letters in order, and the same program twice.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridpact::supervise::{
    Actor, AskError, Backoff, ChildSpec, Context, Handler, Instant, Message, Port, Ref, recorder,
    spawn, virtual_system, within,
};
use tokio::time::sleep;

fn ms(span: u64) -> Duration {
    Duration::from_millis(span)
}

/// Arms the wake, or panics.
struct Arm(Option<u64>);
impl Message for Arm {
    type Reply = ();
}

/// A letter by number.
#[derive(Debug, PartialEq)]
struct Number(u32);
impl Message for Number {
    type Reply = ();
}

/// To a sleeper: set a timed letter to itself.
struct Remind(u32, u64);
impl Message for Remind {
    type Reply = ();
}

/// Notes when it is woken and what it is told.
struct Sleeper {
    began: Instant,
    log: Arc<Mutex<Vec<(u128, u32)>>>,
}

impl Sleeper {
    fn note(&self, number: u32) {
        self.log.lock().expect("not poisoned").push((self.began.elapsed().as_millis(), number));
    }
}

impl Actor for Sleeper {
    const KIND: &'static str = "sleeper";
    fn wake(&mut self, cx: &mut Context<Self>) {
        assert_eq!(cx.wake_armed(), None);
        self.note(0);
    }
}
impl Handler<Arm> for Sleeper {
    fn handle(&mut self, Arm(at): Arm, cx: &mut Context<Self>) {
        cx.wake_at(at.map(|at| self.began + ms(at)));
    }
}
impl Handler<Remind> for Sleeper {
    fn handle(&mut self, Remind(number, at): Remind, cx: &mut Context<Self>) {
        cx.tell_at(Number(number), self.began + ms(at));
    }
}
impl Handler<Number> for Sleeper {
    fn handle(&mut self, Number(number): Number, _: &mut Context<Self>) {
        assert_ne!(number, 13, "an unlucky number");
        self.note(number);
    }
}

type Log = Arc<Mutex<Vec<(u128, u32)>>>;

fn sleeper() -> (Ref<Sleeper>, Log) {
    let (log, began) = (Log::default(), Instant::now());
    let shared = Arc::clone(&log);
    let spec =
        ChildSpec::of("home/1/sleeper", move |_| Sleeper { began, log: Arc::clone(&shared) });
    let exact = Backoff { min: ms(10), jitter_percent: 0, ..Backoff::default() };
    (spawn(spec.backoff(exact)), log)
}

fn told(log: &Log) -> Vec<(u128, u32)> {
    log.lock().expect("not poisoned").clone()
}

#[test]
fn there_is_one_wake_and_the_last_word_counts() {
    virtual_system().block_on(async {
        let (actor, log) = sleeper();
        let port = actor.port::<Arm>();
        for at in [Some(50), Some(20), Some(80), Some(30)] {
            port.tell(Arm(at)).expect("there is room");
        }
        sleep(ms(100)).await;
        assert_eq!(told(&log), [(30, 0)]);
        port.tell(Arm(Some(150))).expect("there is room");
        port.tell(Arm(None)).expect("there is room");
        sleep(ms(100)).await;
        assert_eq!(told(&log), [(30, 0)]);
        port.tell(Arm(Some(10))).expect("a wake in the past comes at once");
        sleep(ms(1)).await;
        assert_eq!(told(&log), [(30, 0), (200, 0)]);
    });
}

#[test]
fn wakes_and_timed_letters_die_with_their_life() {
    virtual_system().block_on(async {
        let (actor, log) = sleeper();
        actor.port().tell(Arm(Some(50))).expect("there is room");
        actor.port().tell(Remind(7, 60)).expect("there is room");
        actor.port().tell_at(Number(8), within(ms(70)));
        actor.port().tell(Number(13)).expect("there is room");
        sleep(ms(100)).await;
        assert_eq!(actor.health().life, 2);
        assert_eq!(told(&log), [(70, 8)], "what others have set stays");
    });
}

#[test]
fn an_armed_wake_keeps_an_actor_that_nobody_holds() {
    virtual_system().block_on(async {
        let (actor, log) = sleeper();
        let weak = actor.port::<Number>().downgrade();
        actor.port().tell(Arm(Some(40))).expect("there is room");
        drop(actor);
        sleep(ms(30)).await;
        assert!(!weak.is_closed());
        sleep(ms(30)).await;
        assert_eq!(told(&log), [(40, 0)]);
        assert!(weak.is_closed());
    });
}

#[test]
fn timed_letters_of_one_instant_arrive_in_the_order_in_which_they_were_set() {
    virtual_system().block_on(async {
        let (port, heard) = recorder::<Number>("test/heard", 64);
        let at = within(ms(10));
        port.tell_at(Number(99), at + ms(5));
        let cancelled = port.tell_at(Number(50), at);
        for number in 0..20 {
            port.tell_at(Number(number), at);
        }
        assert!(cancelled.cancel());
        sleep(ms(12)).await;
        assert_eq!(heard.take(), (0..20).map(Number).collect::<Vec<_>>());
        assert!(!cancelled.cancel());
        sleep(ms(12)).await;
        assert_eq!(heard.take(), [Number(99)]);
    });
}

/// Asks a sleeper for nothing and passes on what comes of it.
struct Asker {
    of: Port<Arm>,
    to: Port<Number>,
}
struct Go;
impl Message for Go {
    type Reply = ();
}
struct Outcome(Result<(), AskError>);
impl Message for Outcome {
    type Reply = ();
}
impl Actor for Asker {
    const KIND: &'static str = "asker";
}
impl Handler<Go> for Asker {
    fn handle(&mut self, _: Go, cx: &mut Context<Self>) {
        cx.ask_into(&self.of, Arm(None), within(ms(5)), Outcome);
    }
}
impl Handler<Outcome> for Asker {
    fn handle(&mut self, Outcome(outcome): Outcome, _: &mut Context<Self>) {
        self.to.tell(Number(outcome.is_ok().into())).expect("there is room");
    }
}

#[test]
fn the_outcome_of_an_ask_comes_back_as_a_letter() {
    virtual_system().block_on(async {
        let (sleeper, _) = sleeper();
        let (to, heard) = recorder("test/heard", 4);
        let of = sleeper.port();
        let asker =
            spawn(ChildSpec::of("home/1/asker", move |_| Asker { of: of.clone(), to: to.clone() }));
        asker.port().tell(Go).expect("there is room");
        sleep(ms(1)).await;
        sleeper.control().pause();
        asker.port().tell(Go).expect("there is room");
        sleep(ms(10)).await;
        assert_eq!(heard.take(), [Number(1), Number(0)]);
    });
}

/// Passes a number on after a while that depends on it, and sometimes breaks.
struct Relay {
    next: Arc<Mutex<Vec<Port<Number>>>>,
    own: usize,
    log: Log,
    began: Instant,
}
impl Actor for Relay {
    const KIND: &'static str = "relay";
}
impl Handler<Number> for Relay {
    fn handle(&mut self, Number(number): Number, _: &mut Context<Self>) {
        self.log
            .lock()
            .expect("not poisoned")
            .push((self.began.elapsed().as_micros(), number ^ self.own as u32));
        assert!(number % 17 != 3, "an unlucky number");
        let ring = self.next.lock().expect("not poisoned");
        let next = &ring[(self.own * 7 + number as usize) % ring.len()];
        if number % 3 == 0 {
            next.tell_at(Number(number + 1), within(ms(u64::from(number % 5))));
        } else if let Err(refused) = next.tell(Number(number + 1)) {
            self.log.lock().expect("not poisoned").push((0, refused.into_inner().0));
        }
    }
}

fn ring(seed: u64) -> Vec<(u128, u32)> {
    let (log, next) = (Log::default(), Arc::new(Mutex::new(Vec::new())));
    virtual_system().block_on(async {
        let began = Instant::now();
        let relays: Vec<Ref<Relay>> = (0..10)
            .map(|own| {
                let (log, next) = (Arc::clone(&log), Arc::clone(&next));
                let make = move |_: &_| Relay {
                    next: Arc::clone(&next),
                    own,
                    log: Arc::clone(&log),
                    began,
                };
                let backoff = Backoff { seed, ..Backoff::default() };
                spawn(
                    ChildSpec::of(format!("ring/{own}"), make)
                        .backoff(backoff)
                        .intensity(1000, ms(1)),
                )
            })
            .collect();
        next.lock().expect("not poisoned").extend(relays.iter().map(Ref::port::<Number>));
        for relay in &relays {
            for number in 0..10 {
                relay.port().tell(Number(number * 4)).expect("there is room");
            }
        }
        sleep(Duration::from_secs(3)).await;
        next.lock().expect("not poisoned").clear();
    });
    let told = log.lock().expect("not poisoned");
    told.clone()
}

#[test]
fn the_same_seed_twice_is_the_same_run() {
    let first = ring(1);
    assert!(first.len() > 100, "{} letters", first.len());
    assert_eq!(first, ring(1));
    assert_ne!(first, ring(2), "the back-off's chance is part of the run");
}
