//! The tally of one subject: one vote per voter, verified only when there are enough to decide.

use std::collections::BTreeMap;

use crate::block::Votes;
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::registry::Registry;
use crate::sign::{Claim, Signature, Verdicts};
use crate::terms::PartyId;

#[derive(Debug, Clone)]
struct Cast<C> {
    choice: C,
    signature: Signature,
    is_checked: bool,
}

/// What a tally made of one vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<C> {
    /// Counted.
    New,
    /// Heard before.
    Same,
    /// The voter chose otherwise before; both together may be evidence.
    Conflict(C, Signature),
    /// Not a voter.
    Stranger,
}

/// Votes on one subject, one per voter; `C` is what can be chosen.
#[derive(Debug, Clone)]
pub struct Tally<C> {
    votes: BTreeMap<PartyId, Cast<C>>,
    counts: BTreeMap<C, usize>,
}

impl<C> Default for Tally<C> {
    fn default() -> Self {
        Self { votes: BTreeMap::new(), counts: BTreeMap::new() }
    }
}

impl<C: Ord + Copy> Tally<C> {
    /// Counts a vote; `signature` is not verified yet.
    pub fn add(
        &mut self,
        registry: &Registry,
        voter: PartyId,
        choice: C,
        signature: Signature,
    ) -> Heard<C> {
        if let Some(cast) = self.votes.get(&voter) {
            if cast.choice == choice {
                return Heard::Same;
            }
            return Heard::Conflict(cast.choice, cast.signature);
        }
        if !registry.is_voter(voter) {
            return Heard::Stranger;
        }
        self.votes.insert(voter, Cast { choice, signature, is_checked: false });
        *self.counts.entry(choice).or_insert(0) += 1;
        Heard::New
    }

    /// Forgets `voter`'s vote, because its signature proved forged.
    pub fn strike(&mut self, voter: PartyId) {
        if let Some(cast) = self.votes.remove(&voter)
            && let Some(count) = self.counts.get_mut(&cast.choice)
        {
            *count -= 1;
        }
    }

    /// Whether `voter` was heard.
    #[must_use]
    pub fn has(&self, voter: PartyId) -> bool {
        self.votes.contains_key(&voter)
    }

    /// Votes heard.
    #[must_use]
    pub fn len(&self) -> usize {
        self.votes.len()
    }

    /// Whether nobody was heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// Votes for `choice`.
    #[must_use]
    pub fn count(&self, choice: &C) -> usize {
        self.counts.get(choice).copied().unwrap_or(0)
    }

    /// Votes for choices that pass `is_meant`.
    #[must_use]
    pub fn count_if(&self, is_meant: impl Fn(&C) -> bool) -> usize {
        self.counts.iter().filter(|(choice, _)| is_meant(choice)).map(|(_, n)| n).sum()
    }

    /// The proof that `choice`, signed as `message`, reached `quorum`; verifies what is not yet
    /// verified and strikes forged votes.
    pub fn decide(
        &mut self,
        choice: &C,
        message: &Digest,
        registry: &Registry,
        quorum: usize,
        verdicts: &dyn Verdicts,
    ) -> Option<Encoded<Votes>> {
        while self.count(choice) >= quorum {
            let chosen: Vec<_> =
                self.votes.iter().filter(|(_, c)| c.choice == *choice).take(quorum).collect();
            let (voters, claims): (Vec<_>, Vec<_>) = chosen
                .iter()
                .filter(|(_, cast)| !cast.is_checked)
                .filter_map(|(voter, cast)| {
                    let key = registry.voter_key(**voter)?;
                    Some((**voter, Claim { key, message: *message, signature: cast.signature }))
                })
                .unzip();
            if claims.is_empty() {
                let signatures = chosen.iter().map(|(v, cast)| (**v, cast.signature)).collect();
                return Some(Encoded::new(Votes { registry: registry.version(), signatures }));
            }
            let verdict = verdicts.check_all(&claims);
            for (voter, is_valid) in voters.into_iter().zip(verdict) {
                if !is_valid {
                    self.strike(voter);
                } else if let Some(cast) = self.votes.get_mut(&voter) {
                    cast.is_checked = true;
                }
            }
        }
        None
    }
}
