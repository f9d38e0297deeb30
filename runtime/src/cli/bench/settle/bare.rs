//! The limit: a contract's signatures, made and checked strictly one after the other, and nothing else.

use cpu_time::ThreadTime;
use gridpact_chain::statement::Statement;

use super::deals::Deals;

/// Signatures over which the two rates are taken.
const SAMPLE: u32 = 2_000;

/// Processor time that one contract's signatures cost, in s: two parties' checked, approvals and ledger
/// votes of all voters signed, a quorum of each checked.
pub(super) fn seconds_a_contract(deals: &Deals) -> f64 {
    let (key, community) = (&deals.founding.keys[0], &deals.founding.community);
    let registry = &deals.founding.registry;
    let statements: Vec<Statement> = (0..SAMPLE)
        .map(|n| Statement::Ledger { height: n.into(), ledger: *community, registry: 0 })
        .collect();

    let watch = ThreadTime::now();
    let signatures: Vec<_> = statements.iter().map(|s| key.sign(s, community)).collect();
    let sign_s = watch.elapsed().as_secs_f64() / f64::from(SAMPLE);

    let public = &registry.members()[0].sign_key;
    let watch = ThreadTime::now();
    let good = statements.iter().zip(&signatures);
    let held =
        good.filter(|(s, signature)| public.verifies(&s.digest(community), signature)).count();
    let check_s = watch.elapsed().as_secs_f64() / held.max(1) as f64;

    let (voters, quorum) = (registry.voters().len() as f64, registry.quorum() as f64);
    2.0 * voters * sign_s + (2.0 + 2.0 * quorum) * check_s
}
