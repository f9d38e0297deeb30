//! The actor kit: supervised actors on stock actix 0.13.
//!
//! An actor is one mind behind one bounded mailbox. If the mind panics, in a handler, a wake, a stream or `started`,
//! the letter at fault is lost and nothing else: the mind is discarded and rebuilt by its factory, address and queue
//! stay. Nobody outside this room sees actix; others speak to an actor through a [`Port`].
//!
//! ```
//! use gridpact::supervise::{self, Actor, ChildSpec, Context, Handler, Message, within};
//! use std::time::Duration;
//!
//! struct Deposit(u64);
//! impl Message for Deposit {
//!     type Reply = u64;
//! }
//!
//! struct Purse {
//!     cents: u64,
//! }
//! impl Actor for Purse {
//!     const KIND: &'static str = "purse";
//! }
//! impl Handler<Deposit> for Purse {
//!     fn handle(&mut self, Deposit(cents): Deposit, _: &mut Context<Self>) -> u64 {
//!         self.cents = self.cents.checked_add(cents).expect("a purse that overflows is broken");
//!         self.cents
//!     }
//! }
//!
//! supervise::virtual_system().block_on(async {
//!     let purse = supervise::spawn(ChildSpec::of("home/1/purse", |_| Purse { cents: 5 }));
//!     let port = purse.port::<Deposit>();
//!     let soon = || within(Duration::from_secs(1));
//!     assert_eq!(port.ask(Deposit(2), soon()).await, Ok(7));
//!     assert_eq!(port.ask(Deposit(u64::MAX), soon()).await, Err(supervise::AskError::Panicked));
//!     assert_eq!(port.ask(Deposit(1), soon()).await, Ok(6), "the second life came from the factory");
//! });
//! ```
mod actor;
mod body;
mod cell;
mod context;
mod control;
mod envelope;
mod escalation;
mod gate;
mod group;
mod guard;
mod hands;
mod health;
mod heed;
mod latest;
mod link;
mod mailbox;
mod meter;
mod monitor;
mod poison;
mod policy;
mod port;
mod pulse;
mod rare;
mod rearing;
mod recorder;
mod reference;
mod registry;
mod roles;
mod spawn;
mod spec;
mod system;
mod timers;
mod turn;
mod watchdog;
mod workshop;

pub use actix::prelude::Stream;
pub use actix_rt::{Arbiter, ArbiterHandle, System, SystemRunner};
pub use actor::{Actor, Handler, Message};
pub use context::{Context, task};
pub use control::{Control, Dump};
pub use escalation::{Consequence, Escalation, Report};
pub use group::{Exceeded, Group, GroupSpec, Strategy};
pub use health::{Health, Stage};
pub use latest::Latest;
pub use mailbox::{Mailbox, Overflow};
pub use meter::Sampled;
pub use monitor::{Ended, Reason};
pub use poison::{DeadLetter, Poison};
pub use policy::{Backoff, Fault, Intensity, Restart};
pub use port::{AskError, Port, Refused};
pub use recorder::{Recorded, recorder};
pub use reference::Ref;
pub use registry::{NameTaken, Registry};
pub use roles::{Role, Roles};
pub use spawn::{spawn, spawn_on};
pub use spec::{ChildSpec, Rebirth};
pub use system::{is_virtual, real_system, virtual_system};
pub use timers::{Instant, Timer};
pub use watchdog::{Stall, Watchdog};
pub use workshop::{Delivery, Job, Workshop, WorkshopTally};

/// The instant that lies `span` ahead, for the verbs that want a deadline.
pub fn within(span: std::time::Duration) -> Instant {
    Instant::now() + span
}
