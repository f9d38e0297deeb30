//! Lives: back-off, intensity, deliberate ends, factories that fail, minds that must not be touched again.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridpact::supervise::{
    Actor, Arbiter, AskError, Backoff, ChildSpec, Context, Ended, Fault, Handler, Instant, Message,
    Overflow, Reason, Refused, Registry, Restart, Stage, recorder, spawn, spawn_on, virtual_system,
    within,
};
use tokio::time::sleep;

/// What happened, in order.
type Diary = Arc<Mutex<Vec<String>>>;

fn note(diary: &Diary, line: impl Into<String>) {
    diary.lock().expect("the diary is not poisoned").push(line.into());
}

fn read(diary: &Diary) -> Vec<String> {
    diary.lock().expect("the diary is not poisoned").clone()
}

/// A mind that does what it is told and writes it down.
struct Writer {
    diary: Diary,
    life: u32,
}

/// To a writer.
#[derive(Debug, PartialEq)]
enum Do {
    Note,
    Panic,
    Stop,
    Finish,
    Fail,
}
impl Message for Do {
    type Reply = u32;
}

impl Actor for Writer {
    const KIND: &'static str = "writer";
    fn started(&mut self, _: &mut Context<Self>) {
        note(&self.diary, format!("started {}", self.life));
    }
    fn stopped(&mut self) {
        note(&self.diary, format!("stopped {}", self.life));
    }
    fn dump(&self) -> String {
        format!("writer in life {}", self.life)
    }
}

impl Handler<Do> for Writer {
    fn handle(&mut self, order: Do, cx: &mut Context<Self>) -> u32 {
        match order {
            Do::Note => {}
            Do::Panic => panic!("told to"),
            Do::Stop => cx.stop(),
            Do::Finish => cx.finish(),
            Do::Fail => cx.fail("told to"),
        }
        cx.life()
    }
}

fn writer(diary: &Diary) -> ChildSpec<Writer> {
    let diary = Arc::clone(diary);
    let exact = Backoff {
        min: Duration::from_millis(10),
        max: Duration::from_millis(60),
        jitter_percent: 0,
        seed: 0,
    };
    ChildSpec::of("home/1/writer", move |rebirth| Writer {
        diary: Arc::clone(&diary),
        life: rebirth.life,
    })
    .backoff(exact)
}

fn soon() -> Instant {
    within(Duration::from_secs(5))
}

#[test]
fn rests_double_up_to_their_maximum_and_one_failure_too_many_escalates() {
    virtual_system().block_on(async {
        let diary = Diary::default();
        let actor = spawn(writer(&diary).intensity(4, Duration::from_secs(60)));
        let port = actor.port::<Do>();
        let mut rests = Vec::new();
        for _ in 0..4 {
            let failed = Instant::now();
            assert_eq!(port.ask(Do::Panic, soon()).await, Err(AskError::Panicked));
            port.ask(Do::Note, soon()).await.expect("the next life answers");
            rests.push(failed.elapsed().as_millis());
        }
        assert_eq!(rests, [10, 20, 40, 60], "the last would be 80");
        assert_eq!(port.ask(Do::Panic, soon()).await, Err(AskError::Panicked));
        let Reason::Escalated(fault) = actor.ended().await else { panic!("it has not escalated") };
        assert_eq!(&*fault.text, "told to");
        assert!(fault.at.ends_with("Do"), "the letter at fault is named: {}", fault.at);
        assert_eq!(port.tell(Do::Note), Err(Refused::Closed(Do::Note)));
        assert_eq!(port.ask(Do::Note, soon()).await, Err(AskError::Closed));
        assert_eq!(
            (actor.health().panics, actor.health().restarts, actor.health().stage),
            (5, 4, Stage::Ended)
        );
    });
}

#[test]
fn failures_outside_the_window_are_forgotten() {
    virtual_system().block_on(async {
        let diary = Diary::default();
        let always = writer(&diary).poison(0, Duration::ZERO);
        let actor = spawn(always.intensity(1, Duration::from_secs(1)));
        for _ in 0..5 {
            assert_eq!(actor.port().ask(Do::Panic, soon()).await, Err(AskError::Panicked));
            sleep(Duration::from_secs(2)).await;
        }
        assert_eq!(actor.health().restarts, 5);
    });
}

