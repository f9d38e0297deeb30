//! Twins: the same misfortune on stock actix, where it does its harm, and on the kit, where it does not.
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context as Task, Poll};
use std::time::Duration;

use actix::prelude as stock;
use actix::{Actor as _, ActorContext as _, AsyncContext as _};
use gridpact::supervise::{
    self, Actor, AskError, ChildSpec, Context, Handler, Message, Overflow, Reason, Ref, Stream,
    spawn, virtual_system, within,
};
use tokio::time::sleep;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Handler,
    Timer,
    Stream,
    Started,
    Nothing,
}

/// To the victim: count, or panic if it was built to.
struct Count(bool);
impl Message for Count {
    type Reply = u32;
}
impl stock::Message for Count {
    type Result = u32;
}

/// From the stream.
struct Item;
impl Message for Item {
    type Reply = ();
}

/// A stream of one item.
struct Once(bool);
impl Stream for Once {
    type Item = Item;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Task<'_>) -> Poll<Option<Item>> {
        Poll::Ready(std::mem::replace(&mut self.0, false).then_some(Item))
    }
}

/// The mind of both twins: goes wrong once, in its first life.
struct Victim {
    wrong: Wrong,
    counted: u32,
}

impl Actor for Victim {
    const KIND: &'static str = "victim";
    fn started(&mut self, cx: &mut Context<Self>) {
        match self.wrong {
            Wrong::Started => panic!("in started"),
            Wrong::Timer => cx.wake_at(Some(within(Duration::from_millis(5)))),
            Wrong::Stream => cx.add_stream(Once(true)),
            Wrong::Handler | Wrong::Nothing => {}
        }
    }
    fn wake(&mut self, _: &mut Context<Self>) {
        panic!("in a timer");
    }
}
impl Handler<Count> for Victim {
    fn handle(&mut self, Count(fatal): Count, _: &mut Context<Self>) -> u32 {
        assert!(!fatal, "in a handler");
        self.counted += 1;
        self.counted
    }
}
impl Handler<Item> for Victim {
    fn handle(&mut self, _: Item, _: &mut Context<Self>) {
        panic!("in a stream");
    }
}

/// The stock twin, under actix's own supervisor.
struct StockVictim(Victim);
impl stock::Actor for StockVictim {
    type Context = stock::Context<Self>;
    fn started(&mut self, cx: &mut Self::Context) {
        match self.0.wrong {
            Wrong::Started => panic!("in started"),
            Wrong::Timer => {
                cx.run_later(Duration::from_millis(5), |_, _| panic!("in a timer"));
            }
            Wrong::Stream => {
                cx.add_stream(Once(true));
            }
            Wrong::Handler | Wrong::Nothing => {}
        }
    }
}
impl stock::Supervised for StockVictim {
    fn restarting(&mut self, _: &mut stock::Context<Self>) {
        self.0.wrong = Wrong::Nothing;
    }
}
impl stock::Handler<Count> for StockVictim {
    type Result = u32;
    fn handle(&mut self, Count(fatal): Count, _: &mut stock::Context<Self>) -> u32 {
        assert!(!fatal, "in a handler");
        self.0.counted += 1;
        self.0.counted
    }
}
impl stock::StreamHandler<Item> for StockVictim {
    fn handle(&mut self, _: Item, _: &mut stock::Context<Self>) {
        panic!("in a stream");
    }
}

fn victim(wrong: Wrong) -> Ref<Victim> {
    let lives = Cell::new(0);
    spawn(ChildSpec::of("home/1/victim", move |_| {
        lives.set(lives.get() + 1);
        Victim { wrong: if lives.get() == 1 { wrong } else { Wrong::Nothing }, counted: 0 }
    }))
}

/// Queues three letters, the first at fault in the handler case, and says what came of the last two.
async fn on_stock(wrong: Wrong) -> [Option<u32>; 2] {
    let addr = stock::Supervisor::start(move |_| StockVictim(Victim { wrong, counted: 0 }));
    if matches!(wrong, Wrong::Timer | Wrong::Stream) {
        sleep(Duration::from_millis(20)).await;
    }
    let first = addr.send(Count(wrong == Wrong::Handler));
    let (second, third) = (addr.send(Count(false)), addr.send(Count(false)));
    let _ = first.await;
    [second.await.ok(), third.await.ok()]
}

