//! Ends: who hears of one, and who ends with it.
//!
//! A monitor is one-way: it is told. A link goes both ways: whatever ends one side ends the other, unless that side
//! traps links and is told instead. A restart is no end, so links outlive it. Both are kept in the supervisor's record
//! of an actor (`rare`), not in its block, and a link leaves the record of one side when the other ends.
use std::ptr::addr_eq;
use std::sync::{Arc, Weak};

use super::cell::{Cell, STOP};
use super::health::Stage;
use super::mailbox::Anchor;
use super::monitor::{Ended, Reason};
use super::rare::{Mourner, Trap};

fn is(known: &Weak<dyn Anchor>, other: &Cell) -> bool {
    known.upgrade().is_some_and(|known| addr_eq(known.cell(), other))
}

/// Ties two actors together; at once the end of one that has ended already reaches the other. Twice is once, and
/// nobody is tied to itself.
pub(crate) fn link(one: &Arc<dyn Anchor>, other: &Arc<dyn Anchor>) {
    let (a, b) = (one.cell(), other.cell());
    if addr_eq(a, b) {
        return;
    }
    if let Some(ended) = a.tie(other) {
        b.pull(&ended);
    } else if let Some(ended) = b.tie(one) {
        if a.untie(b) {
            a.pull(&ended);
        }
    } else if let Some(ended) = a.end()
        // The one has ended between the two halves and found no half of `b` to take back.
        && b.untie(a)
    {
        b.pull(&ended);
    }
}

/// Cuts what [`link`] has tied.
pub(crate) fn unlink(one: &Arc<dyn Anchor>, other: &Arc<dyn Anchor>) {
    one.cell().untie(other.cell());
    other.cell().untie(one.cell());
}

impl Cell {
    fn end(&self) -> Option<Ended> {
        let reason = self.cold().known().and_then(|rare| rare.end.clone())?;
        Some(Ended { name: Arc::clone(self.name()), reason })
    }

    /// One half of a link; the end, if it has come already.
    fn tie(&self, to: &Arc<dyn Anchor>) -> Option<Ended> {
        let mut cold = self.cold();
        let rare = cold.rare();
        if let Some(reason) = rare.end.clone() {
            return Some(Ended { name: Arc::clone(self.name()), reason });
        }
        if !rare.ties.iter().any(|known| is(known, to.cell())) {
            rare.ties.push(Arc::downgrade(to));
        }
        None
    }

    /// Takes one half back; false when there was none.
    fn untie(&self, from: &Cell) -> bool {
        let mut cold = self.cold();
        let Some(rare) = cold.known_mut() else { return false };
        let before = rare.ties.len();
        rare.ties.retain(|known| !is(known, from));
        rare.ties.len() < before
    }

    /// Tells `trap` of linked ends from now on.
    pub(crate) fn trap_links(&self, trap: Trap) {
        self.cold().rare().trap = Some(trap);
    }

    /// A linked actor has ended: this one is told if it traps, else it stops in order and for the same reason.
    fn pull(&self, ended: &Ended) {
        {
            let mut cold = self.cold();
            let rare = cold.rare();
            if rare.end.is_some() {
                return;
            }
            if let Some(trap) = &rare.trap {
                trap(ended);
                return;
            }
            // An actor that is stopping already ends for its own reason.
            if self.flags() & STOP == 0 && self.stage() != Stage::Draining {
                rare.pulled.get_or_insert_with(|| ended.first());
            }
        }
        self.stop();
    }

    /// Calls back once when the actor has ended, at once if it has already.
    pub(crate) fn mourn(&self, mourner: Mourner) {
        let reason = {
            let mut cold = self.cold();
            let rare = cold.rare();
            match rare.end.clone() {
                None => {
                    rare.mourners.push(mourner);
                    return;
                }
                Some(reason) => reason,
            }
        };
        mourner(&Ended { name: Arc::clone(self.name()), reason });
    }

    /// Records the end, shuts the mailbox for good, tells whoever wanted to know and pulls whoever is tied.
    pub(crate) fn finish(&self, reason: Reason) {
        self.shut_for_good();
        self.set_stage(Stage::Ended);
        let (ended, mourners, ties, trap) = {
            let mut cold = self.cold();
            let rare = cold.rare();
            let reason = match (rare.pulled.take(), reason) {
                (Some(first), Reason::Stopped) => Reason::Linked(Box::new(first)),
                (_, own) => own,
            };
            rare.dumps.clear();
            rare.end = Some(reason.clone());
            let ended = Ended { name: Arc::clone(self.name()), reason };
            let (mourners, ties) =
                (std::mem::take(&mut rare.mourners), std::mem::take(&mut rare.ties));
            (ended, mourners, ties, rare.trap.take())
        };
        drop(trap);
        for mourner in mourners {
            mourner(&ended);
        }
        for tied in ties.iter().filter_map(Weak::upgrade) {
            if tied.cell().untie(self) {
                tied.cell().pull(&ended);
            }
        }
    }
}
