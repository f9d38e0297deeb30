//! Latest values: one token in the mailbox, and the handler gets the newest.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridpact::supervise::{
    Actor, AskError, ChildSpec, Context, Handler, Message, Overflow, Ref, Refused, recorder, spawn,
    virtual_system, within,
};
use tokio::time::sleep;

/// From a sensor; 13 breaks the mind.
#[derive(Debug, PartialEq)]
struct Reading(u32);
impl Message for Reading {
    type Reply = ();
}

/// Something else that takes a slot.
struct Other;
impl Message for Other {
    type Reply = ();
}

struct Meter(Arc<Mutex<Vec<u32>>>);
impl Actor for Meter {
    const KIND: &'static str = "meter";
}
impl Handler<Reading> for Meter {
    fn handle(&mut self, Reading(watts): Reading, _: &mut Context<Self>) {
        assert_ne!(watts, 13, "an unlucky number");
        self.0.lock().expect("not poisoned").push(watts);
    }
}
impl Handler<Other> for Meter {
    fn handle(&mut self, _: Other, _: &mut Context<Self>) {
        self.0.lock().expect("not poisoned").push(0);
    }
}

fn meter(capacity: u32) -> (Ref<Meter>, Arc<Mutex<Vec<u32>>>) {
    let read = Arc::<Mutex<Vec<u32>>>::default();
    let shared = Arc::clone(&read);
    let spec = ChildSpec::of("home/1/meter", move |_| Meter(Arc::clone(&shared)));
    (spawn(spec.mailbox(capacity, Overflow::Refuse)), read)
}

fn seen(read: &Mutex<Vec<u32>>) -> Vec<u32> {
    read.lock().expect("not poisoned").clone()
}

async fn settle() {
    sleep(Duration::from_millis(200)).await;
}

#[test]
fn however_many_values_are_set_one_slot_is_taken_and_the_newest_is_read() {
    virtual_system().block_on(async {
        let (actor, read) = meter(2);
        let latest = actor.port::<Reading>().latest();
        for watts in 100..200 {
            assert_eq!(latest.set(Reading(watts)), Ok(()));
        }
        actor.port().tell(Other).expect("ninety-nine readings took no slot");
        assert_eq!((actor.health().depth, latest.replaced()), (2, 99));
        settle().await;
        assert_eq!(seen(&read), [199, 0], "in the place of the first of them");
        latest.set(Reading(7)).expect("there is room");
        settle().await;
        assert_eq!(seen(&read), [199, 0, 7]);
        assert_eq!((actor.health().handled, actor.health().depth), (3, 0));
    });
}

#[test]
fn without_a_slot_for_its_token_a_value_is_handed_back_and_counted() {
    virtual_system().block_on(async {
        let (actor, read) = meter(1);
        let latest = actor.port::<Reading>().latest();
        actor.port().tell(Other).expect("there is room for one");
        assert_eq!(latest.set(Reading(1)), Err(Refused::Full(Reading(1))));
        assert_eq!(
            latest.set(Reading(2)),
            Err(Refused::Full(Reading(2))),
            "nothing was left behind"
        );
        let health = actor.health();
        assert_eq!(health.rejected, 2);
        assert!(health.refusals[0].0.ends_with("Reading") && health.refusals[0].1 == 2);
        settle().await;
        latest.set(Reading(3)).expect("there is room again");
        settle().await;
        assert_eq!(seen(&read), [0, 3]);
    });
}

#[test]
fn each_cell_has_its_own_value_and_clones_share_one() {
    virtual_system().block_on(async {
        let (actor, read) = meter(8);
        let (roof, grid) = (actor.port::<Reading>().latest(), actor.port::<Reading>().latest());
        for (roofs, grids) in [(1, 2), (3, 4)] {
            roof.clone().set(Reading(roofs)).expect("there is room");
            grid.set(Reading(grids)).expect("there is room");
        }
        settle().await;
        assert_eq!(seen(&read), [3, 4]);
    });
}

#[test]
fn a_value_that_breaks_the_mind_is_lost_alone_and_the_next_is_read() {
    virtual_system().block_on(async {
        let (actor, read) = meter(8);
        let latest = actor.port::<Reading>().latest();
        latest.set(Reading(13)).expect("there is room");
        settle().await;
        assert_eq!(actor.health().panics, 1);
        latest.set(Reading(5)).expect("there is room");
        settle().await;
        assert_eq!(seen(&read), [5]);
        for _ in 0..3 {
            latest.set(Reading(13)).expect("there is room");
            settle().await;
        }
        latest.set(Reading(6)).expect("a parked value has given its slot back");
        settle().await;
        latest.set(Reading(7)).expect("and its place");
        settle().await;
        let health = actor.health();
        assert_eq!((seen(&read), health.parked, health.depth), (vec![5], 2, 0));
    });
}

#[test]
fn the_ended_read_nothing_and_say_so() {
    virtual_system().block_on(async {
        let (actor, read) = meter(8);
        let latest = actor.port::<Reading>().latest();
        actor.control().pause();
        latest.set(Reading(1)).expect("there is room");
        actor.control().kill();
        actor.ended().await;
        assert_eq!(latest.set(Reading(2)), Err(Refused::Closed(Reading(2))));
        assert_eq!(seen(&read), [] as [u32; 0]);
    });
}

#[test]
fn a_recorded_door_keeps_the_newest_too() {
    virtual_system().block_on(async {
        let (port, told) = recorder::<Reading>("test/door", 1);
        let latest = port.latest();
        for watts in 1..4 {
            latest.set(Reading(watts)).expect("one slot is enough");
        }
        assert_eq!(told.take(), [Reading(3)]);
        latest.set(Reading(9)).expect("there is room");
        assert_eq!(told.take(), [Reading(9)]);
    });
}

#[test]
fn an_ask_that_gets_no_slot_in_time_is_counted_as_refused() {
    virtual_system().block_on(async {
        let read = Arc::<Mutex<Vec<u32>>>::default();
        let spec = ChildSpec::of("home/1/meter", move |_| Meter(Arc::clone(&read)));
        let actor = spawn(spec.mailbox(1, Overflow::Wait));
        actor.control().pause();
        let port = actor.port::<Other>();
        port.tell(Other).expect("there is room for one");
        let asked = port.ask(Other, within(Duration::from_millis(5))).await;
        assert_eq!((asked, actor.health().rejected), (Err(AskError::Timeout), 1));
    });
}

#[test]
fn values_set_by_many_threads_are_never_stuck() {
    const THREADS: u32 = 4;
    const EACH: u32 = 5_000;
    gridpact::supervise::real_system().block_on(async {
        let (actor, read) = meter(4);
        let latest = actor.port::<Reading>().latest();
        let senders: Vec<_> = (0..THREADS)
            .map(|_| {
                let latest = latest.clone();
                std::thread::spawn(move || {
                    (0..EACH).for_each(|_| latest.set(Reading(1)).expect("one slot is enough"));
                })
            })
            .collect();
        while senders.iter().any(|sender| !sender.is_finished()) {
            sleep(Duration::from_millis(1)).await;
        }
        for sender in senders {
            sender.join().expect("a sender does not panic");
        }
        latest.set(Reading(2)).expect("there is room");
        while seen(&read).last() != Some(&2) {
            sleep(Duration::from_millis(1)).await;
        }
        let all = u64::from(THREADS * EACH) + 1;
        assert_eq!(actor.health().handled + latest.replaced(), all, "each was read or replaced");
        assert_eq!(actor.health().depth, 0);
    });
}
