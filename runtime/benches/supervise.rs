//! What supervision costs: one negotiation, the same state machines on stock actix and on the kit.
//!
//! 40 % of the agents buy. Each buyer requests 10 sellers, bargains 3 alternating offers with each and sends 3 final
//! requests: 87 letters of 16 bytes per buyer. Printed is CPU time of the process per letter on warm actors, because
//! wall time on a shared machine says nothing: medians of alternated rounds, and the median of the ratios of
//! neighbouring rounds, which have seen the same neighbours.
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use actix::prelude as stock;
use cpu_time::ProcessTime;
use gridpact::supervise::{self, Actor, ChildSpec, Context, Handler, Message, Overflow, Port, Ref};
use tokio::sync::Notify;

const SELLERS: u32 = 10;
const ROUNDS: u8 = 3;
const FINALS: u8 = 3;
const LETTERS_PER_BUYER: u64 = 87;

/// What is said, 16 bytes.
#[derive(Clone, Copy)]
struct Letter {
    price: u64,
    from: u32,
    kind: Kind,
    round: u8,
}

#[derive(Clone, Copy)]
enum Kind {
    Start,
    Request,
    Offer,
    Counter,
    Final,
    Confirm,
}

impl Message for Letter {
    type Reply = ();
}
impl stock::Message for Letter {
    type Result = ();
}

/// What all agents of one world share.
struct World {
    agents: u32,
    buyers: u32,
    open: Cell<u32>,
    over: Notify,
}

/// The mind: buyers come first in the numbering, sellers after them.
struct Prosumer {
    own: u32,
    world: Rc<World>,
    answers: u8,
    confirmed: u8,
    best: [(u64, u32); FINALS as usize],
    sold: u64,
}

impl Prosumer {
    fn new(own: u32, world: &Rc<World>) -> Self {
        Self {
            own,
            world: Rc::clone(world),
            answers: 0,
            confirmed: 0,
            best: [(u64::MAX, 0); 3],
            sold: 0,
        }
    }

    fn step(&mut self, said: Letter, mut send: impl FnMut(u32, Letter)) {
        let own = self.own;
        let say = |kind, price, round| Letter { price, from: own, kind, round };
        match said.kind {
            Kind::Start => {
                (self.answers, self.confirmed, self.best) = (0, 0, [(u64::MAX, 0); 3]);
                let sellers = self.world.agents - self.world.buyers;
                for nth in 0..SELLERS {
                    let seller =
                        (own.wrapping_mul(7919) + nth * (sellers / SELLERS) + nth) % sellers;
                    send(self.world.buyers + seller, say(Kind::Request, 1000, 0));
                }
            }
            Kind::Request => send(said.from, say(Kind::Offer, 2000 + u64::from(own % 97), 0)),
            Kind::Counter => {
                let price = said.price + (2000 + u64::from(own % 97) - said.price) / 2;
                send(said.from, say(Kind::Offer, price, said.round));
            }
            Kind::Offer if said.round < ROUNDS => {
                send(said.from, say(Kind::Counter, 1000 + (said.price - 1000) / 2, said.round + 1));
            }
            Kind::Offer => {
                self.answers += 1;
                let last = self.best.len() - 1;
                if said.price < self.best[last].0 {
                    self.best[last] = (said.price, said.from);
                    self.best.sort_unstable();
                }
                if u32::from(self.answers) == SELLERS {
                    for (price, seller) in self.best {
                        send(seller, say(Kind::Final, price, 0));
                    }
                }
            }
            Kind::Final => {
                self.sold += said.price;
                send(said.from, say(Kind::Confirm, said.price, 0));
            }
            Kind::Confirm => {
                self.confirmed += 1;
                if self.confirmed == FINALS {
                    self.world.open.set(self.world.open.get() - 1);
                    if self.world.open.get() == 0 {
                        self.world.over.notify_one();
                    }
                }
            }
        }
    }
}

type Directory<T> = Rc<OnceCell<Vec<T>>>;

