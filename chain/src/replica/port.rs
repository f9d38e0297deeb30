//! What a replica is told, what it wants done, and what may be seen of it: data only.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::catchup::Progress;
use crate::batch::{Approved, Batch};
use crate::block::{Pair, Proof};
use crate::contract::{ContractId, SignedContract};
use crate::digest::Digest;
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::keyring::{KeyLetter, Keyring};
use crate::membership::Membership;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::registry::{Registry, RegistryVersion};
use crate::seal::{Drawn, GroupKey, KeyNumber};
use crate::sign::Signature;
use crate::statement::Statement;
use crate::terms::{Epoch, Money, PartyId, Timestamp};

/// How votes travel (protocol 8.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fanout {
    /// To a collector that hands on proofs: about 6(n-1) messages per pair.
    #[default]
    Tally,
    /// To everybody: 2(n-1) + 2n(n-1) messages per pair, for at most 32 voters.
    AllToAll,
}

/// Most voters with which [`Fanout::AllToAll`] is allowed; above, it falls back to a tally.
pub const ALL_TO_ALL_MAX: usize = 32;

/// What a node chooses for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// How votes travel; the same on all nodes.
    pub fanout: Fanout,
    /// Wait for a ledger proposal or certificate before the next draw, in ms.
    pub ledger_timeout_ms: u64,
    /// Shortest wait before a request is sent again, in ms.
    pub resend_ms: u64,
    /// How far a batch's time may be ahead of the clock, in ms.
    pub ahead_max_ms: u64,
    /// Whether it speaks for members without a node of their own: it then tells what became of
    /// everybody's contracts, not only of its own member's.
    pub serves_all: bool,
    /// Whether its contracts are sealed, and its sequencer makes keys; sealed ones of others are
    /// settled either way.
    pub seals: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            fanout: Fanout::Tally,
            ledger_timeout_ms: 2000,
            resend_ms: 250,
            ahead_max_ms: 2000,
            serves_all: false,
            seals: false,
        }
    }
}

/// What a replica is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// From the shell, once, after birth or restore: say again what has no answer yet.
    Started,
    /// From the coordinator: a trading round began.
    EpochStarted {
        /// Its number.
        epoch: Epoch,
        /// Its settle time, which contracts carry as `valid_until`.
        t_settle: Timestamp,
    },
    /// From the own SCA: this node's buyer has a contract with both signatures.
    Publish(Box<SignedContract>),
    /// From an operator, or whoever has evidence: a change of the members, to be put on the chain.
    Propose(Box<Membership>),
    /// From another replica; the transport vouches for `from`.
    Message {
        /// Who said it.
        from: PartyId,
        /// What was said.
        message: Message,
    },
    /// From the ordering: the next batch.
    Ordered(Arc<Batch>),
    /// From the key holder: the answer to [`Effect::Sign`].
    Signed {
        /// What was signed.
        statement: Statement,
        /// The signature.
        signature: Signature,
    },
    /// From the own verifier: the stored pair of this height is damaged. May be said again.
    Suspect {
        /// Its height.
        height: u64,
    },
    /// From the key holder: the answer to [`Effect::DrawKey`].
    Drawn {
        /// Number of the group key.
        number: KeyNumber,
        /// Version whose members get it.
        registry: RegistryVersion,
        /// The secrets.
        drawn: Drawn,
    },
    /// From the key holder: the answer to [`Effect::Unwrap`]; none where nothing sound came out.
    Key {
        /// Its number.
        number: KeyNumber,
        /// The key.
        key: Option<GroupKey>,
    },
    /// From the shell: the store may be older than this key's last use. Nothing is voted on before
    /// a quorum of voters has said how far they are and this node has all of it, and no contract
    /// of the running epoch is answered. A node restored from its journal asks the voters by itself
    /// when it is started.
    CatchUp,
    /// The time asked for by `wake_at` has come.
    Wake,
}

/// Who hears a broadcast; the sender itself is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// All voters of the current registry version.
    Voters,
    /// All members.
    Members,
}

