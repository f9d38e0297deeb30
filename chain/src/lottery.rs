//! Lottery: who broadcasts the ledger, drawn from a digest that nobody chooses alone.
//!
//! An orderer can grind the draw, harmlessly: the broadcaster has no power (protocol 8.4).

use crate::digest::{Digest, tag};
use crate::terms::PartyId;

/// The voter that broadcasts at `attempt` (from 0) for the contract block `contract_block_hash`:
/// `H("ledger" || community || hash || attempt) mod n` over the sorted voters. `None` without
/// voters.
#[must_use]
pub fn broadcaster(
    community: &Digest,
    contract_block_hash: &Digest,
    attempt: u32,
    voters: &[PartyId],
) -> Option<PartyId> {
    let lot =
        Digest::of(tag::LOTTERY, community, &[&contract_block_hash.0, &attempt.to_be_bytes()]);
    let index = lot.leading_u64().checked_rem(voters.len() as u64)?;
    voters.get(usize::try_from(index).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_voter_is_drawn_and_none_without_voters() {
        let voters: Vec<_> = (0..7).map(PartyId).collect();
        let mut drawn = [0_u32; 7];
        for attempt in 0..700 {
            let who = broadcaster(&Digest([1; 32]), &Digest([2; 32]), attempt, &voters);
            drawn[who.map_or(0, |p| p.0 as usize)] += 1;
        }
        assert!(drawn.iter().all(|n| (60..=150).contains(n)), "{drawn:?}");
        assert_eq!(broadcaster(&Digest([1; 32]), &Digest([2; 32]), 0, &[]), None);
    }

    #[test]
    fn the_draw_depends_on_block_and_attempt() {
        let voters: Vec<_> = (0..300).map(PartyId).collect();
        let draw =
            |block, attempt| broadcaster(&Digest([1; 32]), &Digest([block; 32]), attempt, &voters);
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
    }
}
