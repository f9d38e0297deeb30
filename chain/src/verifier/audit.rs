//! Audit: the whole chain proven from its bytes alone, trusting only a genesis and, if there is
//! one, an outside anchor. No digest kept from earlier is used.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::proofs::{claims_of, damage_at};
use super::{Damage, Finding, check_pair, pairs};
use crate::block::{Pair, Proof};
use crate::contract::ContractBody;
use crate::digest::Digest;
use crate::genesis::Genesis;
use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::registry::{Registries, Registry};
use crate::sign::Verdicts;
use crate::terms::{Energy, Timestamp};

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
    let mut registries = Registries::founding(genesis);
    let community = registries.community();
    let mut ledger = Ledger::new(community).reading(keys.clone());
    let mut used = BTreeSet::new();
    let mut report = Report {
        pairs: 0,
        closed: 0,
        signatures: 0,
        tip: community,
        balances_sum: 0,
        unread: 0,
        energy: Energy::ZERO,
        findings: Vec::new(),
    };
    for (pair, proof) in pairs {
        let root = |after: &Ledger| Some(after.balances.root(&community));
        let mut checked = check_pair(&ledger, pair, root);
        // What the keys do not open stays sealed, and is counted; what does not fit is found above.
        let opened = pair.opened(&community, keys).map(Arc::new);
        let pair = opened.as_ref().unwrap_or(pair);
        let record = &pair.contract.record;
        let in_force = registries.at(ledger.height + 1);
        if let Some(sealed) = record.sealed() {
            let seals = registries.seals_at(ledger.height + 1) == sealed.key;
            let is_alive = pair.contract.time_ms <= sealed.valid_until;
            if !seals || !is_alive || !used.insert(sealed.contract_id) {
                checked = checked.and(Err(Damage::Record));
            }
        }
        if let Some(body) = record.body() {
            report.energy = Energy(report.energy.0.saturating_add(body.energy.0));
            let is_sound = could_settle(body, pair.contract.time_ms, genesis, in_force);
            let is_new = record.sealed().is_some() || used.insert(body.contract_id);
            if !is_sound || !is_new {
                checked = checked.and(Err(Damage::Record));
            }
        }
        checked =
            checked.and_then(|()| check_claims(pair, proof, &registries, verdicts, &mut report));
        registries.follow(pair, proof);
        pairs::follow(&mut ledger, pair);
        report.pairs += 1;
        report.closed += u64::from(proof.ledger_votes.is_some());
        let is_anchored = anchor.is_none_or(|(h, hash)| h != ledger.height || hash == ledger.tip);
        if let Err(damage) = checked.and(if is_anchored { Ok(()) } else { Err(Damage::Tip) }) {
            report.findings.push(Finding { height: ledger.height, damage });
        }
    }
    if let Some((height, _)) = anchor.filter(|(height, _)| *height > ledger.height) {
        report.findings.push(Finding { height, damage: Damage::Tip });
    }
    report.tip = ledger.tip;
    report.unread = ledger.unread;
    // Accounts that could not be followed prove nothing, and no money was made in them either.
    report.balances_sum = if ledger.unread == 0 { ledger.balances.sum() } else { 0 };
    report
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

fn check_claims(
    pair: &Pair,
    proof: &Proof,
    registries: &Registries,
    verdicts: &dyn Verdicts,
    report: &mut Report,
) -> Result<(), Damage> {
    let claims = claims_of(pair, proof, registries)?;
    report.signatures += claims.len() as u64;
    let verdict = verdicts.check_all(&claims);
    match verdict.iter().position(|is_valid| !is_valid) {
        None => Ok(()),
        Some(at) => Err(damage_at(at, pair, proof)),
    }
}
