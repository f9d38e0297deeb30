//! Links: both ways, ends together unless trapped; restarts are no ends.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridpact::supervise::{
    Actor, ChildSpec, Context, Ended, Handler, Instant, Message, Reason, Ref, Restart, recorder,
    spawn, virtual_system, within,
};
use tokio::time::sleep;

/// Says which life answers, or panics.
struct Ping(bool);
impl Message for Ping {
    type Reply = u32;
}

/// Notes whose end it was told of, and its own.
struct Node(Arc<Mutex<Vec<String>>>);
impl Actor for Node {
    const KIND: &'static str = "node";
    fn stopped(&mut self) {
        self.0.lock().expect("not poisoned").push("stopped".into());
    }
}
impl Handler<Ping> for Node {
    fn handle(&mut self, Ping(fatal): Ping, cx: &mut Context<Self>) -> u32 {
        assert!(!fatal, "told to");
        cx.life()
    }
}
impl Handler<Ended> for Node {
    fn handle(&mut self, ended: Ended, _: &mut Context<Self>) {
        self.0.lock().expect("not poisoned").push(ended.name.to_string());
    }
}

type Heard = Arc<Mutex<Vec<String>>>;

fn spec(name: &'static str, heard: &Heard) -> ChildSpec<Node> {
    let heard = Arc::clone(heard);
    ChildSpec::of(name, move |_| Node(Arc::clone(&heard)))
}

fn node(name: &'static str) -> Ref<Node> {
    spawn(spec(name, &Heard::default()))
}

fn soon() -> Instant {
    within(Duration::from_secs(5))
}

async fn settle() {
    sleep(Duration::from_millis(5)).await;
}

async fn life(of: &Ref<Node>) -> Option<u32> {
    of.port().ask(Ping(false), soon()).await.ok()
}

/// How an actor ended that was pulled along.
fn with(reason: Reason) -> Option<(String, Reason)> {
    match reason {
        Reason::Linked(first) => Some((first.name.to_string(), first.reason)),
        _ => None,
    }
}

#[test]
fn whichever_side_ends_the_other_ends_in_order_and_names_the_first() {
    virtual_system().block_on(async {
        for first in [0, 1] {
            let heard = Heard::default();
            let pair = [spawn(spec("0", &heard)), spawn(spec("1", &heard))];
            pair[0].link(&pair[1]);
            assert_eq!((life(&pair[0]).await, life(&pair[1]).await), (Some(1), Some(1)));
            pair[first].control().kill();
            assert_eq!(pair[first].ended().await, Reason::Killed);
            let other = pair[1 - first].ended().await;
            assert!(!other.is_orderly(), "it ended because of a kill");
            assert_eq!(with(other), Some((first.to_string(), Reason::Killed)));
            assert_eq!(*heard.lock().expect("not poisoned"), ["stopped"], "the healthy one");
        }
    });
}

#[test]
fn an_end_runs_along_a_chain_of_links_and_round_a_ring() {
    virtual_system().block_on(async {
        let ring = [node("0"), node("1"), node("2"), node("3")];
        for (at, one) in ring.iter().enumerate() {
            one.link(&ring[(at + 1) % ring.len()]);
        }
        ring[2].control().stop();
        assert_eq!(ring[2].ended().await, Reason::Stopped);
        for other in [0, 1, 3] {
            let reason = ring[other].ended().await;
            assert!(reason.is_orderly());
            assert_eq!(with(reason), Some(("2".into(), Reason::Stopped)));
        }
    });
}

#[test]
fn a_restart_is_no_end_and_the_link_outlives_it() {
    virtual_system().block_on(async {
        let (one, other) = (node("one"), node("other"));
        one.link(&other);
        assert!(one.port().ask(Ping(true), soon()).await.is_err());
        assert_eq!((life(&one).await, life(&other).await), (Some(2), Some(1)));
        other.control().stop();
        assert_eq!(with(one.ended().await), Some(("other".into(), Reason::Stopped)));
    });
}

#[test]
fn an_actor_that_traps_links_is_told_and_lives() {
    virtual_system().block_on(async {
        let heard = Heard::default();
        let keeper = spawn(spec("keeper", &heard).trap_links());
        let (one, other) = (node("one"), node("other"));
        keeper.link(&one);
        other.link(&keeper);
        one.control().kill();
        other.control().stop();
        settle().await;
        assert_eq!(life(&keeper).await, Some(1));
        assert_eq!(*heard.lock().expect("not poisoned"), ["one", "other"]);
        let third = node("third");
        third.link(&keeper);
        keeper.control().stop();
        assert_eq!(with(third.ended().await), Some(("keeper".into(), Reason::Stopped)));
    });
}

#[test]
fn a_link_to_the_ended_ends_at_once_and_a_cut_link_does_nothing() {
    virtual_system().block_on(async {
        let gone = node("gone");
        gone.control().stop();
        assert_eq!(gone.ended().await, Reason::Stopped);
        let (late, early) = (node("late"), node("early"));
        late.link(&gone);
        gone.link(&early);
        assert_eq!(with(late.ended().await), Some(("gone".into(), Reason::Stopped)));
        assert_eq!(with(early.ended().await), Some(("gone".into(), Reason::Stopped)));

        let (one, other) = (node("one"), node("other"));
        one.link(&one);
        one.link(&other);
        one.link(&other);
        other.control().unlink(&one.control());
        other.control().kill();
        settle().await;
        assert_eq!(life(&one).await, Some(1));
    });
}

#[test]
fn monitors_hear_of_a_linked_end_and_a_link_does_not_keep_alive() {
    virtual_system().block_on(async {
        let (to, ends) = recorder::<Ended>("test/monitor", 4);
        let (one, other) = (node("one"), node("other"));
        one.link(&other);
        one.monitor(&to);
        other.monitor(&to);
        drop(one);
        settle().await;
        let ends: Vec<String> = ends
            .take()
            .into_iter()
            .map(|ended| format!("{} {:?}", ended.name, ended.reason))
            .collect();
        assert_eq!(ends.len(), 2, "{ends:?}");
        assert_eq!(ends[0], "one Unheld");
        assert!(ends[1].starts_with("other Linked") && ends[1].contains("Unheld"), "{}", ends[1]);
    });
}

#[test]
fn a_paused_a_resting_and_an_unborn_actor_are_pulled_along() {
    virtual_system().block_on(async {
        let (first, paused, resting, unborn) =
            (node("first"), node("paused"), node("resting"), node("unborn"));
        for other in [&paused, &resting, &unborn] {
            first.link(other);
        }
        paused.control().pause();
        settle().await;
        assert!(resting.port().ask(Ping(true), soon()).await.is_err());
        first.control().kill();
        for other in [&paused, &resting, &unborn] {
            assert_eq!(with(other.ended().await), Some(("first".into(), Reason::Killed)));
        }
    });
}

#[test]
fn who_ends_for_a_reason_of_its_own_says_so() {
    virtual_system().block_on(async {
        let (one, other) = (node("one"), node("other"));
        one.link(&other);
        other.control().stop();
        one.control().kill();
        assert_eq!((one.ended().await, other.ended().await), (Reason::Killed, Reason::Stopped));
        let (frail, friend) =
            (spawn(spec("frail", &Heard::default()).restart(Restart::Temporary)), node("friend"));
        frail.link(&friend);
        assert!(frail.port().ask(Ping(true), soon()).await.is_err());
        let Reason::Failed(fault) = frail.ended().await else { panic!("it has not failed") };
        assert_eq!(with(friend.ended().await), Some(("frail".into(), Reason::Failed(fault))));
    });
}