#[test]
fn jitter_comes_from_the_seed_and_the_path() {
    let rests = |seed: u64, path: u64| {
        let backoff = Backoff { seed: seed ^ path, ..Backoff::default() };
        let mut chance = backoff.seed;
        (1..8).map(|failure| backoff.rest(failure, &mut chance)).collect::<Vec<_>>()
    };
    assert_eq!(rests(7, 0), rests(7, 0));
    assert_ne!(rests(7, 0), rests(8, 0));
    let plain = Backoff { jitter_percent: 0, ..Backoff::default() };
    let mut chance = 0;
    for (drawn, failure) in rests(7, 0).into_iter().zip(1..) {
        let full = plain.rest(failure, &mut chance);
        assert!(drawn <= full && drawn >= full.mul_f64(0.8), "{drawn:?} of {full:?}");
    }
    assert_eq!(plain.rest(u32::MAX, &mut chance), plain.max, "no overflow however often it fails");
}

#[test]
fn a_deliberate_stop_is_never_a_restart() {
    virtual_system().block_on(async {
        for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            let diary = Diary::default();
            let actor = spawn(writer(&diary).restart(restart));
            let port = actor.port::<Do>();
            assert_eq!(port.ask(Do::Stop, soon()).await, Ok(1));
            assert_eq!(actor.ended().await, Reason::Stopped);
            let by_control = spawn(writer(&diary).restart(restart));
            assert_eq!(by_control.port().ask(Do::Note, soon()).await, Ok(1));
            by_control.control().stop();
            assert_eq!(by_control.ended().await, Reason::Stopped);
            sleep(Duration::from_secs(1)).await;
            assert_eq!(read(&diary), ["started 1", "stopped 1", "started 1", "stopped 1"]);
        }
    });
}

#[test]
fn the_restart_kind_decides_about_finished_and_failed_lives() {
    virtual_system().block_on(async {
        let told = Fault { at: "", text: "told to".into() };
        for (restart, order, expected) in [
            (Restart::Permanent, Do::Finish, None),
            (Restart::Permanent, Do::Fail, None),
            (Restart::Transient, Do::Finish, Some(Reason::Finished)),
            (Restart::Transient, Do::Fail, None),
            (Restart::Temporary, Do::Finish, Some(Reason::Finished)),
            (Restart::Temporary, Do::Fail, Some(Reason::Failed(told.clone()))),
            (Restart::Temporary, Do::Panic, Some(Reason::Failed(told))),
        ] {
            let actor = spawn(writer(&Diary::default()).restart(restart));
            let port = actor.port::<Do>();
            let _ = port.ask(order, soon()).await;
            let end = match (port.ask(Do::Note, soon()).await, expected.is_some()) {
                (Ok(life), false) => {
                    assert_eq!(life, 2);
                    None
                }
                (Err(AskError::Closed), true) => Some(actor.ended().await),
                other => panic!("{restart:?}: {other:?}"),
            };
            let plain = end.map(|reason| match reason {
                Reason::Failed(fault) => Reason::Failed(Fault { at: "", text: fault.text }),
                other => other,
            });
            assert_eq!(plain, expected, "{restart:?}");
        }
    });
}

#[test]
fn a_factory_that_fails_or_panics_is_a_failed_life() {
    virtual_system().block_on(async {
        let diary = Diary::default();
        let shared = Arc::clone(&diary);
        let mut attempts = 0;
        let actor = spawn(ChildSpec::new("home/1/writer", move |rebirth| {
            attempts += 1;
            match attempts {
                1 => Err("the store is locked".to_owned()),
                2 => panic!("the store is broken"),
                _ => Ok(Writer { diary: Arc::clone(&shared), life: rebirth.life }),
            }
        }));
        assert_eq!(
            actor.port().ask(Do::Note, soon()).await,
            Ok(1),
            "the letter waited through two failures"
        );
        assert_eq!(actor.health().panics, 2);
        assert_eq!(
            actor.health().last_fault.map(|fault| fault.text.to_string()).as_deref(),
            Some("the store is broken")
        );
    });
}

