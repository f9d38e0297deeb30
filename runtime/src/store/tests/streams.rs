//! A chain read item after item: whatever its length, no more is kept than waits.

use gridpact_chain::genesis::{Genesis, Member, Role};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::terms::{PartyId, Power, Timestamp};

use super::super::archive::{self, ArchiveError};
use super::super::entry::{Entry, Journal};
use super::super::heights::Heights;
use super::super::stream::{Item, Stream};
use super::super::{ChainJournal, End};
use super::opening::{genesis, records};
use super::*;

/// Records in each group.
const A_GROUP: usize = 10;

/// A founding document that founds something.
fn a_street() -> Genesis {
    let bare = genesis("street");
    let voter = Member {
        id: PartyId(0),
        name: "home".to_owned(),
        sign_key: bare.operator_key,
        seal_key: [0; 32],
        roles: vec![Role::Prosumer],
        voter: true,
        line_limit_w: Power(1),
        not_after: Timestamp(u64::MAX),
    };
    Genesis { members: vec![voter], ..bare }
}

fn written(dir: &Path, entries: Vec<Entry>) {
    let mut journal = ChainJournal::create(dir, &a_street()).expect("an empty directory");
    for group in entries.chunks(A_GROUP) {
        group.iter().for_each(|entry| _ = journal.record(entry.clone()));
        journal.commit().expect("committed");
    }
    journal.close().expect("closed");
}

/// Records where the votes of `height` come last of all.
fn closed_last(heights: u64, height: u64) -> Vec<Entry> {
    let (late, mut entries): (Vec<Entry>, Vec<Entry>) = records(heights).into_iter().partition(
        |entry| matches!(entry, Entry::Chain(JournalEntry::Closed { height: h, .. }) if *h == height),
    );
    entries.extend(late);
    entries
}

#[test]
fn what_is_kept_while_a_chain_is_read_does_not_grow_with_it() {
    let kept = [40, 400].map(|heights| {
        let dir = tempfile::tempdir().expect("a directory");
        written(dir.path(), records(heights));
        let mut items = Stream::committed(dir.path()).expect("a chain");
        let (mut most, mut pairs, mut closed, mut others) = ((0, 0, 0), 0, 0, 0);
        while let Some(item) = items.next() {
            match item.expect("every byte is proved") {
                Item::Pair(pair, _) => {
                    pairs += 1;
                    assert_eq!(pair.height(), pairs);
                }
                Item::Closed(..) => closed += 1,
                Item::Record(_) | Item::Contract(_) | Item::Hidden => others += 1,
            }
            let (waiting, bytes, open) = items.kept();
            most = (waiting.max(most.0), bytes.max(most.1), open.max(most.2));
        }
        assert_eq!((pairs, closed, others), (heights, heights, 2 * heights));
        assert!(matches!(items.finish(), Ok((_, End::Closed))));
        most
    });
    let [(waiting, bytes, open), (later, more_bytes, more)] = kept;
    assert!(waiting > 0 && open > 0, "something waits in a group: {kept:?}");
    // The least integers of MessagePack grow by a byte or two with the heights.
    assert!(later <= waiting && more <= open && more_bytes <= bytes + 16 * waiting, "{kept:?}");
}

#[test]
fn heights_come_in_order_and_whole_wherever_their_votes_lie() {
    let dir = tempfile::tempdir().expect("a directory");
    written(dir.path(), closed_last(30, 7));
    let (archive, _) = archive::read_committed(dir.path()).expect("every byte is proved");
    let heights = Heights::of(Stream::committed(dir.path()).expect("a chain"));
    let all: Vec<_> = heights.map(|height| height.expect("every byte is proved")).collect();
    assert_eq!(all, archive.pairs);
    assert!(all.iter().all(|(_, proof)| proof.ledger_votes.is_some()));
}

#[test]
fn votes_that_come_later_than_heights_can_wait_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    written(dir.path(), closed_last(30, 7));
    let read = |most| {
        let items = Stream::committed(dir.path()).expect("a chain");
        Heights::waiting_for(items, most).collect::<Result<Vec<_>, ArchiveError>>()
    };
    assert_eq!(read(24).map(|all| all.len()).expect("they wait"), 30);
    let late = read(23).expect_err("one waits too many").to_string();
    assert_eq!(late, "the votes of height 7 lie 23 heights above it");
}

#[test]
fn proofs_without_pairs_and_pairs_without_proofs_are_named() {
    let parts = |heights: u64| {
        let all = records(heights).into_iter().filter_map(|entry| match entry {
            Entry::Chain(JournalEntry::Pair { pair, proof }) => Some((pair, proof)),
            _ => None,
        });
        all.flat_map(|(pair, proof)| {
            let height = pair.height();
            super::super::parts::parts_of_pair(&pair, &proof)
                .map(move |(kind, bytes)| (kind, height, bytes))
                .collect::<Vec<_>>()
        })
        .collect::<Vec<_>>()
    };
    let cases: [(&[usize], &str); 6] = [
        (&[0, 1, 2, 3], ""),
        (&[0, 1, 2], "height 2 has no proof"),
        (&[0, 1, 3], "there is a proof of height 2, but no pair"),
        (&[0, 2, 3], "a proof of height 2, and none of 1"),
        (&[0, 1, 1], "a second proof of height 1"),
        (&[0, 1, 0], "pair of height 1 after 1"),
    ];
    for (order, expected) in cases {
        let dir = tempfile::tempdir().expect("a directory");
        let mut log = Log::create(dir.path()).expect("an empty directory");
        let founding = gridpact_chain::encode::encode(&a_street());
        log.append(Kind::Genesis, 0, &founding).expect("room");
        let parts = parts(2);
        for (kind, height, bytes) in order.iter().map(|at| &parts[*at]) {
            log.append(*kind, *height, bytes).expect("room");
        }
        log.close(&[0; 32]).expect("closed");
        let read = archive::read(dir.path()).map(|_| ()).map_err(|error| error.to_string());
        match expected {
            "" => assert_eq!(read, Ok(())),
            expected => assert!(read.as_ref().is_err_and(|e| e.contains(expected)), "{read:?}"),
        }
    }
}
