//! Contracts between a buyer and a seller.

use serde::{Deserialize, Serialize};

/// Identity of a contract.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ContractId(pub [u8; 32]);
