//! Forming a coalition for one task (protocol 5): neighbours first, then one random member per
//! step is asked for its neighbours, while time is left, somebody is unseen and the depth allows.
//!
//! It knows who is a member and who has answered; it knows nothing about prices.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::terms::{Energy, PartyId};

use super::limits::{MEMBERS_MAX, NEIGHBOURS_MAX};
use super::message::{About, CoalitionReply, CoalitionRequest, Message, NeighbourQuery, Reason};
use super::reason::Tally;
use super::resend::{Attempt, Due};
use super::turn::Turn;
use crate::local::door::Block;
use crate::params::{Growth, PPM};

#[derive(Debug)]
struct Member {
    /// Propagation step in which it was found.
    depth: u32,
    /// The unanswered request.
    asked: Option<Attempt>,
    /// Whether it has been asked for its neighbours.
    picked: bool,
}

/// The members of one task and what they said.
#[derive(Debug)]
pub(crate) struct Coalition {
    about: About,
    block: Arc<Block>,
    members: BTreeMap<PartyId, Member>,
    depth: u32,
    dry_picks: u32,
    pick: Option<(PartyId, Attempt)>,
    /// Whether members may still join.
    forming: bool,
    /// Members whose answer is awaited.
    waiting: u32,
    available: u32,
    available_wh: u128,
}

impl Coalition {
    /// Invites the neighbours and takes the first step.
    pub(crate) fn begin(about: About, block: Arc<Block>, turn: &mut Turn<'_>) -> Self {
        let mut coalition = Self {
            about,
            block,
            members: BTreeMap::new(),
            depth: 1,
            dry_picks: 0,
            pick: None,
            forming: true,
            waiting: 0,
            available: 0,
            available_wh: 0,
        };
        let neighbours = turn.core.setup.neighbours.clone();
        coalition.invite(&neighbours, turn);
        coalition.grow(turn);
        coalition
    }

    /// Members asked so far.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Members that had something to sell.
    pub(crate) fn available(&self) -> u32 {
        self.available
    }

    /// Propagation steps done.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether nobody can join and no answer is awaited any more.
    pub(crate) fn is_quiescent(&self) -> bool {
        !self.forming && self.waiting == 0
    }

    /// Asks those of `found` that are unseen; how many they were.
    fn invite(&mut self, found: &[PartyId], turn: &mut Turn<'_>) -> usize {
        let me = turn.party();
        let mut unseen = 0;
        for party in found.iter().take(NEIGHBOURS_MAX) {
            let known = *party == me || self.members.contains_key(party);
            if known || self.members.len() >= MEMBERS_MAX {
                continue;
            }
            let member = Member { depth: self.depth, asked: Some(turn.attempt()), picked: false };
            self.members.insert(*party, member);
            self.waiting += 1;
            unseen += 1;
            let request = self.request(self.depth, turn);
            turn.send(*party, request);
        }
        unseen
    }

    fn request(&self, depth: u32, turn: &Turn<'_>) -> Message {
        let deadlines = turn.core.round.map(|round| round.deadlines);
        let (d1, d2) = deadlines.map_or((turn.now, turn.now), |d| (d.d1, d.d2));
        Message::CoalitionRequest(CoalitionRequest {
            about: self.about,
            block: Arc::clone(&self.block),
            d1,
            d2,
            depth,
            line_limit: turn.core.setup.line_limit,
        })
    }

    /// Whether the answers already cover the target share of the block.
    fn is_covered(&self, turn: &Turn<'_>) -> bool {
        turn.params().coalition.coverage_target_ppm.is_some_and(|target| {
            let wanted = u128::from(self.block.energy_wh.0) * u128::from(target);
            self.available_wh * PPM.unsigned_abs() as u128 >= wanted
        })
    }

    /// One propagation step, when the three conditions of the paper hold.
    fn grow(&mut self, turn: &mut Turn<'_>) {
        if !self.forming || self.pick.is_some() {
            return;
        }
        let params = &turn.params().coalition;
        let covered = self.is_covered(turn);
        if !covered && params.coverage_target_ppm.is_some() && self.waiting > 0 {
            return;
        }
        let chosen = match params.growth {
            _ if covered => None,
            Growth::One => self.any(turn),
            Growth::All => self.nearest(params.depth_max),
        };
        let Some(party) = chosen else {
            self.forming = false;
            return;
        };
        if let Some(member) = self.members.get_mut(&party) {
            member.picked = true;
            self.pick = Some((party, turn.attempt()));
            turn.send(party, Message::NeighbourQuery(NeighbourQuery { about: self.about }));
        }
    }

