//! Blocks read as slices: the same verdict as the owned way, on sound bytes and on mutated ones.

use std::sync::OnceLock;

use gridpact_chain::batch::BatchHead;
use gridpact_chain::block::{Anchor, ContractBlock, LedgerBlock, Pair, Record};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{Encoded, encode};
use gridpact_chain::genesis::Quorum;
use gridpact_chain::ledger::Ledger;
use gridpact_chain::registry::Registry;
use gridpact_chain::verifier::{Kept, PairBytes, PairHasher, State, check_pair};
use proptest::prelude::*;

use crate::street::a_chain;
use crate::world::a_genesis;

const PAIRS: u32 = 258;

fn the_chain() -> &'static (Digest, Vec<Kept>) {
    static CHAIN: OnceLock<(Digest, Vec<Kept>)> = OnceLock::new();
    CHAIN.get_or_init(|| {
        let registry = Registry::founding(&a_genesis(4, Quorum::Majority));
        (registry.community(), a_chain(&registry, PAIRS, false))
    })
}

/// The state below `height`, both ways.
fn below(height: usize) -> (Ledger, State) {
    let (community, chain) = the_chain();
    let (mut ledger, mut state) = (Ledger::new(*community), State::new(*community));
    for (pair, _) in &chain[..height - 1] {
        ledger.push(pair);
        assert_eq!(state.take(PairBytes::of(pair), &mut |_| None), Ok(()));
    }
    assert_eq!((state.ledger(), state.height()), (ledger.clone(), ledger.height));
    (ledger, state)
}

/// What may happen to stored bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(usize, u8),
    Set(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Cut(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |draw: usize| draw % bytes.len().max(1);
        match *self {
            _ if bytes.is_empty() => {}
            Self::Flip(draw, bit) => (at(draw), bytes[at(draw)] ^ (1 << (bit % 8))).set(bytes),
            Self::Set(draw, value) => (at(draw), value).set(bytes),
            Self::Insert(draw, value) => bytes.insert(at(draw), value),
            Self::Remove(draw) => _ = bytes.remove(at(draw)),
            Self::Cut(draw) => bytes.truncate(at(draw)),
        }
    }
}

trait Set {
    fn set(self, bytes: &mut [u8]);
}

impl Set for (usize, u8) {
    fn set(self, bytes: &mut [u8]) {
        bytes[self.0] = self.1;
    }
}

/// Bytes that mean something to a decoder are drawn more often than others.
fn a_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![0, 0x7f, 0x80, 0x81, 0x90, 0x92, 0x93, 0x96, 0x9e, 0xc0, 0xc4]),
        0xc4_u8..=0xdf,
        0xe0_u8..=0xff,
    ]
}

fn a_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<usize>(), a_byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<usize>(), a_byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<usize>().prop_map(Change::Remove),
        any::<usize>().prop_map(Change::Cut),
    ]
}

/// The owned verdict on a pair's bytes: decoded strictly, then checked.
fn owned(ledger: &Ledger, bytes: PairBytes<'_>) -> Option<bool> {
    let contract = Encoded::<ContractBlock>::from_bytes(bytes.contract).ok()?;
    let lower = Encoded::<LedgerBlock>::from_bytes(bytes.ledger).ok()?;
    let pair = Pair { contract, ledger: lower };
    let root = |after: &Ledger| Some(after.balances.root(&after.community));
    Some(check_pair(ledger, &pair, root).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn slices_and_owned_values_get_one_verdict(
        height in prop_oneof![Just(1_usize), Just(2), Just(255), Just(256), 3..=PAIRS as usize],
        changes in prop::collection::vec(a_change(), 0..3),
        in_ledger in any::<bool>(),
    ) {
        static BELOW: OnceLock<Vec<(Ledger, State)>> = OnceLock::new();
        let all = BELOW.get_or_init(|| (1..=PAIRS as usize).map(below).collect());
        let (ledger, state) = &all[height - 1];
        let pair = &the_chain().1[height - 1].0;
        let (mut contract, mut lower) =
            (pair.contract.bytes().to_vec(), pair.ledger.bytes().to_vec());
        let changed = if in_ledger { &mut lower } else { &mut contract };
        changes.iter().for_each(|change| change.apply(changed));
        let bytes = PairBytes { contract: &contract, ledger: &lower };
        let verdict = owned(ledger, bytes);
        prop_assert_eq!(bytes.is_canonical(), verdict.is_some());
        let sliced = state.clone().take(bytes, &mut |_| None);
        prop_assert_eq!(sliced.is_ok(), verdict == Some(true), "{:?}", sliced);
    }

    #[test]
    fn integers_of_every_length_are_read_as_they_are_written(
        height in 1_usize..=PAIRS as usize,
        shift in 0_u32..64,
        draw in any::<u64>(),
        sign in any::<bool>(),
    ) {
        let pair = &the_chain().1[height - 1].0;
        let mut block = (*pair.ledger).clone();
        let value = (draw >> shift).cast_signed();
        block.height = draw >> shift;
        block.entries[0].delta.0 = if sign { value } else { value.wrapping_neg() };
        block.entries[1].party.0 = (draw >> shift) as u32;
        let extra = block.entries[0];
        block.entries.open_mut().resize((draw % 20) as usize, extra);
        let ledger = encode(&block);
        let bytes = PairBytes { contract: pair.contract.bytes(), ledger: &ledger };
        prop_assert!(bytes.is_canonical() && bytes.decode().is_some());
    }
}

#[test]
fn a_record_that_is_no_contract_is_read_the_owned_way() {
    let pair = &the_chain().1[0].0;
    let record = Encoded::new(Record::Anchor(Anchor { height: 1, block: Digest([1; 32]) }));
    let block = ContractBlock { record, ..(*pair.contract).clone() };
    let bytes = encode(&block);
    let stored = PairBytes { contract: &bytes, ledger: pair.ledger.bytes() };
    assert!(stored.is_canonical() && stored.decode().is_some());
    let (_, mut state) = below(1);
    assert!(state.take(stored, &mut |_| None).is_err(), "it is not supported yet");
    let head = BatchHead { index: 0, time_ms: pair.contract.time_ms, items: Vec::new() };
    let foreign = PairBytes { contract: &encode(&head), ledger: pair.ledger.bytes() };
    assert!(!foreign.is_canonical());
}

#[test]
fn hashes_and_bounds_of_stored_bytes_are_those_of_the_blocks() {
    let (community, chain) = the_chain();
    let pair = &chain[255].0;
    let hashes = PairHasher::new(community).hash(PairBytes::of(pair));
    assert_eq!(hashes, (pair.contract.digest(community), pair.ledger.digest(community)));
    assert_eq!(PairBytes::of(pair).checkpoint(), pair.ledger.checkpoint);
    let whole = encode(&**pair);
    assert_eq!(PairBytes::within(&whole), Some(PairBytes::of(pair)));
    for cut in 0..whole.len() {
        assert_eq!(PairBytes::within(&whole[..cut]), None, "{cut}");
    }
}
