#![forbid(unsafe_code)]
//! Facts: contracts, blocks, ledgers and the proofs beside them.

pub mod contract;
pub mod terms;