async fn on_kit(wrong: Wrong) -> ([Option<u32>; 2], Result<u32, AskError>, u32) {
    let actor = victim(wrong);
    let port = actor.port::<Count>();
    if matches!(wrong, Wrong::Timer | Wrong::Stream) {
        sleep(Duration::from_millis(20)).await;
    }
    let soon = within(Duration::from_secs(5));
    let (first, second, third) = tokio::join!(
        biased;
        port.ask(Count(wrong == Wrong::Handler), soon),
        port.ask(Count(false), soon),
        port.ask(Count(false), soon)
    );
    ([second.ok(), third.ok()], first, actor.health().panics)
}

#[test]
fn a_panic_in_a_handler_kills_a_stock_actor_and_costs_the_kit_one_letter() {
    virtual_system().block_on(async {
        assert_eq!(on_stock(Wrong::Handler).await, [None, None]);
        assert_eq!(on_kit(Wrong::Handler).await, ([Some(1), Some(2)], Err(AskError::Panicked), 1));
    });
}

#[test]
fn a_panic_in_a_timer_kills_a_stock_actor_and_costs_the_kit_a_life() {
    virtual_system().block_on(async {
        assert_eq!(on_stock(Wrong::Timer).await, [None, None]);
        assert_eq!(on_kit(Wrong::Timer).await, ([Some(2), Some(3)], Ok(1), 1));
    });
}

#[test]
fn a_panic_in_a_stream_kills_a_stock_actor_and_costs_the_kit_a_life() {
    virtual_system().block_on(async {
        assert_eq!(on_stock(Wrong::Stream).await, [None, None]);
        assert_eq!(on_kit(Wrong::Stream).await, ([Some(2), Some(3)], Ok(1), 1));
    });
}

#[test]
fn a_panic_in_started_kills_a_stock_actor_and_costs_the_kit_a_life() {
    virtual_system().block_on(async {
        assert_eq!(on_stock(Wrong::Started).await, [None, None]);
        assert_eq!(on_kit(Wrong::Started).await, ([Some(2), Some(3)], Ok(1), 1));
    });
}

#[test]
fn the_bound_is_per_clone_on_stock_and_over_all_ports_on_the_kit() {
    virtual_system().block_on(async {
        let addr = StockVictim(Victim { wrong: Wrong::Nothing, counted: 0 }).start();
        let clones: Vec<_> = (0..1000).map(|_| addr.clone()).collect();
        let accepted = clones.iter().filter(|clone| clone.try_send(Count(false)).is_ok()).count();
        assert_eq!(accepted, 1000, "capacity 16, yet every clone brings its own slot");

        let spec = ChildSpec::of("home/1/victim", |_| Victim { wrong: Wrong::Nothing, counted: 0 });
        let actor = spawn(spec.mailbox(16, Overflow::Refuse));
        let ports: Vec<_> = (0..1000).map(|_| actor.port::<Count>()).collect();
        let accepted = ports.iter().filter(|port| port.tell(Count(false)).is_ok()).count();
        assert_eq!(accepted, 16);
        assert_eq!((actor.health().depth, actor.health().rejected), (16, 984));
        let refused = ports[0].ask(Count(false), within(Duration::from_secs(1))).await;
        assert_eq!(refused, Err(AskError::Full));
    });
}

#[test]
fn the_kits_bound_holds_at_limit_minus_one_limit_and_limit_plus_one() {
    virtual_system().block_on(async {
        let spec = ChildSpec::of("home/1/victim", |_| Victim { wrong: Wrong::Nothing, counted: 0 });
        let actor = spawn(spec.mailbox(3, Overflow::Refuse));
        let port = actor.port::<Count>();
        let told: Vec<bool> = (0..4).map(|_| port.tell(Count(false)).is_ok()).collect();
        assert_eq!(told, [true, true, true, false]);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(actor.health().depth, 0);
        assert!(port.tell(Count(false)).is_ok());
    });
}

