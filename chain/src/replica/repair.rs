//! Repair: a stored pair is damaged, and a peer may have a good copy (protocol 8.7).
//!
//! Peers are asked one after another, the first by lot; whoever answers is not believed but
//! checked. While a pair is damaged nothing is settled: no pair is appended and no ledger signed.
//! Everything else is answered as before.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Alarm, Effect, Replica, Step, Timer, back_off};
use crate::block::{Pair, Proof};
use crate::digest::{Digest, tag};
use crate::ledger::Ledger;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::terms::{PartyId, Timestamp};
use crate::verifier::{Damage, check_copy};

/// Heights whose own copy is damaged, and how far the search for good ones has come.
#[derive(Debug, Default)]
pub(super) struct Repair {
    wanted: BTreeSet<u64>,
    /// The peer asked now.
    peer: Option<PartyId>,
    /// Peers asked in this round, the one asked now not counted.
    asked: u32,
    /// Rounds in which every peer was asked in vain.
    rounds: u32,
    /// Times the peer was asked again.
    resent: u32,
    /// When the next peer is asked.
    deadline: Timestamp,
    timer: Option<Timestamp>,
}

impl Repair {
    /// Whether no pair is known to be damaged.
    pub(super) fn is_idle(&self) -> bool {
        self.wanted.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    pub(super) fn wants(&self, height: u64) -> bool {
        self.wanted.contains(&height)
    }

    /// Whether these pairs are what the peer asked now may have to say: the pair asked for, or
    /// nothing.
    pub(super) fn is_answer(&self, from: PartyId, pairs: &[(Arc<Pair>, Arc<Proof>)]) -> bool {
        let first = pairs.first().map(|(pair, _)| pair.height());
        let wanted = self.wanted.first().copied();
        wanted.is_some() && self.peer == Some(from) && (first.is_none() || first == wanted)
    }
}

impl Replica {
    /// Takes pair and proof as the store holds them now, unchecked: the verifier judges them.
    pub fn reload(&mut self, height: u64, pair: Arc<Pair>, proof: Arc<Proof>) {
        self.heights.replace(height, pair, proof);
    }

    /// Heights known to be damaged and not repaired, ascending.
    pub fn suspects(&self) -> impl Iterator<Item = u64> + '_ {
        self.repair.wanted.iter().copied()
    }

    pub(super) fn on_suspect(&mut self, height: u64, step: &mut Step<'_>) {
        if height == 0 || height > self.heights.len() as u64 {
            return;
        }
        let is_first = self.repair.is_idle();
        if self.repair.wanted.insert(height) && is_first {
            (self.repair.asked, self.repair.rounds) = (0, 0);
            self.ask_peer(step);
        }
    }

    /// Asks the peer whose turn it is for the lowest damaged height.
    fn ask_peer(&mut self, step: &mut Step<'_>) {
        let Some(height) = self.repair.wanted.first().copied() else { return };
        self.repair.peer = self.peer_of(height, self.repair.asked);
        self.repair.resent = 0;
        let patience = back_off(self.params.ledger_timeout_ms, self.repair.rounds);
        self.repair.deadline = step.now.after_ms(patience);
        self.say_request(step);
    }

    /// The member asked as the `turn`-th for `height`: the first by lot, the others after it.
    fn peer_of(&self, height: u64, turn: u32) -> Option<PartyId> {
        let members = self.registry().members();
        let mut peers: Vec<_> = members.iter().map(|m| m.id).filter(|id| *id != self.me).collect();
        let (me, at) = (self.me.0.to_be_bytes(), height.to_be_bytes());
        let lot = Digest::of(tag::REPAIR, &self.community, &[&me, &at]).leading_u64();
        let first = usize::try_from(lot.checked_rem(peers.len() as u64)?).ok()?;
        peers.rotate_left(first);
        peers.get(turn as usize % peers.len()).copied()
    }

    fn say_request(&mut self, step: &mut Step<'_>) {
        let (Some(height), peer) = (self.repair.wanted.first().copied(), self.repair.peer) else {
            return;
        };
        if let Some(peer) = peer {
            step.send(peer, Message::RangeRequest { from: height, to: height });
        }
        let resend = step.now.after_ms(back_off(self.params.resend_ms, self.repair.resent));
        let at = resend.min(self.repair.deadline);
        self.timers.set(&mut self.repair.timer, Some(at), Timer::Copy);
    }

