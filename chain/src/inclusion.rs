//! Inclusion: what shows a stranger that one contract is on the chain, knowing only the community.
//!
//! The digest of genesis names the community and genesis names the voters, so their votes on the
//! ledger block are enough; where that pair is not closed itself, the ledger blocks up to the next
//! one that is are handed along, since a certified ledger block covers all below it (protocol 8.1).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ballot::check_votes;
use crate::block::{LedgerBlock, Pair, Proof, Votes};
use crate::contract::ContractBody;
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::genesis::{Genesis, GenesisError};
use crate::keyring::Keyring;
use crate::registry::Registries;
use crate::sealed::Opening;
use crate::sign::Verdicts;
use crate::statement::Statement;

/// A contract, its pair, and the votes that cover it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// The founding document.
    pub genesis: Genesis,
    /// Every change of the members below the votes, ascending: each is on the chain by the votes of
    /// the members before it. Mostly none.
    #[serde(default)]
    pub changes: Vec<Covered>,
    /// The pair in question.
    pub pair: Pair,
    /// The ledger blocks above it, up to one that is closed; mostly none.
    pub above: Vec<Encoded<LedgerBlock>>,
    /// Votes on the last of these, or on the pair's own ledger block.
    pub votes: Encoded<Votes>,
    /// What a sealed contract says; none where it is open, or not to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
}

/// A pair and the votes that cover it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The pair.
    pub pair: Pair,
    /// Ledger blocks above it, up to one that is closed.
    pub above: Vec<Encoded<LedgerBlock>>,
    /// Votes on the last of these, or on the pair's own ledger block.
    pub votes: Encoded<Votes>,
}

/// Why nothing is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The founding document names another community.
    #[error("this is of community {0}")]
    Community(Digest),
    /// The founding document founds nothing.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The ledger block does not settle this contract block, or the blocks do not follow each other.
    #[error("the blocks are not linked at height {0}")]
    Link(u64),
    /// The votes are no quorum for it.
    #[error("the votes are no quorum of the voters for height {0}")]
    Votes(u64),
    /// A change of the members does not follow from those before it.
    #[error("the change of the members at height {0} does not follow")]
    Change(u64),
    /// The record is no contract.
    #[error("the record is no contract")]
    Record,
    /// The contract is there, but what it says is not shown; everything else holds.
    #[error("the contract is sealed, and no opening of it is shown")]
    Sealed,
    /// What is shown is not what was sealed.
    #[error("the opening is not that of the sealed contract")]
    Opening,
}

impl Inclusion {
    /// What shows that the pair of `height` is on the chain that `pairs` make from height 1; none
    /// where neither it nor any pair above is closed.
    #[must_use]
    pub fn of(genesis: &Genesis, pairs: &[(Arc<Pair>, Arc<Proof>)], height: u64) -> Option<Self> {
        let mut search = Search::of(height);
        pairs.iter().for_each(|(pair, proof)| search.take(pair, proof));
        search.finish(genesis)
    }

    /// The same, showing what its contract says where that is sealed and `keys` read it. Nothing else of
    /// the epoch is shown with it, nor what its entries say.
    #[must_use]
    pub fn showing(self, keys: &Keyring) -> Self {
        let sealed = self.pair.contract.record.sealed();
        let opening =
            sealed.and_then(|sealed| sealed.opening(&self.genesis.community(), keys).ok());
        Self { opening, ..self }
    }

