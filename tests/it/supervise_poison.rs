//! Poison: letters that break one life after another are parked, counted and tried again later.
use std::pin::Pin;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use gridpact::supervise::{
    Actor, AskError, Backoff, ChildSpec, Context, Handler, Instant, Message, Reason, Ref, Registry,
    Stream, spawn, virtual_system, within,
};
use tokio::time::sleep;

/// Breaks the mind it reaches, if it is bad.
struct Offer {
    from: Option<u64>,
    bad: bool,
}
impl Message for Offer {
    type Reply = u32;
    fn sender(&self) -> Option<u64> {
        self.from
    }
}

/// Another kind of letter; says which life it is.
struct Which;
impl Message for Which {
    type Reply = u32;
}

/// From a stream: breaks the mind.
struct Item;
impl Message for Item {
    type Reply = ();
}

struct Mind {
    streams: bool,
}
impl Actor for Mind {
    const KIND: &'static str = "mind";
    fn started(&mut self, cx: &mut Context<Self>) {
        if self.streams {
            cx.add_stream(Items(5));
        }
    }
}
impl Handler<Offer> for Mind {
    fn handle(&mut self, offer: Offer, cx: &mut Context<Self>) -> u32 {
        assert!(!offer.bad, "an offer of nothing");
        cx.life()
    }
}
impl Handler<Which> for Mind {
    fn handle(&mut self, _: Which, cx: &mut Context<Self>) -> u32 {
        cx.life()
    }
}
impl Handler<Item> for Mind {
    fn handle(&mut self, _: Item, _: &mut Context<Self>) {
        panic!("an item of nothing");
    }
}

/// So many items, then silence.
struct Items(u32);
impl Stream for Items {
    type Item = Item;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Task<'_>) -> Poll<Option<Item>> {
        if self.0 == 0 {
            return Poll::Pending;
        }
        self.0 -= 1;
        Poll::Ready(Some(Item))
    }
}

const TERM: Duration = Duration::from_secs(60);

fn soon() -> Instant {
    within(Duration::from_secs(5))
}

fn mind() -> ChildSpec<Mind> {
    let rest = Duration::from_millis(10);
    let exact = Backoff { min: rest, max: rest, jitter_percent: 0, seed: 0 };
    ChildSpec::of("home/1/mind", |_| Mind { streams: false }).backoff(exact)
}

async fn say(to: &Ref<Mind>, from: Option<u64>, bad: bool) -> Result<u32, AskError> {
    to.port().ask(Offer { from, bad }, soon()).await
}

#[test]
fn the_third_panic_in_a_row_parks_the_kind_and_the_actor_lives_on() {
    virtual_system().block_on(async {
        let actor = spawn(mind());
        for _ in 0..2 {
            assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked));
        }
        assert!(actor.health().dead_letters.is_empty(), "twice may be chance");
        assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked));
        for bad in [true, false, true] {
            assert_eq!(say(&actor, None, bad).await, Err(AskError::Parked));
        }
        actor.port().tell(Offer { from: None, bad: true }).expect("told letters are taken");
        assert_eq!(actor.port().ask(Which, soon()).await, Ok(4), "other kinds are handled");
        let health = actor.health();
        assert_eq!((health.panics, health.restarts, health.parked, health.depth), (3, 3, 4, 0));
        let [dead] = &health.dead_letters[..] else { panic!("{:?}", health.dead_letters) };
        assert!(dead.letter.ends_with("Offer"), "{}", dead.letter);
        assert_eq!((dead.sender, dead.panics, dead.parked), (None, 3, 4));
        assert_eq!(&*dead.fault, "an offer of nothing");
    });
}

#[test]
fn letters_of_other_kinds_between_do_not_break_the_row_and_a_good_one_does() {
    virtual_system().block_on(async {
        let actor = spawn(mind().intensity(100, TERM));
        for _ in 0..4 {
            assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked));
            assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked));
            assert!(say(&actor, None, false).await.is_ok());
        }
        for _ in 0..3 {
            assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked));
            assert!(actor.port().ask(Which, soon()).await.is_ok());
        }
        assert_eq!(say(&actor, None, true).await, Err(AskError::Parked));
    });
}

#[test]
fn only_the_sender_of_the_poison_is_parked_where_senders_are_known() {
    virtual_system().block_on(async {
        let actor = spawn(mind());
        for _ in 0..3 {
            assert_eq!(say(&actor, Some(7), true).await, Err(AskError::Panicked));
        }
        assert_eq!(say(&actor, Some(7), false).await, Err(AskError::Parked));
        assert_eq!(say(&actor, Some(8), false).await, Ok(4), "a neighbour is not to blame");
        assert_eq!(actor.health().dead_letters[0].sender, Some(7));
    });
}

#[test]
fn after_the_term_one_letter_is_let_through_and_decides() {
    virtual_system().block_on(async {
        let actor = spawn(mind().intensity(100, TERM));
        for _ in 0..3 {
            assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked));
        }
        let parked = Instant::now();
        assert_eq!(say(&actor, None, false).await, Err(AskError::Parked));
        sleep(TERM).await;
        assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked), "tried");
        assert_eq!(say(&actor, None, false).await, Err(AskError::Parked), "and parked at once");
        sleep(TERM).await;
        assert!(parked.elapsed() >= TERM * 2);
        assert!(say(&actor, None, false).await.is_ok());
        assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked), "trusted again");
        assert!(say(&actor, None, false).await.is_ok());
        let health = actor.health();
        assert_eq!((health.parked, health.dead_letters[0].parked), (2, 2), "the record stays");
    });
}

#[test]
fn a_specification_may_park_never_and_then_failures_escalate() {
    virtual_system().block_on(async {
        let actor = spawn(mind().poison(0, TERM).intensity(5, TERM));
        for _ in 0..6 {
            assert_eq!(say(&actor, None, true).await, Err(AskError::Panicked));
        }
        assert!(matches!(actor.ended().await, Reason::Escalated(_)));
        assert_eq!(actor.health().parked, 0);
    });
}

#[test]
fn items_of_a_stream_are_letters_too() {
    virtual_system().block_on(async {
        let actor = spawn(ChildSpec::of("home/1/mind", |_| Mind { streams: true }));
        sleep(Duration::from_secs(1)).await;
        let health = actor.health();
        assert_eq!(
            (health.panics, health.parked),
            (3, 5),
            "the fourth life parks what its stream has"
        );
        assert_eq!(actor.port().ask(Which, soon()).await, Ok(4));
    });
}

#[test]
fn the_registry_shows_the_dead_letters_of_everybody() {
    virtual_system().block_on(async {
        let registry = Registry::new();
        let actor = spawn(mind());
        registry.enter(&actor).expect("the name is free");
        assert!(registry.dead_letters().is_empty());
        for _ in 0..3 {
            assert_eq!(say(&actor, Some(1), true).await, Err(AskError::Panicked));
        }
        assert_eq!(say(&actor, Some(1), true).await, Err(AskError::Parked));
        let dead = registry.dead_letters();
        let dead: Vec<_> = dead.iter().map(|(name, dead)| (&**name, dead.parked)).collect();
        assert_eq!(dead, [("home/1/mind", 1)]);
        assert_eq!(registry.roles()["mind"].parked, 1);
    });
}
