//! The seam to peers: what is said to another member goes through a [`Transport`].

use gridpact_agents::social::message::Message as SocialMessage;
use gridpact_chain::message::Message as ChainMessage;
use gridpact_chain::terms::PartyId;

pub mod memory;

/// Carries letters between members, at most once, in order per pair where nothing is lost.
pub trait Transport {
    /// From the SCA of `from` to the SCA of `to`.
    fn social(&self, from: PartyId, to: PartyId, message: SocialMessage);

    /// From the replica of `from` to the replica of `to`.
    fn chain(&self, from: PartyId, to: PartyId, message: ChainMessage);
}
