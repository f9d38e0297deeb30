//! Why a record, vote or batch was not accepted. Reasons are data: signed in a no, shown to people.
//!
//! The names of the variants are part of the signed bytes of a no; renaming one is a new version.

use serde::{Deserialize, Serialize};

use crate::terms::PartyId;
use crate::verifier::Damage;

/// One cause of a refusal, with the limit it ran against where there is one.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
pub enum Refusal {
    /// Delivery and Anchor records, engine order.
    #[error("this kind of record or proof is not supported yet by this version")]
    Unsupported,
    /// The body names another community.
    #[error("contract belongs to another community")]
    WrongCommunity,
    /// A party is not in the registry.
    #[error("party {0} is not a member")]
    NotAMember(PartyId),
    /// A member's registration has ended.
    #[error("membership of {0} has ended")]
    MembershipEnded(PartyId),
    /// The sender of a vote has no vote.
    #[error("party {0} is not a voter")]
    NotAVoter(PartyId),
    /// Buyer and seller are one party.
    #[error("seller is the buyer")]
    SellerIsBuyer,
    /// `start` is not before `end`.
    #[error("delivery range is empty or reversed")]
    EmptyRange,
    /// No energy is sold.
    #[error("contract sells no energy")]
    NoEnergy,
    /// A price is outside the genesis limit, in micro-currency per kWh.
    #[error("price is beyond the limit of {limit} micro-currency/kWh")]
    PriceLimit {
        /// Largest absolute price allowed.
        limit: i64,
    },
    /// The amount is not energy times price.
    #[error("amount is not energy times unit price")]
    WrongAmount,
    /// The amount or a balance does not fit 64 bits.
    #[error("amount or balance overflows")]
    Overflow,
    /// The contract names another epoch than the current one or the one that still settles.
    #[error("epoch is neither the current one nor the one that still settles")]
    NotCurrentEpoch,
    /// `valid_until` is not the settle time of the epoch.
    #[error("valid_until is not the settle time of the epoch")]
    WrongDeadline,
    /// The deadline has passed.
    #[error("valid_until has passed")]
    Expired,
    /// The contract id was used before.
    #[error("contract id is already used")]
    UsedId,
    /// Another body under the same contract id got this node's vote.
    #[error("another body under this contract id was seen first")]
    OtherBody,
    /// The buyer has too many contracts in approval.
    #[error("buyer has {limit} contracts in approval, the limit of an epoch")]
    BuyerLimit {
        /// Contracts allowed per buyer and epoch.
        limit: u32,
    },
    /// The buyer's contracts of the epoch exceed its line.
    #[error("buyer's energy in approval exceeds the limit of {limit} Wh")]
    EnergyLimit {
        /// Wh allowed per buyer and epoch.
        limit: u64,
    },
    /// The pool of records is full of records that expire later.
    #[error("pool holds {limit} records, its limit")]
    PoolFull {
        /// Records allowed.
        limit: u32,
    },
    /// Too many bytes.
    #[error("size is beyond the limit of {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u32,
    },
    /// A party's signature does not verify.
    #[error("signature of {0} does not verify")]
    BadSignature(PartyId),
    /// The approvals do not reach the quorum.
    #[error("approvals do not reach the quorum")]
    NotApproved,
    /// Enough voters said no.
    #[error("the quorum can no longer be reached")]
    Rejected,
    /// The named registry version is not known.
    #[error("registry version is not known")]
    UnknownRegistry,
    /// The named registry version ended too long ago.
    #[error("registry version {version} ended too long ago")]
    StaleRegistry {
        /// The version named.
        version: u32,
    },
    /// A change of the members makes another version than the next.
    #[error("change makes another registry version than {expected}")]
    WrongVersion {
        /// Version that comes next.
        expected: u32,
    },
    /// A change of the members without the operator's signature.
    #[error("change of the members is not signed by the operator")]
    NotTheOperator,
    /// An exclusion whose evidence does not prove a misdeed of this member.
    #[error("no misdeed of {0} is proven")]
    NoEvidence(PartyId),
    /// A newcomer's number was given before.
    #[error("number {0} was given to a member before")]
    ReusedId(PartyId),
    /// A newcomer's key is this member's.
    #[error("member {0} has this signing key already")]
    SharedKey(PartyId),
    /// After the change nobody would vote.
    #[error("nobody would have a vote any more")]
    LastVoter,
    /// The member to be removed orders records.
    #[error("party {0} orders records: name another sequencer first")]
    SequencerNeeded(PartyId),
    /// The change leaves everything as it is.
    #[error("change leaves the members as they are")]
    NothingChanges,
    /// The node is not at the tip of the chain and votes on nothing.
    #[error("node is catching up and does not vote yet")]
    CatchingUp,
    /// A batch's time is below the previous one's.
    #[error("time of the batch is below the previous block's")]
    TimeBackwards,
    /// A batch's time is too far ahead of the local clock.
    #[error("time of the batch is more than {limit_ms} ms ahead")]
    TimeAhead {
        /// Milliseconds allowed.
        limit_ms: u64,
    },
    /// A batch was skipped.
    #[error("batch {expected} was expected")]
    BatchGap {
        /// Index that comes next.
        expected: u64,
    },
    /// The items are not those named in the head.
    #[error("items are not those of the batch's head")]
    BatchMismatch,
    /// The sequencer's signature does not verify.
    #[error("order of the batch is not proven")]
    OrderUnproven,
    /// An approved contract passed its deadline without being ordered.
    #[error("approved contract was left out by the sequencer")]
    LeftOut,
    /// A record was submitted to a node that does not order.
    #[error("this node is not the sequencer")]
    NotSequencer,
    /// A ledger proposal from a voter that the lottery did not draw.
    #[error("party {0} was not drawn to broadcast this ledger")]
    NotDrawn(PartyId),
    /// The group key is not here yet: ask again.
    #[error("group key {number} is not here yet")]
    NoKey {
        /// Its number.
        number: u32,
    },
    /// Another sequencer hands out another group key under a number that has one.
    #[error("group key {number} is another one than this node has")]
    OtherKey {
        /// Its number.
        number: u32,
    },
    /// The contract is sealed under another group key than the one in force.
    #[error("contract is not sealed under group key {expected}, which is in force")]
    OldKey {
        /// Number of the key in force.
        expected: u32,
    },
    /// What is sealed is not the contract that its open fields and its commitment name.
    #[error("what is sealed is not the contract that it is said to be")]
    SealBroken,
    /// The node stopped settling after a fault.
    #[error("node has stopped settling")]
    Halted,
    /// A peer's copy of a suspect pair is not the pair that the chain names.
    #[error("copy of height {height} is not the pair that the chain names: {damage}")]
    WrongCopy {
        /// Height that was asked for.
        height: u64,
        /// What is wrong with the copy.
        damage: Damage,
    },
}
