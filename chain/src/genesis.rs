//! Genesis: what all members agree on before the first block; its digest names the community.
//!
//! Nothing in it changes; what may change (members, keys, voters) is the registry's.

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, tag};
use crate::encode::{Canonical, encode};
use crate::sign::PublicKey;
use crate::terms::{Energy, PartyId, Power, Price, Timestamp};

/// Version of blocks and genesis that this crate writes and accepts.
pub const VERSION: u8 = 1;

/// How many voters make a decision (protocol 8.5), counted over the voters of a registry version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quorum {
    /// More than half: the paper's rule. A false contract needs more than half of the voters to
    /// lie; it says nothing about order under lying nodes.
    #[default]
    Majority,
    /// More than two thirds: the same against fewer than a third of liars, with an honest
    /// majority inside every quorum.
    TwoThirds,
}

impl Quorum {
    /// Votes needed among `voters`; at least 1.
    #[must_use]
    pub fn of(self, voters: usize) -> usize {
        match self {
            Self::Majority => voters / 2 + 1,
            Self::TwoThirds => voters * 2 / 3 + 1,
        }
    }
}

/// What a member is in the community; decides no vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// A home with devices.
    Prosumer,
    /// A charging station.
    Station,
    /// Trades for others.
    Aggregator,
    /// Reads, does not trade.
    Auditor,
}

/// A member as registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its number, never reused.
    pub id: PartyId,
    /// Its name, for people.
    pub name: String,
    /// Ed25519 key of its contracts and votes.
    pub sign_key: PublicKey,
    /// X25519 key for sealing.
    #[serde(with = "crate::encode::fixed")]
    pub seal_key: [u8; 32],
    /// What it is.
    pub roles: Vec<Role>,
    /// Whether it approves contracts and votes on ledgers.
    pub voter: bool,
    /// Limit of its connection line, in W.
    pub line_limit_w: Power,
    /// End of its membership; its contracts ordered later are refused.
    pub not_after: Timestamp,
}

/// Limits that all nodes share (protocol 8.2, 8.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest absolute unit price.
    pub price_max: Price,
    /// Contracts in approval per buyer and epoch.
    pub contracts_per_buyer: u32,
    /// Energy in approval per buyer and epoch, as multiples of 24 h of its line limit.
    pub line_multiple: u32,
    /// Records waiting in a pool.
    pub pool_max: u32,
    /// Bytes of the items of one batch.
    pub batch_bytes: u32,
    /// Heights that may run ahead of their ledger votes.
    pub heights_ahead: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            price_max: Price(10_000_000),
            contracts_per_buyer: 64,
            line_multiple: 4,
            pool_max: 4096,
            batch_bytes: 262_144,
            heights_ahead: 256,
        }
    }
}

/// The founding document of a community (protocol 8.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// [`VERSION`].
    pub version: u8,
    /// Name of the community, for people.
    pub name: String,
    /// Key that signs Membership records.
    pub operator_key: PublicKey,
    /// Members of registry version 0, in ascending order of id.
    pub members: Vec<Member>,
    /// How votes are counted.
    pub quorum: Quorum,
    /// The member that orders records.
    pub sequencer: PartyId,
    /// Length of a market interval, in s.
    pub interval_s: u32,
    /// Currency, as people write it.
    pub currency: String,
    /// Shared limits.
    pub limits: Limits,
    /// Time after delivery within which meter readings are taken, in s.
    pub grace_s: u32,
    /// Deviation of a delivery that costs nothing.
    pub tolerance_wh: Energy,
    /// Largest absolute shortfall or surplus price.
    pub imbalance_cap: Price,
    /// Days within which a reading may be corrected.
    pub correction_days: u32,
}

impl Canonical for Genesis {
    const TAG: &'static str = tag::GENESIS;
    const BYTES_MAX: usize = 16 << 20;
}

/// Why a genesis cannot found a community.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Written by another version.
    #[error("genesis has version {found}, this program reads {VERSION}")]
    Version {
        /// Version found.
        found: u8,
    },
    /// Members are not in ascending order of id.
    #[error("member {0} is out of order or registered twice")]
    MemberOrder(PartyId),
    /// Two members share one key.
    #[error("members {0} and {1} have the same signing key")]
    SharedKey(PartyId, PartyId),
    /// Nobody votes.
    #[error("genesis has no voter")]
    NoVoter,
    /// The sequencer is not a member.
    #[error("sequencer {0} is not a member")]
    NoSequencer(PartyId),
    /// A number is outside its range.
    #[error("{what} must be above zero")]
    Zero {
        /// The number.
        what: &'static str,
    },
}

impl Genesis {
    /// The digest that names the community: `SHA-256(tag || genesis)`.
    #[must_use]
    pub fn community(&self) -> Digest {
        Digest::of_founding(tag::GENESIS, &encode(self))
    }

    /// Whether this genesis can found a community.
    ///
    /// # Errors
    /// The first [`GenesisError`] that applies.
    pub fn check(&self) -> Result<(), GenesisError> {
        if self.version != VERSION {
            return Err(GenesisError::Version { found: self.version });
        }
        if let Some(two) = self.members.windows(2).find(|two| two[0].id >= two[1].id) {
            return Err(GenesisError::MemberOrder(two[1].id));
        }
        let mut keys: Vec<_> =
            self.members.iter().map(|m| (*m.sign_key.as_bytes(), m.id)).collect();
        keys.sort_unstable();
        if let Some(two) = keys.windows(2).find(|two| two[0].0 == two[1].0) {
            return Err(GenesisError::SharedKey(two[0].1, two[1].1));
        }
        if !self.members.iter().any(|m| m.voter) {
            return Err(GenesisError::NoVoter);
        }
        if !self.members.iter().any(|m| m.id == self.sequencer) {
            return Err(GenesisError::NoSequencer(self.sequencer));
        }
        let numbers = [
            ("interval_s", self.interval_s),
            ("contracts_per_buyer", self.limits.contracts_per_buyer),
            ("pool_max", self.limits.pool_max),
            ("batch_bytes", self.limits.batch_bytes),
            ("heights_ahead", self.limits.heights_ahead),
        ];
        match numbers.into_iter().find(|(_, n)| *n == 0) {
            Some((what, _)) => Err(GenesisError::Zero { what }),
            None => Ok(()),
        }
    }
}
