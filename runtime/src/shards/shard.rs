//! One shard: an actor that owns the cells of neighbouring party numbers.
//!
//! Other shards, the coordinator and the workshop write to it. Letters between its own cells never
//! meet a mailbox; those for other shards leave in one bag each when the ring is empty. Order is
//! that of arrival, so the same letters give the same answers. A cell that panics takes its shard
//! along: deployments give each agent an actor of its own.

use std::collections::VecDeque;

use gridpact_chain::terms::{PartyId, Timestamp};

use super::alarms::Alarms;
use super::cell::{Cell, Post};
use crate::actors::{Door, EpochStarted, PhaseEnded, arm};
use crate::clock::Clock;
use crate::supervise::{
    Actor, ChildSpec, Context, Handler, Message, Overflow, Ref, Restart, spawn,
};

/// Letters handled in one go before others of the arbiter get their turn.
const LETTERS_A_TURN: usize = 65_536;

/// Shards of a community: a fixed number, so that neither cores nor sizes change the order of letters.
pub const SHARDS: u32 = 8;

/// The bound of a mailbox in which no letter is refused: within a process it would be lost.
pub const MAILBOX: u32 = u32::MAX / 2;

/// Letters for cells of one shard, with their recipients.
pub struct Bag<L>(pub Vec<(PartyId, L)>);

impl<L: Send + 'static> Message for Bag<L> {
    type Reply = ();
}

/// To itself: letters are left.
struct More;

impl Message for More {
    type Reply = ();
}

/// Which shard a party lives in: the first `size` in the first, and so on.
pub struct District<L: Send + 'static> {
    size: u32,
    doors: Vec<Door<Bag<L>>>,
}

impl<L: Send + 'static> Clone for District<L> {
    fn clone(&self) -> Self {
        Self { size: self.size, doors: self.doors.clone() }
    }
}

impl<L: Send + 'static> District<L> {
    /// A district of `parties` in `shards` of about equal size; its doors are still shut.
    #[must_use]
    pub fn new(parties: u32, shards: u32) -> Self {
        let size = parties.div_ceil(shards.max(1)).max(1);
        let count = parties.div_ceil(size);
        Self { size, doors: (0..count).map(|_| Door::shut()).collect() }
    }

    /// The parties of each shard, in order.
    pub fn shards(&self, parties: u32) -> impl Iterator<Item = std::ops::Range<u32>> + use<L> {
        let size = self.size;
        (0..parties.div_ceil(size)).map(move |n| n * size..(n * size + size).min(parties))
    }

    /// The door of a shard.
    fn door(&self, shard: usize) -> Option<&Door<Bag<L>>> {
        self.doors.get(shard)
    }

    /// A letter for `to` from outside; who does not live here hears nothing.
    pub fn tell(&self, to: PartyId, letter: L) {
        if let Some(door) = self.doors.get(self.shard_of(to)) {
            door.tell(Bag(vec![(to, letter)]));
        }
    }

    /// The same letter for each of the first `parties`.
    pub fn tell_all(&self, parties: u32, letter: impl Fn() -> L) {
        for (door, shard) in self.doors.iter().zip(self.shards(parties)) {
            door.tell(Bag(shard.map(|party| (PartyId(party), letter())).collect()));
        }
    }

    fn shard_of(&self, party: PartyId) -> usize {
        (party.0 / self.size) as usize
    }
}

/// Raises shard `number` of a district, with the cells of the parties from `first` on, and opens its
/// door. What its minds knew is gone with it: a second life would lie about the first, so there is
/// none.
pub fn raise<C: Cell>(
    number: usize,
    first: PartyId,
    district: &District<C::Letter>,
    clock: Clock,
    mut cells: impl FnMut() -> Result<Vec<C>, &'static str> + 'static,
) -> Ref<Shard<C>> {
    let own = district.clone();
    let spec = ChildSpec::new(format!("shard/{number}"), move |_: &_| {
        Ok::<_, &str>(Shard::new(first, cells()?, own.clone(), clock))
    });
    let shard = spawn(spec.restart(Restart::Temporary).mailbox(MAILBOX, Overflow::Refuse));
    if let Some(door) = district.door(number) {
        door.open(shard.port());
    }
    shard
}

/// See the file's head.
pub struct Shard<C: Cell> {
    cells: Vec<C>,
    first: PartyId,
    alarms: Alarms,

    district: District<C::Letter>,
    clock: Clock,