/// The body on stock actix.
struct OnStock {
    mind: Prosumer,
    all: Directory<stock::Addr<OnStock>>,
}
impl stock::Actor for OnStock {
    type Context = stock::Context<Self>;
}
impl stock::Handler<Letter> for OnStock {
    type Result = ();
    fn handle(&mut self, said: Letter, _: &mut stock::Context<Self>) {
        let all = self.all.get().expect("the directory is filled before the first letter");
        self.mind.step(said, |to, letter| all[to as usize].do_send(letter));
    }
}

/// The body on the kit.
struct OnKit {
    mind: Prosumer,
    all: Directory<Port<Letter>>,
}
impl Actor for OnKit {
    const KIND: &'static str = "prosumer";
}
impl Handler<Letter> for OnKit {
    fn handle(&mut self, said: Letter, _: &mut Context<Self>) {
        let all = self.all.get().expect("the directory is filled before the first letter");
        self.mind.step(said, |to, letter| {
            all[to as usize].tell(letter).expect("the mailbox is large enough")
        });
    }
}

/// Runs one warm-up and then `sessions` negotiations; yields nanoseconds of CPU per letter.
async fn negotiate(world: &World, sessions: u32, start: impl Fn(u32, Letter)) -> f64 {
    let mut began = ProcessTime::now();
    for session in 0..=sessions {
        if session == 1 {
            began = ProcessTime::now();
        }
        world.open.set(world.buyers);
        for buyer in 0..world.buyers {
            start(buyer, Letter { price: 0, from: buyer, kind: Kind::Start, round: 0 });
        }
        world.over.notified().await;
    }
    let letters = u64::from(world.buyers) * LETTERS_PER_BUYER * u64::from(sessions);
    began.elapsed().as_nanos() as f64 / letters as f64
}

fn world(agents: u32) -> Rc<World> {
    Rc::new(World { agents, buyers: agents * 2 / 5, open: Cell::new(0), over: Notify::new() })
}

fn stock_round(agents: u32, sessions: u32) -> f64 {
    supervise::real_system().block_on(async {
        let (world, all) = (world(agents), Directory::default());
        let spawn = |own| {
            let body = OnStock { mind: Prosumer::new(own, &world), all: Rc::clone(&all) };
            stock::Actor::start(body)
        };
        let addrs: Vec<stock::Addr<OnStock>> = (0..agents).map(spawn).collect();
        assert!(all.set(addrs.clone()).is_ok());
        negotiate(&world, sessions, |to, letter| addrs[to as usize].do_send(letter)).await
    })
}

fn kit_round(agents: u32, sessions: u32) -> f64 {
    supervise::real_system().block_on(async {
        let (world, all) = (world(agents), Directory::default());
        let spawn = |own| {
            let (world, all) = (Rc::clone(&world), Rc::clone(&all));
            let make =
                move |_: &_| OnKit { mind: Prosumer::new(own, &world), all: Rc::clone(&all) };
            supervise::spawn(
                ChildSpec::of(format!("agent/{own}"), make).mailbox(256, Overflow::Refuse),
            )
        };
        let refs: Vec<Ref<OnKit>> = (0..agents).map(spawn).collect();
        let ports: Vec<Port<Letter>> = refs.iter().map(Ref::port).collect();
        assert!(all.set(ports.clone()).is_ok());
        negotiate(&world, sessions, |to, letter| {
            ports[to as usize].tell(letter).expect("there is room")
        })
        .await
    })
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn main() {
    // `cargo test --benches` starts this too, without the flag.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    println!("ns of CPU per letter");
    println!("{:>7} {:>8} {:>8} {:>6}", "agents", "actix", "kit", "ratio");
    for (agents, sessions, rounds) in [(3_000, 5, 31), (30_000, 1, 11)] {
        let (mut on_stock, mut on_kit) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            if round % 2 == 0 {
                on_stock.push(stock_round(agents, sessions));
                on_kit.push(kit_round(agents, sessions));
            } else {
                on_kit.push(kit_round(agents, sessions));
                on_stock.push(stock_round(agents, sessions));
            }
        }
        let ratios = on_stock.iter().zip(&on_kit).map(|(actix, kit)| kit / actix).collect();
        let (actix, kit, ratio) = (median(on_stock), median(on_kit), median(ratios));
        println!("{agents:>7} {actix:>8.0} {kit:>8.0} {ratio:>6.2}");
    }
}
