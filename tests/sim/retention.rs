//! `chain.retention_days`: what only one member knows is destroyed in time; what is on the chain
//! stays and proves itself.

use gridpact::actors::Retention;
use gridpact::actors::local::LocalStore;
use gridpact::agents::local::door::{Obligation, Side};
use gridpact::agents::resource::Standing;
use gridpact::agents::resource::reading::Reading;
use gridpact::agents::social::Entry as SocialEntry;
use gridpact::chain::contract::ContractId;
use gridpact::chain::digest::Digest;
use gridpact::chain::journal::JournalEntry;
use gridpact::chain::terms::{Interval, Profile};
use gridpact::chain::verifier::audit;
use gridpact::store::readings::Shelf;
use gridpact::store::{ChainJournal, Entry, Journal, MemoryJournal, archive};
use gridpact::verdicts::ProcessVerdicts;
use gridpact_tests::a_street;

use crate::STREET;

#[test]
fn what_began_before_the_retention_is_named_by_the_epoch() {
    assert_eq!(Retention(48).before(Interval(1_000)), Interval(952));
    assert_eq!(Retention(48).before(Interval(7)), Interval(0), "nothing is older than time");
    let looks = (0..48).filter(|epoch| Retention(48).is_due(Interval(*epoch))).count();
    assert_eq!(looks, 3, "journals are long: three looks a day of half-hours");
}

#[test]
fn readings_and_obligations_older_than_the_retention_are_destroyed() {
    let mut store = LocalStore::default();
    let readings = Shelf::default().of(0, 1_800).expect("in memory");
    for interval in [9, 10, 11].map(Interval) {
        let reading = Reading { interval, ..Reading::default() };
        readings.borrow_mut().record(0, &[reading], &Standing::default()).expect("kept");
        let contract_id = ContractId(Digest([interval.0 as u8; 32]));
        let profile = Profile { start: interval, wh: vec![500] };
        let signed = Obligation::Signed { contract_id, side: Side::Seller, profile };
        store.obligations.insert(contract_id, signed);
    }
    store.forget(Interval(10));
    readings.borrow_mut().forget(0, Interval(10)).expect("deleted");
    let kept = readings.borrow().newest(0, 9).expect("read");
    let kept: Vec<u32> = kept.iter().map(|reading| reading.interval.0).collect();
    assert_eq!(kept, [10, 11]);
    assert_eq!(store.obligations.len(), 2, "the one that ended at 10 is gone");
}

fn end_of(entry: &SocialEntry) -> Option<Interval> {
    match entry {
        SocialEntry::Sold { confirm, .. } => Some(confirm.body.end),
        SocialEntry::Bought { contract, .. } => Some(contract.body.end),
        SocialEntry::Closed { .. } => None,
    }
}

#[test]
fn contract_profiles_older_than_the_retention_are_destroyed_and_the_chain_still_verifies() {
    let archive = &STREET.archive;
    let mut ends: Vec<Interval> = archive.contracts.iter().filter_map(end_of).collect();
    ends.sort();
    let middle = ends[ends.len() / 2];
    assert!(ends[0] <= middle && middle < ends[ends.len() - 1], "some are old, some are not");
    let dir = tempfile::tempdir().expect("tmp");
    let on_disk = ChainJournal::create(dir.path(), &archive.genesis).expect("created");
    let journals: [Box<dyn Journal>; 2] = [Box::new(MemoryJournal::default()), Box::new(on_disk)];
    for mut journal in journals {
        for (pair, proof) in &archive.pairs {
            let (pair, proof) = (pair.clone(), proof.clone());
            journal.record(Entry::Chain(JournalEntry::Pair { pair, proof }));
        }
        for entry in &archive.contracts {
            journal.record(Entry::Social(entry.clone()));
        }
        journal.commit().expect("written");
        let kept = |journal: &dyn Journal| {
            let mut chain = Vec::new();
            let mut own = Vec::new();
            for entry in journal.entries() {
                match entry {
                    Entry::Chain(JournalEntry::Pair { pair, proof }) => chain.push((pair, proof)),
                    Entry::Chain(_) => {}
                    Entry::Social(entry) => own.push(entry),
                }
            }
            (chain, own)
        };
        journal.forget(Interval(0)).expect("forgotten");
        assert_eq!(kept(&*journal).1.len(), archive.contracts.len(), "nothing is that old");
        journal.forget(middle).expect("forgotten");
        let (chain, own) = kept(&*journal);
        assert!(own.iter().filter_map(end_of).all(|end| end > middle));
        assert_eq!(
            own.iter().filter_map(end_of).count(),
            ends.iter().filter(|end| **end > middle).count()
        );
        assert!(audit(&archive.genesis, &chain, None, &ProcessVerdicts::default()).is_proven());
        assert_eq!(chain.len(), archive.pairs.len());
        journal.forget(Interval(u32::MAX)).expect("forgotten");
        assert!(kept(&*journal).1.is_empty(), "not even what was closed is told any more");
    }
    assert!(archive::read(dir.path()).is_err(), "this log was never stopped cleanly");
}

#[test]
fn a_retention_below_what_forecasts_learn_from_is_refused_by_name() {
    let mut scenario = a_street(3);
    for (days, is_fine) in [(35, false), (36, true), (36_500, true), (36_501, false), (0, false)] {
        scenario.chain.retention_days = days;
        let checked = scenario.validate();
        assert_eq!(checked.is_ok(), is_fine, "{days} days");
        if let Err(error) = checked {
            let text = error.to_string();
            assert!(
                text.contains("chain.retention_days") && text.contains("36 to 36500"),
                "{text}"
            );
        }
    }
}

#[test]
fn a_number_of_verifier_threads_out_of_range_is_refused_by_name() {
    let mut scenario = a_street(3);
    for (threads, is_fine) in [(0, false), (1, true), (256, true), (257, false)] {
        scenario.verifier.threads = threads;
        let checked = scenario.validate();
        assert_eq!(checked.is_ok(), is_fine, "{threads} threads");
        if let Err(error) = checked {
            let text = error.to_string();
            assert!(text.contains("verifier.threads") && text.contains("1 to 256"), "{text}");
        }
    }
}
