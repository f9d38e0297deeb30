//! Inclusion: what shows a stranger one contract, and every way in which it could lie.

use std::sync::{Arc, LazyLock};

use gridpact_chain::block::{LedgerBlock, Pair, Proof, Votes};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::genesis::{Genesis, Quorum};
use gridpact_chain::inclusion::{Inclusion, InclusionError};
use gridpact_chain::registry::Registry;
use gridpact_chain::terms::PartyId;
use gridpact_chain::verdicts::Strict;
use proptest::prelude::*;

use crate::street::a_chain;
use crate::world::a_genesis;

const PAIRS: u64 = 7;

/// A chain of seven pairs whose heights 3, 6 and 7 are closed.
struct Street {
    genesis: Genesis,
    community: Digest,
    chain: Vec<(Arc<Pair>, Arc<Proof>)>,
}

fn street_of(quorum: Quorum) -> Street {
    let genesis = a_genesis(4, quorum);
    let registry = Registry::founding(&genesis);
    let open = |(pair, proof): (Arc<Pair>, Arc<Proof>)| {
        let is_closed = [3, 6, 7].contains(&pair.height());
        let ledger_votes = proof.ledger_votes.clone().filter(|_| is_closed);
        (pair, Arc::new(Proof { ledger_votes, ..Proof::clone(&proof) }))
    };
    let chain = a_chain(&registry, PAIRS as u32, true).into_iter().map(open).collect();
    Street { community: registry.community(), genesis, chain }
}

static STREET: LazyLock<Street> = LazyLock::new(|| street_of(Quorum::Majority));
static OTHER: LazyLock<Street> = LazyLock::new(|| street_of(Quorum::TwoThirds));

impl Street {
    fn shown(&self, height: u64) -> Inclusion {
        Inclusion::of(&self.genesis, &self.chain, height).expect("closed at or above")
    }
}

fn check(inclusion: &Inclusion) -> Result<(), InclusionError> {
    inclusion.check(&STREET.community, &Strict).map(|_| ())
}

#[test]
fn every_height_is_shown_by_the_next_closed_one() {
    for (height, above) in (1..=PAIRS).zip([2, 1, 0, 2, 1, 0, 0]) {
        let shown = STREET.shown(height);
        assert_eq!(shown.above.len(), above, "height {height}");
        let body = shown.check(&STREET.community, &Strict).expect("on the chain");
        let (pair, _) = &STREET.chain[height as usize - 1];
        assert_eq!(Some(body), pair.contract.record.body());
    }
    assert!(Inclusion::of(&STREET.genesis, &STREET.chain, 0).is_none());
    assert!(Inclusion::of(&STREET.genesis, &STREET.chain, PAIRS + 1).is_none());
    assert!(Inclusion::of(&STREET.genesis, &STREET.chain[..2], 1).is_none(), "nothing is closed");
}

#[test]
fn another_community_and_another_genesis_show_nothing() {
    let shown = STREET.shown(3);
    let elsewhere = shown.check(&OTHER.community, &Strict);
    assert_eq!(elsewhere, Err(InclusionError::Community(STREET.community)));
    let swapped = Inclusion { genesis: OTHER.genesis.clone(), ..shown.clone() };
    assert_eq!(check(&swapped), Err(InclusionError::Community(OTHER.community)));
    // Its own community, but the blocks name another.
    let theirs = swapped.check(&OTHER.community, &Strict);
    assert!(matches!(theirs, Err(InclusionError::Link(3))), "{theirs:?}");
}

#[test]
fn a_genesis_that_founds_nothing_shows_nothing() {
    let mut shown = STREET.shown(3);
    shown.genesis.members.swap(0, 1);
    let community = shown.genesis.community();
    let said = shown.check(&community, &Strict);
    assert!(matches!(said, Err(InclusionError::Genesis(_))), "{said:?}");
}

#[test]
fn a_broken_link_shows_nothing() {
    for (height, dropped) in [(1, 0), (1, 1), (2, 0), (4, 1)] {
        let mut shown = STREET.shown(height);
        shown.above.remove(dropped);
        assert!(check(&shown).is_err(), "height {height} without block {dropped} above");
    }
    let mut turned = STREET.shown(1);
    turned.above.reverse();
    assert_eq!(check(&turned), Err(InclusionError::Link(3)));
    let mut longer = STREET.shown(3);
    longer.above = STREET.shown(2).above;
    assert!(check(&longer).is_err(), "a block that does not follow");
    let mut other_half = STREET.shown(3);
    other_half.pair.contract = STREET.shown(4).pair.contract;
    assert_eq!(check(&other_half), Err(InclusionError::Link(4)));
    let mut repeated = STREET.shown(1);
    repeated.above.insert(0, repeated.pair.ledger.clone());
    assert_eq!(check(&repeated), Err(InclusionError::Link(1)));
}

