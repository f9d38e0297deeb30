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
use crate::registry::Registries;
use crate::sign::Verdicts;
use crate::statement::Statement;

/// A contract, its pair, and the votes that cover it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// The founding document.
    pub genesis: Genesis,
    /// The pair in question.
    pub pair: Pair,
    /// The ledger blocks above it, up to one that is closed; mostly none.
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
    /// The record is no contract.
    #[error("the record is no contract")]
    Record,
}

impl Inclusion {
    /// What shows that the pair of `height` is on the chain that `pairs` make from height 1; none
    /// where neither it nor any pair above is closed.
    #[must_use]
    pub fn of(genesis: &Genesis, pairs: &[(Arc<Pair>, Arc<Proof>)], height: u64) -> Option<Self> {
        let from = usize::try_from(height.checked_sub(1)?).ok()?;
        let upper = pairs.get(from..)?;
        let closed = upper.iter().position(|(_, proof)| proof.ledger_votes.is_some())?;
        let (pair, _) = upper.first()?;
        let (_, proof) = &upper[closed];
        Some(Self {
            genesis: genesis.clone(),
            pair: Pair::clone(pair),
            above: upper[1..=closed].iter().map(|(pair, _)| pair.ledger.clone()).collect(),
            votes: proof.ledger_votes.clone()?,
        })
    }

    /// The contract, if it is on the chain of `community`.
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
        let height = self.pair.contract.height;
        let settles = self.pair.contract.digest(community) == self.pair.ledger.contract_block_hash;
        if !settles || self.pair.ledger.height != height {
            return Err(InclusionError::Link(height));
        }
        let mut top = &self.pair.ledger;
        for block in &self.above {
            let follows = block.prev_ledger_hash == top.digest(community);
            if !follows || Some(block.height) != top.height.checked_add(1) {
                return Err(InclusionError::Link(block.height));
            }
            top = block;
        }
        let registries = Registries::founding(&self.genesis);
        let (ledger, version) = (top.digest(community), self.votes.registry);
        let vote = Statement::Ledger { height: top.height, ledger, registry: version };
        let registry = registries.at(top.height);
        if !check_votes(&self.votes, &vote.digest(community), registry, verdicts) {
            return Err(InclusionError::Votes(top.height));
        }
        self.pair.contract.record.body().ok_or(InclusionError::Record)
    }
}
