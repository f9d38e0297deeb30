//! Groups: who is restarted together, and who decides when failures are too many.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridpact::supervise::{
    Actor, AskError, Backoff, ChildSpec, Consequence, Context, Exceeded, Group, GroupSpec, Handler,
    Instant, Message, Reason, Ref, Strategy, spawn, virtual_system, within,
};
use tokio::time::sleep;

/// Says which life answers, or panics.
struct Ping(bool);
impl Message for Ping {
    type Reply = u32;
}

struct Child;
impl Actor for Child {
    const KIND: &'static str = "child";
}
impl Handler<Ping> for Child {
    fn handle(&mut self, Ping(fatal): Ping, cx: &mut Context<Self>) -> u32 {
        assert!(!fatal, "told to");
        cx.life()
    }
}

fn soon() -> Instant {
    within(Duration::from_secs(5))
}

fn child(name: &'static str, group: &Group) -> Ref<Child> {
    let exact = Backoff { min: Duration::from_millis(10), jitter_percent: 0, ..Backoff::default() };
    spawn(
        ChildSpec::of(name, |_| Child)
            .backoff(exact)
            .intensity(1, Duration::from_secs(60))
            .poison(0, Duration::ZERO)
            .group(group),
    )
}

async fn lives(children: &[Ref<Child>]) -> Vec<Option<u32>> {
    let mut lives = Vec::new();
    for child in children {
        lives.push(child.port().ask(Ping(false), soon()).await.ok());
    }
    lives
}

async fn fail(child: &Ref<Child>) {
    assert_eq!(child.port().ask(Ping(true), soon()).await, Err(AskError::Panicked));
}

#[test]
fn the_strategy_says_who_is_restarted_with_the_failed_child() {
    virtual_system().block_on(async {
        for (strategy, expected) in [
            (Strategy::OneForOne, [Some(1), Some(2), Some(1)]),
            (Strategy::OneForAll, [Some(2), Some(2), Some(2)]),
            (Strategy::RestForOne, [Some(1), Some(2), Some(2)]),
        ] {
            let root = GroupSpec::new(strategy).root(|_| panic!("nothing escalates here"));
            let children = [child("a", &root), child("b", &root), child("c", &root)];
            assert_eq!(lives(&children).await, [Some(1); 3]);
            fail(&children[1]).await;
            assert_eq!(lives(&children).await, expected, "{strategy:?}");
            assert_eq!(children[0].health().panics, 0);
        }
    });
}

#[test]
fn a_group_bears_its_share_then_the_root_is_told_and_everybody_stops() {
    virtual_system().block_on(async {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (told, reported) = (Arc::clone(&heard), Arc::clone(&heard));
        let root = GroupSpec::new(Strategy::OneForOne)
            .intensity(1, Duration::from_secs(60))
            .on_report(move |report| {
                let line = format!("{} {:?}", report.child, report.consequence);
                reported.lock().expect("not poisoned").push(line);
            })
            .root(move |escalation| {
                told.lock().expect("not poisoned").push(format!("root: {}", escalation.child));
            });
        let home =
            GroupSpec::new(Strategy::OneForAll).intensity(1, Duration::from_secs(60)).under(&root);
        let children = [child("home/a", &home), child("home/b", &home), child("other", &root)];
        assert_eq!(lives(&children).await, [Some(1); 3]);
        fail(&children[0]).await; // Borne by the child's own intensity.
        assert_eq!(lives(&children).await, [Some(2), Some(2), Some(1)]);
        fail(&children[0]).await; // Borne by its group.
        assert_eq!(lives(&children).await, [Some(3), Some(3), Some(1)]);
        fail(&children[0]).await; // The child's own again, counted afresh.
        assert_eq!(lives(&children).await, [Some(4), Some(4), Some(1)]);
        fail(&children[0]).await; // Borne by the root, which restarts all it has.
        assert_eq!(lives(&children).await, [Some(5), Some(5), Some(2)]);
        fail(&children[0]).await; // The child's own.
        fail(&children[0]).await; // Its group's own again.
        fail(&children[0]).await; // The child's own.
        fail(&children[0]).await; // Nobody's.
        assert!(matches!(children[0].ended().await, Reason::Escalated(_)));
        assert_eq!(children[1].ended().await, Reason::Stopped);
        assert_eq!(children[2].ended().await, Reason::Stopped);
        let heard = heard.lock().expect("not poisoned").clone();
        assert_eq!(heard.last().map(String::as_str), Some("home/a Escalated"));
        assert_eq!(heard[heard.len() - 2], "root: home/a");
        assert_eq!(
            heard[0],
            format!("home/a {:?}", Consequence::Restart(Duration::from_millis(10)))
        );
        assert!(root.is_empty() || root.len() == 1, "only the empty group is left");
    });
}

#[test]
fn a_group_may_give_a_child_up_and_go_on() {
    virtual_system().block_on(async {
        let root = GroupSpec::new(Strategy::OneForOne)
            .exceeded(Exceeded::GiveUp)
            .root(|_| panic!("given up, not escalated"));
        let children = [child("a", &root), child("b", &root)];
        fail(&children[0]).await;
        fail(&children[0]).await;
        assert!(matches!(children[0].ended().await, Reason::Escalated(_)));
        assert_eq!(lives(&children).await, [None, Some(1)]);
        assert_eq!(root.len(), 1);
    });
}

#[test]
fn a_group_holds_its_children_until_it_stops_them() {
    virtual_system().block_on(async {
        let root = GroupSpec::new(Strategy::OneForOne).root(|_| ());
        let port = {
            let child = child("a", &root);
            child.port::<Ping>().downgrade()
        };
        sleep(Duration::from_millis(5)).await;
        assert_eq!(port.ask(Ping(false), soon()).await, Ok(1));
        root.stop();
        assert_eq!(port.ask(Ping(false), soon()).await, Err(AskError::Closed));
        assert!(root.is_empty());
    });
}

#[test]
fn a_failed_sibling_does_not_shorten_the_rest_of_another() {
    virtual_system().block_on(async {
        let root = GroupSpec::new(Strategy::OneForAll).root(|_| panic!("nothing escalates here"));
        let slow = Backoff { min: Duration::from_secs(1), jitter_percent: 0, ..Backoff::default() };
        let resting = spawn(ChildSpec::of("slow", |_| Child).backoff(slow).group(&root));
        let quick = child("quick", &root);
        let began = Instant::now();
        assert_eq!(
            quick.port().ask(Ping(false), soon()).await,
            Ok(1),
            "born before its sibling fails"
        );
        fail(&resting).await;
        fail(&quick).await;
        assert_eq!(lives(&[quick]).await, [Some(3)], "once with its sibling, once by itself");
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!(lives(&[resting]).await, [Some(2)]);
        assert_eq!(began.elapsed().as_millis(), 1000);
    });
}
