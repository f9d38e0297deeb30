//! Section 8.6: a home leaves and another one votes no more while the days run; the market goes on,
//! and the whole chain is proved by genesis and its own records.

use gridpact::chain::membership::Change;
use gridpact::chain::terms::PartyId;
use gridpact::sim::scenario::{Fate, MemberChange, Scenario};
use gridpact_tests::{Lived, a_street, live};

const LEAVES: u32 = 7;
const IS_SILENT: u32 = 5;

fn a_changing_street() -> Scenario {
    let mut scenario = a_street(12);
    scenario.scenario.members = vec![
        MemberChange { at_epoch: 26, home: LEAVES, change: Fate::Remove },
        MemberChange { at_epoch: 30, home: IS_SILENT, change: Fate::Silence },
    ];
    scenario
}

/// Height and change of each Membership record.
fn changes(lived: &Lived) -> Vec<(u64, Change)> {
    let change = |pair: &gridpact::chain::block::Pair| {
        Some((pair.height(), pair.contract.record.membership()?.change.clone()))
    };
    lived.archive.pairs.iter().filter_map(|(pair, _)| change(pair)).collect()
}

#[test]
fn members_change_while_the_market_runs_and_the_chain_proves_itself() {
    let lived = live(&a_changing_street());
    lived.assert_proved();
    let changes = changes(&lived);
    let [(left, Change::Remove(who)), (silent, Change::SetVoter { member, voter: false })] =
        &changes[..]
    else {
        panic!("both are on the chain: {changes:?}")
    };
    assert_eq!((*who, *member), (PartyId(LEAVES), PartyId(IS_SILENT)));
    let trades = |party, from, to| {
        let within = |height: u64| (from..to).contains(&height);
        let between = lived.contracts().filter(|(pair, _)| within(pair.height()));
        between.filter(|(_, body)| body.is_between(PartyId(party))).count()
    };
    assert!(trades(LEAVES, 1, *left) > 0, "it traded before");
    assert_eq!(trades(LEAVES, *left, u64::MAX), 0, "and not after");
    assert!(trades(IS_SILENT, *silent, u64::MAX) > 0, "who does not vote trades all the same");
    for (pair, proof) in &lived.archive.pairs {
        let height = pair.height();
        let version = u32::from(height > *left) + u32::from(height > *silent);
        assert_eq!(pair.contract.registry, version);
        let signs = |party: u32| {
            let votes = proof.ledger_votes.iter().flat_map(|votes| &votes.signatures);
            votes.filter(|(voter, _)| *voter == PartyId(party)).count()
        };
        assert_eq!(if height > *left { signs(LEAVES) } else { 0 }, 0);
        assert_eq!(if height > *silent { signs(IS_SILENT) } else { 0 }, 0);
    }
}

#[test]
fn the_same_changes_give_the_same_tip() {
    let (first, second) = (live(&a_changing_street()), live(&a_changing_street()));
    assert_eq!(first.run.chain.tip, second.run.chain.tip);
}
