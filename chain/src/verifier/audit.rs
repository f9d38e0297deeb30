//! Audit: the whole chain proven from its bytes alone, trusting only a genesis and, if there is
//! one, an outside anchor. No digest kept from earlier is used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::proofs::{claims_of, damage_at, ledger_claims};
use super::{Damage, Finding, check_pair, pairs};
use crate::block::{Pair, Proof, Votes};
use crate::contract::{ContractBody, ContractId};
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::genesis::Genesis;
use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::registry::{Registries, Registry};
use crate::sign::{Claim, Verdicts};
use crate::terms::{Energy, Timestamp};

/// Findings that are listed: a chain with more is not worth reading on.
const FINDINGS_MAX: usize = 65_536;

/// Pairs whose ledger votes are waited for; far more than `heights_ahead` of any community, because a
/// node that catches up takes over closed pairs above its open ones.
const OPEN_MAX: usize = 65_536;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Pairs proven or found damaged.
    pub pairs: u64,
    /// Pairs with a quorum of ledger votes.
    pub closed: u64,
    /// Signatures checked.
    pub signatures: u64,
    /// Hash of the last ledger block.
    pub tip: Digest,
    /// Sum of all balances: zero, or money was made. Zero where not all of them can be known.
    pub balances_sum: i128,
    /// Pairs whose amounts are sealed from this reader: their links, order and proofs were checked,
    /// neither amounts nor conservation, and no root from the first of them on.
    pub unread: u64,
    /// Energy bought, and so sold.
    pub energy: Energy,
    /// Damaged pairs, ascending; empty when the chain is proven.
    pub findings: Vec<Finding>,
    /// Findings beyond the first 65 536, which are not listed.
    pub unlisted: u64,
}

impl Report {
    /// Whether everything was proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.findings.is_empty() && self.balances_sum == 0
    }
}

/// Proves `pairs` (ascending from height 1, decoded strictly from stored bytes) under `genesis`.
/// `anchor` is a height and ledger hash known from elsewhere; `verdicts` may verify in parallel. Amounts
/// of sealed pairs are not read.
///
/// A chain whose last pairs carry no ledger votes is proven by its approvals and order alone;
/// `closed` says how many pairs carry votes.
#[must_use]
pub fn audit(
    genesis: &Genesis,
    pairs: &[(Arc<Pair>, Arc<Proof>)],
    anchor: Option<(u64, Digest)>,
    verdicts: &dyn Verdicts,
) -> Report {
    audit_reading(genesis, pairs, anchor, &Keyring::default(), verdicts)
}

/// [`audit`] of what `keys` read besides: who has none proves all but amounts of what is sealed.
#[must_use]
pub fn audit_reading(
    genesis: &Genesis,
    pairs: &[(Arc<Pair>, Arc<Proof>)],
    anchor: Option<(u64, Digest)>,
    keys: &Keyring,
    verdicts: &dyn Verdicts,
) -> Report {
    let mut audit = Audit::new(genesis, anchor, keys, verdicts);
    let (mut used, mut repeated) = (BTreeSet::new(), Vec::new());
    for (pair, proof) in pairs {
        if let Some(id) = audit.take(pair, proof)
            && !used.insert(id)
        {
            repeated.push(audit.height());
        }
    }
    audit.finish(repeated)
}

/// An audit under way, one pair after the other: it holds accounts, members and what still waits for
/// ledger votes, and so is bounded by these and not by the length of the chain.
pub struct Audit<'a> {
    genesis: &'a Genesis,
    anchor: Option<(u64, Digest)>,
    keys: &'a Keyring,
    verdicts: &'a dyn Verdicts,
    registries: Registries,
    ledger: Ledger,
    /// Ledger hashes of pairs that came without ledger votes.
    open: BTreeMap<u64, Digest>,
    report: Report,
}

impl<'a> Audit<'a> {
    /// An audit before the first pair, with the arguments of [`audit_reading`].
    #[must_use]
    pub fn new(
        genesis: &'a Genesis,
        anchor: Option<(u64, Digest)>,
        keys: &'a Keyring,
        verdicts: &'a dyn Verdicts,
    ) -> Self {
        let registries = Registries::founding(genesis);
        let community = registries.community();
        let ledger = Ledger::new(community).reading(keys.clone());
        let report = Report {
            pairs: 0,
            closed: 0,
            signatures: 0,
            tip: community,
            balances_sum: 0,
            unread: 0,
            energy: Energy::ZERO,
            findings: Vec::new(),
            unlisted: 0,
        };
        Self { genesis, anchor, keys, verdicts, registries, ledger, open: BTreeMap::new(), report }
    }