/// Counts every touch; panics when it is told to, and while it is dropped.
struct Glass {
    touched: Arc<AtomicU32>,
    cracked: bool,
}
impl Actor for Glass {
    const KIND: &'static str = "glass";
    fn stopped(&mut self) {
        self.touched.fetch_add(1, Ordering::Relaxed);
    }
}
impl Handler<Do> for Glass {
    fn handle(&mut self, _: Do, _: &mut Context<Self>) -> u32 {
        self.cracked = true;
        panic!("cracked");
    }
}
impl Drop for Glass {
    fn drop(&mut self) {
        assert!(!self.cracked, "a cracked glass breaks when it is put away");
    }
}

#[test]
fn a_failed_life_is_not_touched_again_and_its_drop_may_panic() {
    let touched = Arc::new(AtomicU32::new(0));
    let system = virtual_system();
    system.block_on(async {
        let shared = Arc::clone(&touched);
        let glass = move |_: &_| Glass { touched: Arc::clone(&shared), cracked: false };
        let temporary =
            spawn(ChildSpec::of("home/1/glass", glass.clone()).restart(Restart::Temporary));
        assert_eq!(temporary.port().ask(Do::Note, soon()).await, Err(AskError::Panicked));
        assert!(matches!(temporary.ended().await, Reason::Failed(_)));
        let resting = spawn(ChildSpec::of("home/2/glass", glass));
        assert_eq!(resting.port().ask(Do::Note, soon()).await, Err(AskError::Panicked));
        assert_eq!(resting.health().stage, Stage::Resting);
        std::mem::forget(resting);
    });
    drop(system);
    assert_eq!(touched.load(Ordering::Relaxed), 0, "`stopped` is for healthy minds");
}

#[test]
fn an_arbiter_that_ends_stops_healthy_minds_and_says_so() {
    let diary = Diary::default();
    let system = virtual_system();
    let actor = system.block_on(async {
        let actor = spawn(writer(&diary));
        assert_eq!(actor.port().ask(Do::Note, soon()).await, Ok(1));
        actor
    });
    drop(system);
    assert_eq!(read(&diary), ["started 1", "stopped 1"]);
    assert_eq!(actor.health().stage, Stage::Ended);
    assert_eq!(actor.port().tell(Do::Note), Err(Refused::Closed(Do::Note)));
}

#[test]
fn an_actor_nobody_holds_handles_what_it_has_and_ends() {
    virtual_system().block_on(async {
        let diary = Diary::default();
        let actor = spawn(writer(&diary));
        let (to, ends) = recorder::<Ended>("test/monitor", 1);
        actor.monitor(&to);
        let weak = actor.port::<Do>().downgrade();
        weak.tell(Do::Note).expect("there is room");
        drop(actor);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(ends.take(), [Ended { name: "home/1/writer".into(), reason: Reason::Unheld }]);
        assert_eq!(read(&diary), ["started 1", "stopped 1"]);
        assert!(weak.is_closed());
    });
}

#[test]
fn the_registry_holds_by_name_and_forgets_the_ended() {
    virtual_system().block_on(async {
        let registry = Registry::new();
        let actor = spawn(writer(&Diary::default()));
        registry.enter(&actor).expect("the name is free");
        let twin = spawn(writer(&Diary::default()));
        assert_eq!(
            registry.enter(&twin).map_err(|taken| taken.to_string()),
            Err("the name home/1/writer is taken".into())
        );
        drop((actor, twin));
        sleep(Duration::from_millis(1)).await;
        assert_eq!(registry.names(), ["home/1/writer".into()]);
        let health = registry.health();
        assert_eq!(
            health.iter().map(|one| (&*one.name, one.kind)).collect::<Vec<_>>(),
            [("home/1/writer", "writer")]
        );
        assert!(registry.find::<Glass>("home/1/writer").is_none(), "of another kind");
        let port = registry.port::<Writer, Do>("home/1/writer").expect("held by the registry");
        assert_eq!(port.ask(Do::Note, soon()).await, Ok(1));
        registry.find::<Writer>("home/1/writer").expect("still there").control().kill();
        sleep(Duration::from_millis(1)).await;
        assert!(registry.names().is_empty());
    });
}