    /// A random member that has not been asked for its neighbours, while depth and luck allow.
    fn any(&self, turn: &mut Turn<'_>) -> Option<PartyId> {
        let params = &turn.params().coalition;
        if self.depth >= params.depth_max || self.dry_picks >= params.max_dry_picks {
            return None;
        }
        let fresh = || self.members.iter().filter(|(_, member)| !member.picked);
        let count = fresh().count();
        (count > 0).then(|| turn.draw(count)).and_then(|index| fresh().nth(index)).map(|(p, _)| *p)
    }

    /// The nearest member that has not been asked and whose neighbours are near enough.
    fn nearest(&self, depth_max: u32) -> Option<PartyId> {
        let fresh = self.members.iter().filter(|(_, m)| !m.picked && m.depth < depth_max);
        fresh.min_by_key(|(party, member)| (member.depth, **party)).map(|(party, _)| *party)
    }

    /// A member's answer; its energy when it is news and worth negotiating for.
    pub(crate) fn on_reply(
        &mut self,
        from: PartyId,
        reply: &CoalitionReply,
        tally: &mut Tally,
        turn: &mut Turn<'_>,
    ) -> Option<Energy> {
        self.settle(from, turn)?;
        match reply.declined {
            Some(reason) => tally.note(reason),
            None => {
                self.available += 1;
                self.available_wh += u128::from(reply.available_energy.0);
            }
        }
        self.grow(turn);
        reply.declined.is_none().then_some(reply.available_energy)
    }

    /// A member says the phase is over: it will not answer.
    pub(crate) fn on_expired(&mut self, from: PartyId, tally: &mut Tally, turn: &mut Turn<'_>) {
        if self.settle(from, turn).is_some() {
            tally.note(Reason::Expired);
        }
        self.on_neighbours(from, &[], turn);
    }

    /// Closes a member's request; `None` when it was closed before.
    fn settle(&mut self, from: PartyId, turn: &mut Turn<'_>) -> Option<()> {
        let attempt = self.members.get_mut(&from)?.asked.take()?;
        turn.answered(&attempt);
        if !attempt.is_silent() {
            self.waiting = self.waiting.saturating_sub(1);
        }
        Some(())
    }

    /// The picked member's neighbours. A dry pick is no propagation step: it costs no depth.
    pub(crate) fn on_neighbours(
        &mut self,
        from: PartyId,
        neighbours: &[PartyId],
        turn: &mut Turn<'_>,
    ) {
        match self.pick.take() {
            Some((party, attempt)) if party == from => turn.answered(&attempt),
            other => {
                self.pick = other;
                return;
            }
        }
        let before = self.depth;
        self.depth = match turn.params().coalition.growth {
            Growth::One => before + 1,
            Growth::All => self.members.get(&from).map_or(before, |member| member.depth + 1),
        };
        if self.invite(neighbours, turn) == 0 {
            self.depth = before;
            self.dry_picks += 1;
        }
        self.grow(turn);
    }

    /// Says again what is unanswered and stops waiting for the silent.
    pub(crate) fn on_time(&mut self, tally: &mut Tally, turn: &mut Turn<'_>) {
        let mut again = Vec::new();
        for (party, member) in &mut self.members {
            let Some(attempt) = &mut member.asked else { continue };
            let due = turn.look(attempt);
            if due == Due::Silent {
                self.waiting = self.waiting.saturating_sub(1);
                tally.note(Reason::Silent);
            }
            if due != Due::Nothing {
                again.push((*party, member.depth));
            }
        }
        for (party, depth) in again {
            let request = self.request(depth, turn);
            turn.send(party, request);
        }
        if let Some((party, mut attempt)) = self.pick.take() {
            match turn.look(&mut attempt) {
                Due::Nothing => self.pick = Some((party, attempt)),
                Due::Again => {
                    turn.send(party, Message::NeighbourQuery(NeighbourQuery { about: self.about }));
                    self.pick = Some((party, attempt));
                }
                Due::Silent => self.dry_picks += 1,
            }
        }
        self.grow(turn);
    }

    /// D1: nobody joins any more, nobody is waited for.
    pub(crate) fn close(&mut self, tally: &mut Tally) {
        tally.note_times(Reason::Silent, self.waiting);
        self.forming = false;
        self.waiting = 0;
        self.pick = None;
        for member in self.members.values_mut() {
            member.asked = None;
        }
    }
}
