#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

pub mod ballot;
pub mod batch;
pub mod block;
pub mod contract;
pub mod digest;
pub mod encode;
pub mod entries;
pub mod fault;
pub mod genesis;
pub mod inclusion;
pub mod journal;
pub mod keyring;
pub mod ledger;
pub mod lottery;
pub mod membership;
pub mod message;
pub mod refusal;
pub mod registry;
pub mod replica;
pub mod seal;
pub mod sealed;
pub mod sequencer;
mod shape;
pub mod sign;
pub mod statement;
pub mod terms;
pub mod verdicts;
pub mod verifier;
