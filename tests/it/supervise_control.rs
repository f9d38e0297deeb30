//! The control plane reaches an actor whatever its mailbox holds.
use std::time::Duration;

use gridpact::supervise::{
    Actor, AskError, ChildSpec, Context, Handler, Instant, Message, Overflow, Reason, Ref, Refused,
    Stage, spawn, virtual_system, within,
};
use tokio::time::sleep;

/// Adds to a sum that only this life knows.
struct Add(u32);
impl Message for Add {
    type Reply = u32;
}

#[derive(Default)]
struct Sum(u32);
impl Actor for Sum {
    const KIND: &'static str = "sum";
    fn dump(&self) -> String {
        format!("sum {}", self.0)
    }
}
impl Handler<Add> for Sum {
    fn handle(&mut self, Add(more): Add, _: &mut Context<Self>) -> u32 {
        self.0 += more;
        self.0
    }
}

fn sum(capacity: u32) -> ChildSpec<Sum> {
    ChildSpec::of("home/1/sum", |_| Sum::default()).mailbox(capacity, Overflow::Refuse)
}

fn soon() -> Instant {
    within(Duration::from_secs(1))
}

/// A paused actor with a full mailbox.
async fn full() -> Ref<Sum> {
    let actor = spawn(sum(2).grace(Duration::from_millis(10)));
    assert_eq!(actor.port().ask(Add(1), soon()).await, Ok(1));
    actor.control().pause();
    let port = actor.port::<Add>();
    port.tell(Add(1)).expect("there is room");
    port.tell(Add(1)).expect("there is room");
    assert!(port.tell(Add(1)).is_err());
    sleep(Duration::from_millis(5)).await;
    assert_eq!((actor.health().depth, actor.health().stage), (2, Stage::Paused));
    actor
}

#[test]
fn a_full_mailbox_is_dumped_resumed_restarted_stopped_and_killed() {
    virtual_system().block_on(async {
        let actor = full().await;
        let dump = actor.control().dump(soon()).await.expect("a paused actor is dumped");
        assert_eq!((dump.text.as_str(), dump.health.depth), ("sum 1", 2));
        actor.control().resume();
        assert_eq!(actor.port().ask(Add(0), soon()).await, Err(AskError::Full), "not yet");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(actor.port().ask(Add(0), soon()).await, Ok(3));

        let actor = full().await;
        actor.control().restart();
        actor.control().resume();
        sleep(Duration::from_millis(1)).await;
        assert_eq!(actor.port().ask(Add(0), soon()).await, Ok(2), "a new mind, the old queue");
        assert_eq!((actor.health().restarts, actor.health().panics), (1, 0));

        let actor = full().await;
        actor.control().stop();
        assert_eq!(actor.ended().await, Reason::Stopped);
        assert_eq!(actor.health().handled, 3, "the grace was enough for what was inside");

        let actor = full().await;
        actor.control().kill();
        assert_eq!(actor.ended().await, Reason::Killed);
        assert_eq!(actor.health().handled, 1);
    });
}

#[test]
fn restarts_by_control_do_not_count_as_failures() {
    virtual_system().block_on(async {
        let actor = spawn(sum(8).intensity(1, Duration::from_secs(60)));
        for life in 1..20 {
            assert_eq!(actor.port().ask(Add(1), soon()).await, Ok(1));
            assert_eq!(actor.health().life, life);
            actor.control().restart();
        }
        assert_eq!(actor.port().ask(Add(1), soon()).await, Ok(1));
        assert_eq!(actor.health().panics, 0);
    });
}

#[test]
fn a_stopping_actor_takes_nothing_new_and_answers_nobody_it_did_not_hear() {
    virtual_system().block_on(async {
        let actor = spawn(sum(8));
        let port = actor.port::<Add>();
        actor.control().pause();
        let (asked, ()) = tokio::join!(biased; port.ask(Add(1), soon()), async {
            tokio::task::yield_now().await;
            actor.control().stop();
            tokio::task::yield_now().await;
            assert!(matches!(port.tell(Add(1)), Err(Refused::Closed(Add(1)))));
        });
        assert_eq!(asked, Err(AskError::Closed), "without a grace the queue is dropped");
        assert_eq!(actor.control().dump(soon()).await.map(|dump| dump.text), Err(AskError::Closed));
    });
}

#[test]
fn an_ask_given_up_while_queued_is_not_carried_out() {
    virtual_system().block_on(async {
        let actor = spawn(sum(8));
        actor.control().pause();
        let asked = actor.port().ask(Add(5), within(Duration::from_millis(3))).await;
        assert_eq!(asked, Err(AskError::Timeout));
        actor.control().resume();
        assert_eq!(actor.port().ask(Add(1), soon()).await, Ok(1));
    });
}