    /// The contract, if it is on the chain of `community`. Of a sealed one [`InclusionError::Sealed`] says
    /// that it is there and everything holds that can be checked without what it says.
    ///
    /// # Errors
    /// The first [`InclusionError`] that applies.
    pub fn check(
        &self,
        community: &Digest,
        verdicts: &dyn Verdicts,
    ) -> Result<&ContractBody, InclusionError> {
        let own = self.genesis.community();
        if own != *community {
            return Err(InclusionError::Community(own));
        }
        self.genesis.check()?;
        let mut registries = Registries::founding(&self.genesis);
        for covered in &self.changes {
            let Covered { pair, above, votes } = covered;
            check_covered((pair, above, votes), &registries, verdicts)?;
            let change = pair.contract.record.membership();
            let change = change.ok_or(InclusionError::Change(pair.height()))?;
            // Who ordered the batches is not asked here, so any number does for the batch.
            let enacted = registries.enact(pair.height(), 0, change);
            enacted.map_err(|_| InclusionError::Change(pair.height()))?;
        }
        check_covered((&self.pair, &self.above, &self.votes), &registries, verdicts)?;
        let record = &self.pair.contract.record;
        let Some(sealed) = record.sealed() else {
            let body = record.body().ok_or(InclusionError::Record)?;
            // What stands open needs no opening, and one beside it would be read as if it counted.
            return if self.opening.is_none() { Ok(body) } else { Err(InclusionError::Opening) };
        };
        let opening = self.opening.as_ref().ok_or(InclusionError::Sealed)?;
        // The voters, who are members, found the parties' signatures on what the commitment fixes.
        if opening.fits(sealed, community) {
            Ok(&opening.body)
        } else {
            Err(InclusionError::Opening)
        }
    }
}

/// What [`Inclusion::of`] does, one pair after the other: only what still waits for votes is kept.
#[derive(Debug)]
pub struct Search {
    height: u64,
    changes: Vec<Covered>,
    /// Pairs that nothing covers yet, with the ledger blocks above them.
    open: Vec<(Pair, Vec<Encoded<LedgerBlock>>)>,
    found: Option<Covered>,
}

impl Search {
    /// A search for the pair of `height`.
    #[must_use]
    pub fn of(height: u64) -> Self {
        Self { height, changes: Vec::new(), open: Vec::new(), found: None }
    }

    /// Takes the next pair; from height 1 on, all of them.
    pub fn take(&mut self, pair: &Pair, proof: &Proof) {
        if self.found.is_some() {
            return;
        }
        self.open.iter_mut().for_each(|(_, above)| above.push(pair.ledger.clone()));
        let (height, is_change) = (pair.height(), pair.contract.record.membership().is_some());
        if height == self.height || is_change {
            self.open.push((pair.clone(), Vec::new()));
        }
        let Some(votes) = &proof.ledger_votes else { return };
        for (pair, above) in std::mem::take(&mut self.open) {
            let is_it = pair.height() == self.height;
            let is_change = pair.contract.record.membership().is_some();
            let covered = Covered { pair, above, votes: votes.clone() };
            // The members in force at the votes are those of the changes below them.
            if is_change && (height < self.height || !covered.above.is_empty()) {
                self.changes.push(covered.clone());
            }
            if is_it {
                self.found = Some(covered);
            }
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(self, genesis: &Genesis) -> Option<Inclusion> {
        let Covered { pair, above, votes } = self.found?;
        let (genesis, changes, opening) = (genesis.clone(), self.changes, None);
        Some(Inclusion { genesis, changes, pair, above, votes, opening })
    }
}

/// Whether the votes cover the pair, by the members in force where they were given.
fn check_covered(
    (pair, above, votes): (&Pair, &[Encoded<LedgerBlock>], &Encoded<Votes>),
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> Result<(), InclusionError> {
    let community = &registries.community();
    let height = pair.contract.height;
    let settles = pair.contract.digest(community) == pair.ledger.contract_block_hash;
    if !settles || pair.ledger.height != height {
        return Err(InclusionError::Link(height));
    }
    let mut top = &pair.ledger;
    for block in above {
        let follows = block.prev_ledger_hash == top.digest(community);
        if !follows || Some(block.height) != top.height.checked_add(1) {
            return Err(InclusionError::Link(block.height));
        }
        top = block;
    }
    let (ledger, version) = (top.digest(community), votes.registry);
    let vote = Statement::Ledger { height: top.height, ledger, registry: version };
    let registry = registries.at(top.height);
    let is_covered = check_votes(votes, &vote.digest(community), registry, verdicts);
    if is_covered { Ok(()) } else { Err(InclusionError::Votes(top.height)) }
}
