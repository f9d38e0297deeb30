//! The signature sweep in batches: what was admitted strictly once is checked again, many
//! signatures in one equation.

use super::{Damage, Source, Verifier, pairs, proofs};
use crate::batch::BatchHead;
use crate::encode::Encoded;
use crate::sign::recheck;

impl<S: Source> Verifier<S> {
    /// [`step_proofs`](Self::step_proofs) without any memory of verdicts: every signature of about
    /// `budget_bytes` of proofs is checked again by [`recheck`], which is for what was admitted
    /// strictly and for nothing else.
    pub fn step_signatures(
        &mut self,
        budget_bytes: usize,
        found: &mut Vec<super::Finding>,
    ) -> bool {
        let kept = self.chain.proofs(self.next_proof, budget_bytes);
        self.stray(found);
        if kept.is_empty() {
            self.end_proofs();
            return true;
        }
        let registries = self.registries.clone();
        let (mut claims, mut parts) = (Vec::new(), Vec::with_capacity(kept.len()));
        let mut scratch = Vec::new();
        let mut last: Option<&Encoded<BatchHead>> = None;
        for kept in &kept {
            let own = kept.as_ref().map_err(|damage| *damage).and_then(|(pair, proof)| {
                pairs::check_values(pair, &mut scratch)?;
                // Pairs of one batch carry the same head: it is looked at once.
                let head = &proof.order.head;
                if last != Some(head) {
                    proofs::check_head(head)?;
                    last = Some(head);
                }
                proofs::check_votes_bytes(proof)?;
                proofs::claims_of(pair, proof, &registries)
            });
            parts.push(own.map(|own| {
                claims.extend(own);
                claims.len()
            }));
        }
        let verdicts = recheck(&claims);
        self.counters.signatures_checked += claims.len() as u64;
        let mut start = 0;
        for (kept, part) in kept.iter().zip(parts) {
            let checked = part.and_then(|end| {
                let own = verdicts.get(start..end).unwrap_or_default();
                start = end;
                match (kept, own.iter().position(|holds| !holds)) {
                    (Ok((pair, proof)), Some(at)) => Err(proofs::damage_at(at, pair, proof)),
                    (Ok(_), None) => Ok(()),
                    (Err(damage), _) => Err::<(), Damage>(*damage),
                }
            });
            self.proof_done(checked, found);
        }
        false
    }
}
