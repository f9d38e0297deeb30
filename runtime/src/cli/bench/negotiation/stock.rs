//! The yardstick of the supervised actors: the same traders on actix as it is, without supervision,
//! bounds or guard.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor as _, Addr, AsyncContext as _, SpawnHandle, WeakAddr};
use gridpact_chain::terms::Timestamp;

use super::hosts::{Counted, Standing, Told};
use super::trader::{Commons, Letter};
use crate::clock::Clock;
use crate::shards::{Cell as _, Post};

/// What it is called as a limit.
pub(super) const NAME: &str = "the same on stock actix";

impl actix::Message for Told {
    type Result = ();
}

/// A trader in an actor of actix as it is.
struct Stock {
    cell: Counted,
    post: Post<Letter>,
    all: Rc<RefCell<Vec<WeakAddr<Stock>>>>,
    clock: Clock,
    armed: Option<(Timestamp, SpawnHandle)>,
}

impl Stock {
    fn speak(&mut self, cx: &mut actix::Context<Self>) {
        let all = self.all.borrow();
        for (to, letter) in self.post.drain() {
            if let Some(addr) = all.get(to.0 as usize).and_then(WeakAddr::upgrade) {
                addr.do_send(Told(letter));
            }
        }
        drop(all);
        let at = self.cell.wake_at();
        if at == self.armed.map(|(at, _)| at) {
            return;
        }
        if let Some((_, timer)) = self.armed.take() {
            cx.cancel_future(timer);
        }
        if let Some(at) = at {
            let rest = Duration::from_millis(at.ms_since(self.clock.now()));
            let timer = cx.run_later(rest, |trader, cx| {
                trader.armed = None;
                trader.cell.wake(trader.clock.now(), &mut trader.post);
                trader.speak(cx);
            });
            self.armed = Some((at, timer));
        }
    }
}

impl actix::Actor for Stock {
    type Context = actix::Context<Self>;
}

impl actix::Handler<Told> for Stock {
    type Result = ();

    fn handle(&mut self, Told(letter): Told, cx: &mut actix::Context<Self>) {
        self.cell.handle(self.clock.now(), letter, &mut self.post);
        self.speak(cx);
    }
}

pub(super) fn raise(commons: &Commons, clock: Clock) -> Standing {
    let counts = Rc::default();
    let all: Rc<RefCell<Vec<WeakAddr<Stock>>>> = Rc::default();
    let mut actors = Vec::new();
    for cell in Counted::all(commons, &counts) {
        let all = Rc::clone(&all);
        actors.push(Stock { cell, post: Post::default(), all, clock, armed: None }.start());
    }
    all.borrow_mut().extend(actors.iter().map(Addr::downgrade));
    let addrs = actors.clone();
    Standing {
        start: Box::new(move |letter| {
            addrs.iter().for_each(|addr| addr.do_send(Told(Letter::Start(letter))));
        }),
        counts,
        _actors: Box::new(actors),
    }
}