    /// Height of the last pair; 0 before the first.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.ledger.height
    }

    /// The members, version by version, up to the last pair.
    #[must_use]
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Proves the next pair. The contract id it uses is handed back: that no pair below has used it is
    /// the caller's to find, who knows how much may be remembered, and to say to
    /// [`finish`](Self::finish).
    pub fn take(&mut self, pair: &Arc<Pair>, proof: &Proof) -> Option<ContractId> {
        let community = self.ledger.community;
        let root = |after: &Ledger| Some(after.balances.root(&community));
        let mut checked = check_pair(&self.ledger, pair, root);
        // What the keys do not open stays sealed, and is counted; what does not fit is found above.
        let pair = &pair.as_read(&community, self.keys);
        let (id, is_sound) = self.could_settle(pair);
        if !is_sound {
            checked = checked.and(Err(Damage::Record));
        }
        checked = checked.and_then(|()| {
            let claims = claims_of(pair, proof, &self.registries)?;
            self.report.signatures += claims.len() as u64;
            let wrong = first_wrong(self.verdicts, &claims);
            wrong.map_or(Ok(()), |at| Err(damage_at(at, pair, proof)))
        });
        self.registries.follow(pair, proof);
        pairs::follow(&mut self.ledger, pair);
        self.report.pairs += 1;
        let Ledger { height, tip, .. } = self.ledger;
        match proof.ledger_votes {
            Some(_) => self.report.closed += 1,
            None => _ = self.open.insert(height, tip),
        }
        if self.open.len() > OPEN_MAX {
            self.open.pop_first();
        }
        let is_anchored = self.anchor.is_none_or(|(at, hash)| at != height || hash == tip);
        self.find(height, checked.and(if is_anchored { Ok(()) } else { Err(Damage::Tip) }));
        id
    }

    /// Proves the ledger votes of a pair that came without them.
    pub fn close(&mut self, height: u64, votes: &Encoded<Votes>) {
        let open = self.open.remove(&height);
        self.report.closed += u64::from(open.is_some());
        let checked = open.ok_or(Damage::LedgerVotes).and_then(|ledger| {
            let claims = ledger_claims((height, ledger), votes, &self.registries)?;
            self.report.signatures += claims.len() as u64;
            let wrong = first_wrong(self.verdicts, &claims);
            wrong.map_or(Ok(()), |_| Err(Damage::LedgerVotes))
        });
        self.find(height, checked);
    }

    /// What was found. `repeated` are the heights whose contract id a pair below had used.
    #[must_use]
    pub fn finish(mut self, repeated: impl IntoIterator<Item = u64>) -> Report {
        for height in repeated {
            self.find(height, Err(Damage::Record));
        }
        if let Some((height, _)) = self.anchor.filter(|(height, _)| *height > self.ledger.height) {
            self.find(height, Err(Damage::Tip));
        }
        let mut report = self.report;
        // One finding per pair, the first that was made.
        report.findings.sort_by_key(|finding| finding.height);
        report.findings.dedup_by_key(|finding| finding.height);
        report.tip = self.ledger.tip;
        report.unread = self.ledger.unread;
        // Accounts that could not be followed prove nothing, and no money was made in them either.
        report.balances_sum = if self.ledger.unread == 0 { self.ledger.balances.sum() } else { 0 };
        report
    }

    /// The contract id that the next pair uses, and whether its record could have been settled there.
    fn could_settle(&mut self, pair: &Pair) -> (Option<ContractId>, bool) {
        let (record, time_ms) = (&pair.contract.record, pair.contract.time_ms);
        let (mut id, mut is_sound) = (None, true);
        if let Some(sealed) = record.sealed() {
            let seals = self.registries.seals_at(self.ledger.height + 1) == sealed.key;
            is_sound = seals && time_ms <= sealed.valid_until;
            id = Some(sealed.contract_id);
        }
        if let Some(body) = record.body() {
            let energy = &mut self.report.energy;
            *energy = Energy(energy.0.saturating_add(body.energy.0));
            let in_force = self.registries.at(self.ledger.height + 1);
            is_sound &= could_settle(body, time_ms, self.genesis, in_force);
            id = id.or(Some(body.contract_id));
        }
        (id, is_sound)
    }

    fn find(&mut self, height: u64, checked: Result<(), Damage>) {
        let Err(damage) = checked else { return };
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding { height, damage });
        } else {
            self.report.unlisted += 1;
        }
    }
}

/// Whether a contract's terms, parties and deadline allowed its settlement at `time_ms`.
fn could_settle(
    body: &ContractBody,
    time_ms: Timestamp,
    genesis: &Genesis,
    registry: &Registry,
) -> bool {
    let is_member =
        |party| registry.member(party).is_some_and(|member| time_ms <= member.not_after);
    body.check(genesis, &registry.community()).is_ok()
        && time_ms <= body.valid_until
        && is_member(body.buyer)
        && is_member(body.seller)
}

/// Position of the first claim that does not hold.
fn first_wrong(verdicts: &dyn Verdicts, claims: &[Claim<'_>]) -> Option<usize> {
    verdicts.check_all(claims).iter().position(|is_valid| !is_valid)
}