/// What a replica wants done, in this order: a record is on disk before what follows is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Sign with this node's key and come back with [`Input::Signed`].
    Sign(Statement),
    /// Write to the journal before anything that follows leaves the house.
    Record(JournalEntry),
    /// Draw the secrets for one letter of keys and come back with [`Input::Drawn`].
    DrawKey {
        /// Number of the group key.
        number: KeyNumber,
        /// Version whose members get it.
        registry: RegistryVersion,
    },
    /// Unwrap this node's copy with its X25519 key and come back with [`Input::Key`].
    Unwrap(Arc<KeyLetter>),
    /// The node reads with these keys from now on: for the verifier.
    Reads(Keyring),
    /// Send to one replica.
    Send {
        /// To whom.
        to: PartyId,
        /// What.
        message: Message,
    },
    /// Send to many replicas.
    Broadcast {
        /// To whom.
        to: Audience,
        /// What.
        message: Message,
    },
    /// Hand an approved record to the ordering; repeated until it is on the chain or void.
    Submit(Arc<Approved>),
    /// A pair was appended: for the verifier.
    Appended {
        /// The pair.
        pair: Arc<Pair>,
        /// Approvals and order; no ledger votes yet.
        proof: Arc<Proof>,
    },
    /// A pair reached its quorum of ledger votes.
    Closed {
        /// Its height.
        height: u64,
        /// The whole proof.
        proof: Arc<Proof>,
    },
    /// Chain time moved to a batch's time: what was valid until before it and is not on the chain
    /// is void (protocol 7.4).
    Advanced {
        /// Index of the batch.
        index: u64,
        /// Its time.
        time_ms: Timestamp,
    },
    /// Batches from this index on are missing: to be asked of the ordering's `range`.
    Missing {
        /// The first of them.
        from: u64,
    },
    /// The members have changed: from the next height on they are these.
    Members(Arc<Registry>),
    /// A contract of this node's buyer or seller is on the chain.
    Settled {
        /// The contract.
        contract_id: ContractId,
        /// Its height.
        height: u64,
    },
    /// A contract of this node's buyer or seller was asked about and is void.
    Lapsed {
        /// The contract.
        contract_id: ContractId,
    },
    /// Something was not accepted.
    Refused {
        /// The contract it concerns, if any.
        contract_id: Option<ContractId>,
        /// Whose doing, if not this node's.
        from: Option<PartyId>,
        /// Why.
        reason: Refusal,
    },
    /// Good copies of suspect pairs, judged and already in this replica's memory: to be put in the
    /// journal in place of the damaged ones, then to be handed to the verifier.
    Fetched(Vec<(Arc<Pair>, Arc<Proof>)>),
    /// Somebody's misdeed, with its evidence.
    Fault(Box<Fault>),
    /// This node's own trouble, for its operator.
    Alarm(Alarm),
}

/// Trouble that somebody must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// Every voter was drawn once and no quorum came together.
    #[error("ledger of height {height} has no quorum after {attempts} attempts")]
    NoQuorum {
        /// The height.
        height: u64,
        /// Draws made.
        attempts: u32,
    },
    /// A quorum signed another ledger than this node computed: it stops and must be rebuilt.
    #[error("this node's ledger of height {height} differs from the certified one")]
    Diverged {
        /// The height.
        height: u64,
    },
    /// Every peer was asked for a good copy of a damaged pair and none had one. The node settles
    /// nothing, still answers for its other pairs, and goes on asking.
    #[error("none of {asked} peers has a good copy of the damaged pair of height {height}")]
    NoGoodCopy {
        /// The height.
        height: u64,
        /// Peers asked in this round.
        asked: u32,
    },
    /// A peer's pair carries a vote of this node that its own store does not have: the store is an
    /// older copy. The node catches up, and answers no contract of the epoch in which it may have
    /// voted before.
    #[error(
        "store is older than the key's last use: pair {height} carries a vote it does not have"
    )]
    RolledBack {
        /// The height.
        height: u64,
    },
    /// The sequencer signed two batches for one index: this node stops settling.
    #[error("sequencer signed two batches with index {index}")]
    OrderForked {
        /// The index.
        index: u64,
    },
    /// The sequencer signed two group keys under one number: this node stops sealing and settling.
    #[error("sequencer signed two group keys with number {number}")]
    KeysForked {
        /// The number.
        number: u32,
    },
    /// The sequencer signed a batch that goes back in time: this node stops settling.
    #[error("batch {index} is dated before the batch below it")]
    OrderBackwards {
        /// The index.
        index: u64,
    },
    /// The next batch is dated far ahead: nothing is settled before its time has come.
    #[error("batch {index} is dated {ahead_ms} ms ahead of this node's clock")]
    OrderAhead {
        /// The index.
        index: u64,
        /// How far, in ms.
        ahead_ms: u64,
    },
}

/// What may be seen of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Height of the last pair.
    pub height: u64,
    /// Height up to which every pair is closed.
    pub closed: u64,
    /// Hash of the last ledger block.
    pub tip: Digest,
    /// Registry version in force at the next height.
    pub registry: RegistryVersion,
    /// Chain time.
    pub time_ms: Timestamp,
    /// Epoch in force.
    pub epoch: Option<Epoch>,
    /// Contracts this node's buyer waits for.
    pub asking: usize,
    /// Contracts this node has answered in the current epochs.
    pub answered: usize,
    /// Batches that wait.
    pub waiting: usize,
    /// Index of the next batch.
    pub next_batch: u64,
    /// Balance of this node's own account.
    pub balance: Money,
    /// Whether the node stopped settling for good.
    pub halted: bool,
    /// Pairs known to be damaged and not repaired; while there is one, nothing is settled.
    pub suspects: usize,
    /// How far it has come, while it asks peers for what it missed.
    pub catching_up: Option<Progress>,
}
