//! What can be counted: samples, sums per role, and arbiters that stand still.
use std::sync::mpsc;
use std::time::Duration;

use gridpact::supervise::{
    Actor, ChildSpec, Context, Handler, Message, Overflow, Ref, Registry, Sampled, Watchdog,
    real_system, spawn, virtual_system, within,
};
use tokio::time::sleep;

/// Does nothing, or panics.
struct Work(bool);
impl Message for Work {
    type Reply = ();
}

struct Seller;
impl Actor for Seller {
    const KIND: &'static str = "seller";
}
impl Handler<Work> for Seller {
    fn handle(&mut self, Work(fatal): Work, _: &mut Context<Self>) {
        assert!(!fatal, "told to");
    }
}

struct Buyer;
impl Actor for Buyer {
    const KIND: &'static str = "buyer";
}

fn seller(name: &'static str) -> Ref<Seller> {
    spawn(ChildSpec::of(name, |_| Seller).mailbox(8, Overflow::Refuse))
}

fn soon() -> gridpact::supervise::Instant {
    within(Duration::from_secs(60))
}

/// An actor that has been asked 640 times.
async fn busy() -> Ref<Seller> {
    let actor = seller("home/1/seller");
    for _ in 0..640 {
        actor.port().ask(Work(false), soon()).await.expect("it answers");
    }
    actor
}

#[test]
fn one_letter_in_64_is_measured_and_none_on_virtual_time() {
    real_system().block_on(async {
        let health = busy().await.health();
        assert_eq!((health.handled, health.wait.count), (640, 10));
        assert!(
            health.wait.longest <= health.wait.sum && health.wait.mean() <= health.wait.longest
        );
        assert!(health.poll.count >= 1, "{:?}", health.poll);
    });
    virtual_system().block_on(async {
        let health = busy().await.health();
        assert_eq!(
            (health.handled, health.wait, health.poll),
            (640, Sampled::default(), Sampled::default())
        );
    });
}

#[test]
fn roles_are_summed_and_keep_the_totals_of_those_that_ended() {
    virtual_system().block_on(async {
        let registry = Registry::new();
        let sellers = [seller("home/1/seller"), seller("home/2/seller")];
        let buyer = spawn(ChildSpec::of("home/1/buyer", |_| Buyer));
        for seller in &sellers {
            registry.enter(seller).expect("the name is free");
            seller.port().ask(Work(false), soon()).await.expect("it answers");
        }
        registry.enter(&buyer).expect("the name is free");
        assert!(sellers[0].port().ask(Work(true), soon()).await.is_err());
        sellers[0].port().ask(Work(false), soon()).await.expect("the next life answers");
        sellers[1].control().pause();
        let told = (0..11).filter(|_| sellers[1].port().tell(Work(false)).is_ok()).count();
        assert_eq!(told, 8);
        let roles = registry.roles();
        assert_eq!(roles.keys().copied().collect::<Vec<_>>(), ["buyer", "seller"]);
        let role = &roles["seller"];
        assert_eq!((role.actors, role.depth, role.deepest), (2, 8, 8));
        assert_eq!((role.handled, role.rejected, role.panics, role.restarts), (3, 3, 1, 1));
        assert_eq!((roles["buyer"].actors, roles["buyer"].handled), (1, 0));

        for seller in &sellers {
            seller.control().kill();
            seller.ended().await;
        }
        let role = &registry.roles()["seller"];
        assert_eq!((role.actors, role.depth, role.deepest), (0, 0, 0));
        assert_eq!((role.handled, role.rejected, role.panics, role.restarts), (3, 3, 1, 1));
        let heir = seller("home/1/seller");
        registry.enter(&heir).expect("the name is free again");
        heir.port().ask(Work(false), soon()).await.expect("it answers");
        assert_eq!(registry.roles()["seller"].handled, 4, "a new actor adds to the old total");
    });
}

/// Holds the thread once, until somebody says a word.
struct Stuck(Option<mpsc::Receiver<()>>);
impl Actor for Stuck {
    const KIND: &'static str = "stuck";
}
impl Handler<Work> for Stuck {
    fn handle(&mut self, _: Work, _: &mut Context<Self>) {
        if let Some(held) = self.0.take() {
            held.recv().expect("the watchdog frees it");
        }
    }
}

#[test]
fn a_handler_that_holds_the_thread_is_named_and_who_waits_is_counted() {
    let (free, held) = mpsc::channel();
    let (tell, stalls) = mpsc::channel();
    real_system().block_on(async {
        let _dog = Watchdog::start("main", Duration::from_millis(5), move |stall| {
            tell.send(stall).expect("the test waits for it");
            free.send(()).expect("the handler waits for it");
        })
        .expect("a thread can be had");
        let mut held = Some(held);
        let stuck = spawn(ChildSpec::of("home/1/stuck", move |_| Stuck(held.take())));
        let (waits, paused) = (seller("home/1/seller"), seller("home/2/seller"));
        paused.control().pause();
        sleep(Duration::from_millis(1)).await;
        stuck.port().tell(Work(false)).expect("there is room");
        for seller in [&waits, &waits, &paused] {
            seller.port().tell(Work(false)).expect("there is room");
        }
        // Only the report lets the handler, and with it this task, go on.
        stuck.port().ask(Work(false), soon()).await.expect("it is free again");
    });
    let stall = stalls.try_recv().expect("it was reported");
    assert_eq!((stall.arbiter.as_str(), stall.inside.as_deref()), ("main", Some("home/1/stuck")));
    assert_eq!(
        stall.waiting, 3,
        "one for the stuck, two for the other; the paused one does not count"
    );
}

#[test]
fn in_virtual_time_there_is_no_watchdog() {
    virtual_system().block_on(async {
        assert!(Watchdog::start("main", Duration::from_millis(30), |_| ()).is_none());
    });
}