/// Tells itself the next letter from each one, up to a limit.
struct Flood(u32);
impl Message for Flood {
    type Reply = ();
}
impl stock::Message for Flood {
    type Result = ();
}

const FLOOD: u32 = 20_000;

struct Flooder;
impl Actor for Flooder {
    const KIND: &'static str = "flooder";
}
impl Handler<Flood> for Flooder {
    fn handle(&mut self, Flood(left): Flood, cx: &mut Context<Self>) {
        if left > 0 {
            cx.own_port::<Flood>()
                .tell(Flood(left - 1))
                .expect("the slot of this letter is free again");
        }
    }
}

struct StockFlooder;
impl stock::Actor for StockFlooder {
    type Context = stock::Context<Self>;
}
impl stock::Handler<Flood> for StockFlooder {
    type Result = ();
    fn handle(&mut self, Flood(left): Flood, cx: &mut stock::Context<Self>) {
        if left > 0 {
            cx.address().do_send(Flood(left - 1));
        } else {
            cx.stop();
        }
    }
}

/// Counts its own turns until it is stopped.
fn bystander() -> (Rc<Cell<u32>>, Rc<Cell<bool>>) {
    let (turns, over) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (counted, seen) = (Rc::clone(&turns), Rc::clone(&over));
    supervise::task(async move {
        while !seen.get() {
            counted.set(counted.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    (turns, over)
}

#[test]
fn a_flooded_mailbox_starves_the_arbiter_on_stock_and_not_on_the_kit() {
    virtual_system().block_on(async {
        let addr = StockFlooder.start();
        addr.do_send(Flood(FLOOD));
        let (turns, over) = bystander();
        while addr.connected() {
            tokio::task::yield_now().await;
        }
        assert!(
            turns.get() <= 1,
            "the whole flood ran in one poll, but a bystander had {} turns",
            turns.get()
        );
        over.set(true);

        let actor =
            spawn(ChildSpec::of("home/1/flooder", |_| Flooder).mailbox(2, Overflow::Refuse));
        actor.port().tell(Flood(FLOOD)).expect("an empty mailbox has room");
        let (turns, over) = bystander();
        while actor.health().handled <= u64::from(FLOOD) {
            tokio::task::yield_now().await;
        }
        assert!(turns.get() >= FLOOD / 128, "{} turns during {FLOOD} letters", turns.get());
        over.set(true);
    });
}

/// Stops itself as soon as it starts.
struct Quitter(Arc<AtomicU32>);
impl Actor for Quitter {
    const KIND: &'static str = "quitter";
    fn started(&mut self, cx: &mut Context<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        cx.stop();
    }
}

/// On stock it stops itself a hundred thousand times before it gives in, or the test would not end.
struct StockQuitter(Rc<Cell<u32>>);
impl stock::Actor for StockQuitter {
    type Context = stock::Context<Self>;
    fn started(&mut self, cx: &mut stock::Context<Self>) {
        self.0.set(self.0.get() + 1);
        if self.0.get() < 100_000 {
            cx.stop();
        }
    }
}
impl stock::Supervised for StockQuitter {}

#[test]
fn a_stop_in_started_restarts_for_ever_on_stock_and_stops_on_the_kit() {
    virtual_system().block_on(async {
        let starts = Rc::new(Cell::new(0));
        let counted = Rc::clone(&starts);
        let _addr = stock::Supervisor::start(move |_| StockQuitter(counted));
        let (turns, over) = bystander();
        while starts.get() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(starts.get(), 100_000);
        assert!(
            turns.get() <= 1,
            "nobody else ran meanwhile, but a bystander had {} turns",
            turns.get()
        );
        over.set(true);

        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let actor = spawn(ChildSpec::of("home/1/quitter", move |_| Quitter(Arc::clone(&counted))));
        assert_eq!(actor.ended().await, Reason::Stopped);
        assert_eq!(starts.load(Ordering::Relaxed), 1);
    });
}