    /// Letters for its own cells.
    waiting: VecDeque<(u32, C::Letter)>,
    post: Post<C::Letter>,
    /// Letters for other shards, by their number.
    bags: Vec<Vec<(PartyId, C::Letter)>>,
    ringing: Vec<u32>,
    has_more: bool,
}

impl<C: Cell> Shard<C> {
    fn new(first: PartyId, cells: Vec<C>, district: District<C::Letter>, clock: Clock) -> Self {
        Self {
            alarms: Alarms::new(cells.len()),
            bags: district.doors.iter().map(|_| Vec::new()).collect(),
            cells,
            first,
            district,
            clock,
            waiting: VecDeque::new(),
            post: Post::default(),
            ringing: Vec::new(),
            has_more: false,
        }
    }

    fn index(&self, party: PartyId) -> Option<u32> {
        party.0.checked_sub(self.first.0).filter(|i| (*i as usize) < self.cells.len())
    }

    /// What a cell has said goes into the ring or a bag.
    fn sort(&mut self, cell: u32) {
        for (to, letter) in self.post.drain() {
            let own = to.0.checked_sub(self.first.0).filter(|i| (*i as usize) < self.cells.len());
            match own {
                Some(own) => self.waiting.push_back((own, letter)),
                None => {
                    if let Some(bag) = self.bags.get_mut(self.district.shard_of(to)) {
                        bag.push((to, letter));
                    }
                }
            }
        }
        self.alarms.set(cell, self.cells[cell as usize].wake_at());
    }

    /// Rings the alarms that are due, handles what waits, sends the bags and arms the next wake.
    fn work(&mut self, cx: &mut Context<Self>) {
        let now = self.clock.now();
        self.ring(now);
        for _ in 0..LETTERS_A_TURN {
            let Some((cell, letter)) = self.waiting.pop_front() else { break };
            self.cells[cell as usize].handle(now, letter, &mut self.post);
            self.sort(cell);
        }
        for (door, bag) in self.district.doors.iter().zip(&mut self.bags) {
            if !bag.is_empty() {
                door.tell(Bag(std::mem::take(bag)));
            }
        }
        if !self.waiting.is_empty() && !self.has_more {
            self.has_more = true;
            cx.tell_self(More);
        }
        arm(cx, &self.clock, self.alarms.next());
    }

    fn ring(&mut self, now: Timestamp) {
        let mut ringing = std::mem::take(&mut self.ringing);
        self.alarms.ring(now, &mut ringing);
        for cell in ringing.drain(..) {
            self.cells[cell as usize].wake(now, &mut self.post);
            self.sort(cell);
        }
        self.ringing = ringing;
    }

    /// The same letter to every cell.
    fn announce(&mut self, letter: impl Fn() -> C::Letter) {
        let cells = 0..u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        self.waiting.extend(cells.map(|cell| (cell, letter())));
    }
}

impl<C: Cell> Actor for Shard<C> {
    const KIND: &'static str = "shard";

    fn started(&mut self, cx: &mut Context<Self>) {
        for cell in 0..u32::try_from(self.cells.len()).unwrap_or(u32::MAX) {
            self.alarms.set(cell, self.cells[cell as usize].wake_at());
        }
        arm(cx, &self.clock, self.alarms.next());
    }

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.work(cx);
    }

    fn dump(&self) -> String {
        format!(
            "{} cells from {}, {} letters wait",
            self.cells.len(),
            self.first,
            self.waiting.len()
        )
    }
}

impl<C: Cell> Handler<Bag<C::Letter>> for Shard<C> {
    fn handle(&mut self, Bag(letters): Bag<C::Letter>, cx: &mut Context<Self>) {
        for (to, letter) in letters {
            if let Some(cell) = self.index(to) {
                self.waiting.push_back((cell, letter));
            }
        }
        self.work(cx);
    }
}

impl<C: Cell> Handler<More> for Shard<C> {
    fn handle(&mut self, _: More, cx: &mut Context<Self>) {
        self.has_more = false;
        self.work(cx);
    }
}

impl<C: Cell> Handler<EpochStarted> for Shard<C>
where
    C::Letter: From<EpochStarted>,
{
    fn handle(&mut self, letter: EpochStarted, cx: &mut Context<Self>) {
        self.announce(|| letter.into());
        self.work(cx);
    }
}

impl<C: Cell> Handler<PhaseEnded> for Shard<C>
where
    C::Letter: From<PhaseEnded>,
{
    fn handle(&mut self, letter: PhaseEnded, cx: &mut Context<Self>) {
        self.announce(|| letter.into());
        self.work(cx);
    }
}