    pub(super) fn on_copy_late(&mut self, step: &mut Step<'_>) {
        self.repair.timer = None;
        if self.repair.is_idle() {
            return;
        }
        if self.repair.peer.is_none() {
            return self.ask_peer(step);
        }
        if step.now < self.repair.deadline {
            self.repair.resent += 1;
            return self.say_request(step);
        }
        self.ask_next(step);
    }

    /// The peer asked has no good copy. After the last one the operator is told; the search goes
    /// on, with more patience in each round.
    fn ask_next(&mut self, step: &mut Step<'_>) {
        let peers = self.registry().members().len().saturating_sub(1);
        let peers = u32::try_from(peers).unwrap_or(u32::MAX);
        self.repair.asked = self.repair.asked.saturating_add(1);
        if self.repair.asked < peers {
            return self.ask_peer(step);
        }
        if let Some(height) = self.repair.wanted.first().copied() {
            step.emit(Effect::Alarm(Alarm::NoGoodCopy { height, asked: peers }));
        }
        self.repair.asked = 0;
        self.repair.rounds = self.repair.rounds.saturating_add(1);
        self.repair.peer = None;
        let pause = back_off(self.params.ledger_timeout_ms, self.repair.rounds);
        self.repair.deadline = step.now;
        self.timers.set(&mut self.repair.timer, Some(step.now.after_ms(pause)), Timer::Copy);
    }

    /// The peer that was asked has answered.
    pub(super) fn on_copies(
        &mut self,
        from: PartyId,
        copies: Vec<(Arc<Pair>, Arc<Proof>)>,
        step: &mut Step<'_>,
    ) {
        let Some(height) = self.repair.wanted.first().copied() else { return };
        // The request named one height; whatever else is in the answer was not asked for.
        let judged = copies.into_iter().next().map(|(pair, proof)| {
            let verdict = self.judge(height, &pair, &proof, step);
            (pair, proof, verdict)
        });
        match judged {
            Some((pair, proof, Ok(()))) => self.heal(height, pair, proof, step),
            Some((_, _, Err(damage))) => {
                step.refuse(None, Some(from), Refusal::WrongCopy { height, damage });
                self.ask_next(step);
            }
            None => self.ask_next(step),
        }
    }

    fn judge(
        &self,
        height: u64,
        pair: &Pair,
        proof: &Proof,
        step: &Step<'_>,
    ) -> Result<(), Damage> {
        // A damaged pair above names nothing; the ledger votes do, which are always asked for.
        let above = self.heights.get(height + 1).filter(|_| !self.repair.wants(height + 1));
        let named =
            above.map(|(pair, _)| (pair.contract.prev_contract_hash, pair.ledger.prev_ledger_hash));
        check_copy(height, named, (pair, proof), &self.registries, step.verdicts)
    }

    fn heal(&mut self, height: u64, pair: Arc<Pair>, proof: Arc<Proof>, step: &mut Step<'_>) {
        self.repair.wanted.remove(&height);
        self.heights.replace(height, Arc::clone(&pair), Arc::clone(&proof));
        step.emit(Effect::Fetched(vec![(Arc::clone(&pair), Arc::clone(&proof))]));
        if let Some(votes) = proof.ledger_votes.clone()
            && self.heights.open.contains_key(&height)
        {
            self.close(height, pair.ledger.digest(&self.community), votes, step);
        }
        if !self.repair.is_idle() {
            return self.ask_peer(step);
        }
        match Ledger::rebuild(self.community, self.heights.pairs(), height, self.keys()) {
            Ok(state) => {
                // Chain time may be ahead of the last pair's: batches without pairs move it too.
                let time_ms = state.time_ms.max(self.ledger.time_ms);
                self.ledger = Ledger { time_ms, ..state };
            }
            Err(height) => {
                self.repair.wanted.insert(height);
                return self.ask_peer(step);
            }
        }
        self.repair.peer = None;
        self.timers.set(&mut self.repair.timer, None, Timer::Copy);
        self.resume(step);
    }

    /// Settles what had to wait.
    pub(super) fn resume(&mut self, step: &mut Step<'_>) {
        let is_awaited = |open: &super::settle::Open| {
            open.collecting.is_some() || !open.owed.is_empty() || self.is_all_to_all()
        };
        let open = self.heights.open.iter().filter(|(_, open)| is_awaited(open));
        let awaited: Vec<u64> = open.map(|(height, _)| *height).collect();
        for height in awaited {
            self.sign_own(height, step);
        }
        self.drain(step);
    }
}