#[test]
fn letters_wait_for_a_slot_until_their_deadline_and_no_longer() {
    virtual_system().block_on(async {
        let actor = spawn(writer(&Diary::default()).mailbox(1, Overflow::Wait));
        let port = actor.port::<Do>();
        actor.control().pause();
        port.tell(Do::Note).expect("there is room for one");
        assert_eq!(port.tell(Do::Note), Err(Refused::Full(Do::Note)));
        let began = Instant::now();
        let late = port.tell_wait(Do::Note, within(Duration::from_millis(30))).await;
        assert_eq!((late, began.elapsed().as_millis()), (Err(Refused::Full(Do::Note)), 30));
        let (waited, ()) = tokio::join!(biased; port.tell_wait(Do::Note, soon()), async {
            sleep(Duration::from_millis(10)).await;
            actor.control().resume();
        });
        assert_eq!(waited, Ok(()));
        sleep(Duration::from_millis(1)).await;
        assert_eq!((actor.health().handled, actor.health().depth), (2, 0), "no slot has leaked");
    });
}

#[test]
fn a_panic_in_the_middle_of_a_long_queue_costs_one_letter() {
    virtual_system().block_on(async {
        let actor = spawn(writer(&Diary::default()).mailbox(1000, Overflow::Refuse));
        let port = actor.port::<Do>();
        for nth in 0..1000 {
            port.tell(if nth % 400 == 150 { Do::Panic } else { Do::Note }).expect("there is room");
        }
        sleep(Duration::from_millis(200)).await;
        let health = actor.health();
        assert_eq!((health.handled, health.panics, health.depth, health.life), (997, 3, 0, 4));
    });
}

/// Counts letters and never sees more of them waiting than its mailbox may hold.
struct Counter(Arc<AtomicU32>);
impl Actor for Counter {
    const KIND: &'static str = "counter";
}
impl Handler<Do> for Counter {
    fn handle(&mut self, _: Do, cx: &mut Context<Self>) -> u32 {
        assert!(cx.control().health().depth <= 32, "the bound holds over threads");
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[test]
fn letters_from_other_threads_are_bounded_and_none_is_lost() {
    const THREADS: u32 = 4;
    const EACH: u32 = 5_000;
    let counted = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&counted);
    gridpact::supervise::real_system().block_on(async move {
        let spec = ChildSpec::of("home/1/counter", move |_| Counter(Arc::clone(&shared)));
        let actor = spawn(spec.mailbox(32, Overflow::Wait));
        let senders: Vec<_> = (0..THREADS)
            .map(|_| {
                let port = actor.port::<Do>();
                std::thread::spawn(move || {
                    for _ in 0..EACH {
                        while port.tell(Do::Note).is_err() {
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        while actor.health().handled < u64::from(THREADS * EACH) {
            sleep(Duration::from_millis(1)).await;
        }
        for sender in senders {
            sender.join().expect("a sender does not panic");
        }
        assert_eq!((actor.health().panics, actor.health().depth), (0, 0));
    });
    assert_eq!(counted.load(Ordering::Relaxed), THREADS * EACH);
}

#[test]
fn an_actor_on_another_arbiter_is_asked_and_ends_with_it() {
    gridpact::supervise::real_system().block_on(async {
        let arbiter = Arbiter::new();
        let diary = Diary::default();
        let shared = Arc::clone(&diary);
        let actor = spawn_on(&arbiter.handle(), move || writer(&shared))
            .await
            .expect("the arbiter is alive");
        assert_eq!(actor.port().ask(Do::Note, soon()).await, Ok(1));
        arbiter.stop();
        assert_eq!(actor.ended().await, Reason::Dropped);
        arbiter.join().expect("the arbiter's thread does not panic");
        assert_eq!(read(&diary), ["started 1", "stopped 1"]);
    });
}
