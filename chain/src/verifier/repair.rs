//! What follows a finding: copies taken in, and everything derived from the pairs made again.

use std::sync::Arc;

use super::{Named, Source, State, Sweep, Verifier, check_copy};
use crate::block::{Pair, Proof};
use crate::digest::Digest;
use crate::sign::Verdicts;

impl<S: Source> Verifier<S> {
    /// Takes pair and proof as the store holds them now, unchecked: the sweeps judge them.
    pub fn reload(&mut self, height: u64, pair: Arc<Pair>, proof: Arc<Proof>) {
        self.chain.put(height, (pair, proof));
    }

    /// Puts a good copy in place of a suspect pair. It must have the hashes that the next pair, or
    /// the ledger votes, names ([`check_copy`]); otherwise nothing changes and the answer is false.
    /// With the last suspect healed, what was derived from the pairs is made again.
    pub fn repair(
        &mut self,
        height: u64,
        pair: Arc<Pair>,
        proof: Arc<Proof>,
        verdicts: &dyn Verdicts,
    ) -> bool {
        // A suspect pair above names nothing; the ledger votes do, which are always asked for.
        let above = if self.suspects.contains(&(height + 1)) { None } else { self.above(height) };
        let judged = check_copy(height, above, (&pair, &proof), &self.registries, verdicts);
        if judged.is_err() || height == 0 || height > self.height() {
            return false;
        }
        self.chain.put(height, (pair, proof));
        self.mended(height);
        true
    }

    /// The store has a good copy of `height` again, which was judged elsewhere. With the last
    /// suspect healed, what was derived from the pairs is made again.
    pub fn mended(&mut self, height: u64) {
        self.suspects.remove(&height);
        self.chain.renew(height);
        if self.suspects.is_empty() {
            self.rebuild();
        }
    }

    /// Makes states and roots again, from the first pair on. The next sweep starts anew and proves
    /// every pair.
    fn rebuild(&mut self) {
        let start = State::new(self.community).reading(self.head.keys.clone());
        let (mut state, mut roots) = (start, Vec::new());
        let (mut wrong, sealed, mut others) = (None, self.chain.sealed(), Vec::new());
        self.sealed = state.clone();
        while state.height() < self.chain.height() && wrong.is_none() {
            let budget = self.params.segment_bytes;
            let above = &mut self.sealed;
            self.chain.read(state.height() + 1, budget, &mut |piece| {
                let root = &mut |_| None;
                let checked = piece.and_then(|bytes| {
                    let checked = state.take(bytes, root);
                    roots.extend(bytes.checkpoint());
                    checked
                });
                others.extend(state.was_other().then_some(state.height()));
                if checked.is_err() {
                    wrong.get_or_insert(state.height().max(1));
                }
                if state.height() == sealed && wrong.is_none() {
                    *above = state.clone();
                }
            });
        }
        match wrong {
            Some(height) => _ = self.suspects.insert(height),
            None => (self.head, self.roots) = (state.ledger(), roots),
        }
        self.registries.restart();
        self.followed = 0;
        self.follow_members(&others);
        self.followed = self.chain.height();
        self.sweep = Sweep::anew(self.community, &self.head.keys);
    }

    /// Both hashes of `height` as the pair above names them; none for the newest.
    fn above(&mut self, height: u64) -> Option<Named> {
        if height >= self.chain.height() {
            return None;
        }
        let above = self.chain.pair(height + 1).ok()?;
        Some((above.contract.prev_contract_hash, above.ledger.prev_ledger_hash))
    }

    /// Both hashes of `height` as the pair above, or the tip, names them; none where the pair above
    /// cannot be read.
    pub(super) fn named(&mut self, height: u64) -> Option<(Digest, Digest)> {
        if height < self.chain.height() {
            return self.above(height);
        }
        let is_known = height == self.head.height;
        is_known.then_some((self.head.contract, self.head.tip))
    }
}