#[test]
fn votes_on_something_else_or_of_too_few_show_nothing() {
    let swapped =
        |height, from| Inclusion { votes: STREET.shown(from).votes, ..STREET.shown(height) };
    assert_eq!(check(&swapped(3, 6)), Err(InclusionError::Votes(3)));
    assert_eq!(check(&swapped(1, 7)), Err(InclusionError::Votes(3)));
    let approvals = STREET.chain[2].1.approvals.clone();
    let approved = Inclusion { votes: approvals, ..STREET.shown(3) };
    assert_eq!(check(&approved), Err(InclusionError::Votes(3)), "approvals are no ledger votes");
    let shown = STREET.shown(3);
    let with = |change: &dyn Fn(&mut Votes)| {
        let mut votes = Votes::clone(&shown.votes);
        change(&mut votes);
        check(&Inclusion { votes: Encoded::new(votes), ..shown.clone() })
    };
    assert_eq!(with(&|_| ()), Ok(()));
    let changes: [&dyn Fn(&mut Votes); 6] = [
        &|votes| _ = votes.signatures.pop(),
        &|votes| votes.signatures.reverse(),
        &|votes| votes.signatures[1] = votes.signatures[0],
        &|votes| votes.signatures[0].0 = PartyId(99),
        &|votes| votes.signatures[0].1.0[40] ^= 1,
        &|votes| votes.registry = 1,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(with(change), Err(InclusionError::Votes(3)), "change {number}");
    }
}

#[test]
fn what_follows_the_json_or_is_unknown_to_it_is_refused() {
    let text = serde_json::to_string(&STREET.shown(1)).expect("plain data");
    let back: Inclusion = serde_json::from_str(&text).expect("its own writing");
    assert_eq!((check(&back), back), (Ok(()), STREET.shown(1)));
    for wrong in [
        format!("{text} {{}}"),
        format!("{text}x"),
        text.replacen('{', "{\"note\":1,", 1),
        text.replacen("\"above\":", "\"above\":[],\"above\":", 1),
        text[..text.len() - 1].to_owned(),
        text.replacen("\"height\":1,", "\"height\":-1,", 1),
        text.replacen("\"height\":1,", "\"height\":1.5,", 1),
    ] {
        assert_ne!(wrong, text);
        assert!(serde_json::from_str::<Inclusion>(&wrong).is_err(), "{}", &wrong[..60]);
    }
    let hex = text.find("\"prev_ledger_hash\":\"").expect("a digest") + 20;
    let upper = format!("{}{}{}", &text[..hex], "zz", &text[hex + 2..]);
    assert!(serde_json::from_str::<Inclusion>(&upper).is_err(), "no hexadecimal digits");
}

proptest! {
    /// Whatever digit of the numbers and digests in it is changed, nothing is shown, or exactly the
    /// same contract.
    #[test]
    fn a_changed_digit_never_shows_another_contract(
        height in 1..=PAIRS,
        place in any::<prop::sample::Index>(),
        digit in 0..10_u8,
    ) {
        let shown = STREET.shown(height);
        let mut text = serde_json::to_vec(&shown).expect("plain data");
        let digits: Vec<usize> = (0..text.len()).filter(|at| text[*at].is_ascii_digit()).collect();
        text[digits[place.index(digits.len())]] = b'0' + digit;
        if let Ok(other) = serde_json::from_slice::<Inclusion>(&text)
            && let Ok(body) = other.check(&STREET.community, &Strict)
        {
            prop_assert_eq!(Some(body), shown.pair.contract.record.body());
        }
    }

    /// A ledger block above that was changed breaks the chain of digests or the votes.
    #[test]
    fn a_changed_block_above_shows_nothing(height in 1..3_u64, which in 0..2_usize, bit in 0..64_u32) {
        let mut shown = STREET.shown(height);
        let which = which.min(shown.above.len() - 1);
        let mut block = LedgerBlock::clone(&shown.above[which]);
        block.entries[0].balance.0 ^= 1 << bit.min(62);
        shown.above[which] = Encoded::new(block);
        prop_assert!(check(&shown).is_err());
    }
}
