//! A node's store of a sealed chain: its balances, its deadlines and its copies over restarts.

use gridpact_chain::keyring::{KeyLetter, Keyring, Keys};
use gridpact_chain::seal::GroupKey;
use gridpact_chain::sealed::SealedContract;
use gridpact_chain::statement::Answer;

use super::super::entry::{Entry, Journal};
use super::super::opening::{Opened, Opening};
use super::super::rebuild::rebuild_beside;
use super::super::state::{STATE, State};
use super::super::{ChainJournal, StoreError};
use super::opening::{at, genesis, record};
use super::*;
use crate::keys::SecretKey;
use gridpact_chain::batch::{BatchHead, OrderProof};
use gridpact_chain::block::{Order, Pair, Proof, Record, Votes};
use gridpact_chain::contract::ContractId;
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{Encoded, encode};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::ledger::Ledger;
use gridpact_chain::registry::RegistryVersion;
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::{Approval, LedgerVote, Statement};
use gridpact_chain::terms::{Interval, Money, PartyId, Timestamp};

/// The group key that seals; the member of the store, and one that has no copy of it.
fn group() -> GroupKey {
    GroupKey::from_bytes([5; 32])
}

fn member() -> Arc<SecretKey> {
    Arc::new(SecretKey::simulated(7, PartyId(0)))
}

fn letter(community: &Digest) -> JournalEntry {
    let members = [(PartyId(0), member().seal_public())];
    let wrapped = group().wrap(community, 0, [77; 32], members.into_iter());
    let commitment = group().commitment(community, 0);
    let keys = Encoded::new(Keys { registry: RegistryVersion::default(), commitment, wrapped });
    JournalEntry::Keys(Arc::new(KeyLetter { keys, signature: Signature([1; 64]) }))
}

fn keys() -> Keyring {
    let mut keys = Keyring::default();
    keys.add(0, group());
    keys
}

/// A letter of keys, and the records of sealed heights 1 to `heights` behind it; as the node has them in
/// memory: opened.
fn sealed_records(heights: u64) -> Vec<Entry> {
    let community = genesis("street").community();
    let mut ledger = Ledger::new(community).reading(keys());
    let mut entries = vec![letter(&community)];
    let registry = RegistryVersion::default();
    for n in 1..=heights {
        let open = record(community, n).contract().expect("a contract").clone();
        let sealed = SealedContract::seal(open, 0, &community, &keys()).expect("the key is held");
        let record = Encoded::new(Record::Sealed(sealed));
        let signature = Signature([n as u8; 64]);
        let (contract_id, body) = record.subject(&community).expect("a contract");
        let (answer, voter) = (Answer::Yes, PartyId(0));
        let vote = Approval { contract_id, body, answer, registry, voter, signature };
        entries.push(JournalEntry::Approval { vote, record: record.clone() });
        let pair = Arc::new(ledger.next(Timestamp(n), registry, &record).expect("settles"));
        ledger.push(&pair);
        let votes = Encoded::new(Votes { registry, signatures: vec![(PartyId(0), signature)] });
        let head = BatchHead { index: n - 1, time_ms: Timestamp(n), items: vec![Digest([1; 32])] };
        let (head, proof) = (Encoded::new(head), OrderProof::Sequencer(signature));
        let order = Order { head, position: 0, proof };
        let proof = Proof { approvals: votes.clone(), ledger_votes: None, order };
        entries.push(JournalEntry::Pair { pair, proof: Arc::new(proof) });
        let vote = LedgerVote { height: n, ledger: ledger.tip, registry, voter, signature };
        entries.push(JournalEntry::LedgerVote(vote));
        entries.push(JournalEntry::Closed { height: n, votes });
    }
    entries.into_iter().map(Entry::Chain).collect()
}

fn with_key(root: &Path) -> Opening {
    Opening { key: Some(member()), ..at(root) }
}

fn open(opening: &Opening) -> Opened {
    opening.open(&genesis("street")).expect("opened")
}

/// Writes what is missing of the records, one group for each height.
fn go_on(journal: &mut ChainJournal, heights: u64) {
    let known = journal.entries().len();
    for entry in &sealed_records(heights)[known..] {
        assert!(journal.record(entry.clone()), "it is not durable yet");
        if matches!(entry, Entry::Chain(JournalEntry::Closed { .. })) {
            journal.commit().expect("written");
        }
    }
}

/// What accounts hold after `heights`, from the open records.
fn expected(heights: u64) -> Vec<(PartyId, Money)> {
    let community = genesis("street").community();
    let mut ledger = Ledger::new(community);
    for n in 1..=heights {
        let registry = RegistryVersion::default();
        let pair = ledger.next(Timestamp(n), registry, &record(community, n)).expect("settles");
        ledger.push(&Arc::new(pair));
    }
    ledger.balances.iter().collect()
}

fn balances(journal: &ChainJournal) -> Vec<(PartyId, Money)> {
    let state = journal.state().expect("derived");
    state.balances().expect("readable").into_iter().collect()
}

#[test]
fn a_node_with_its_key_knows_the_accounts_of_a_sealed_chain_after_every_crash() {
    let tmp = tempfile::tempdir().expect("tmp");
    for heights in [3, 5] {
        let mut journal = open(&with_key(tmp.path())).journal;
        go_on(&mut journal, heights);
        assert_eq!(balances(&journal), expected(heights), "as it is written");
        drop(journal);
        let opened = open(&with_key(tmp.path()));
        assert!(!opened.is_state_rebuilt);
        assert_eq!(opened.journal.entries(), sealed_records(heights));
        assert_eq!(balances(&opened.journal), expected(heights), "and as it is opened again");
        let state = opened.journal.state().expect("derived");
        assert_eq!(state.heights_of(PartyId(2)).expect("readable")[..2], [1, 2]);
    }
    // A state that is gone, or behind, comes back the same from the sealed bytes.
    let dir = tmp.path().join("store").join(STATE);
    fs::remove_dir_all(&dir).expect("removed");
    let opened = open(&with_key(tmp.path()));
    assert_eq!(balances(&opened.journal), expected(5));
    // Nothing of it stands in the log.
    let body = encode(record(genesis("street").community(), 3).body().expect("a contract"));
    for (_, bytes) in read_files(&tmp.path().join("store/chain")) {
        assert!(!bytes.windows(body.len()).any(|window| window == body));
    }
}

fn read_files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(dir).expect("listable").map(|file| file.expect("listable").path());
    files.map(|path| (path.clone(), fs::read(&path).expect("readable"))).collect()
}

#[test]
fn without_its_key_a_store_tells_heights_and_no_balance() {
    let tmp = tempfile::tempdir().expect("tmp");
    let mut journal = open(&with_key(tmp.path())).journal;
    go_on(&mut journal, 4);
    drop(journal);
    let stranger = Some(Arc::new(SecretKey::simulated(8, PartyId(0))));
    for key in [None, stranger] {
        let blind = open(&Opening { key, ..at(tmp.path()) });
        let state = blind.journal.state().expect("derived");
        assert_eq!(state.unread().expect("readable"), 4);
        for refused in [
            state.balances().expect_err("no balance"),
            state.heights_of(PartyId(2)).map(|_| ()).expect_err("no heights of an account"),
        ] {
            assert!(refused.to_string().contains("4 pairs are sealed"), "{refused}");
        }
        let id = ContractId(Digest([2; 32]));
        assert_eq!(state.height_of(id).expect("readable"), Some(2), "ids are open");
        assert_eq!(state.tip().expect("readable").0, 4);
        drop(blind);
        let again = open(&Opening { key: None, ..at(tmp.path()) });
        assert!(!again.is_state_rebuilt, "it is what can be known without the key");
    }
    let seeing = open(&with_key(tmp.path()));
    assert!(seeing.is_state_rebuilt, "with the key more is known");
    assert_eq!(balances(&seeing.journal), expected(4));
}

#[test]
fn sealed_pairs_that_a_blind_state_takes_in_are_counted_and_not_guessed() {
    let tmp = tempfile::tempdir().expect("tmp");
    let community = genesis("street").community();
    let pairs: Vec<Arc<Pair>> = sealed_records(3)
        .iter()
        .filter_map(|entry| match entry {
            Entry::Chain(JournalEntry::Pair { pair, .. }) => Some(Arc::clone(pair)),
            _ => None,
        })
        .collect();
    let from_bytes = |pair: &Arc<Pair>| {
        let bytes = encode(&**pair);
        Arc::new(super::super::chain::decode::<Pair>("pair", &bytes).expect("canonical"))
    };
    let state = State::rebuild(tmp.path(), community, &pairs[..1]).expect("written");
    assert_eq!(state.balances().expect("readable").len(), 2);
    state.take(&[from_bytes(&pairs[1])]).expect("taken in");
    state.take(&pairs[2..]).expect("taken in");
    assert_eq!(state.unread().expect("readable"), 1);
    assert!(state.balances().is_err(), "one that is not read makes all that follow unknown");
    let (blind, seeing) = ([&pairs[0], &from_bytes(&pairs[1]), &pairs[2]].map(Arc::clone), pairs);
    assert!(state.agrees_with(&blind).expect("readable"));
    assert!(!state.agrees_with(&seeing).expect("readable"));
}

#[test]
fn rebuilding_wants_every_pair_read_and_leaves_the_old_state_otherwise() {
    let tmp = tempfile::tempdir().expect("tmp");
    let mut journal = open(&with_key(tmp.path())).journal;
    go_on(&mut journal, 4);
    journal.close().expect("closed");
    drop(journal);
    let (chain, file) = (tmp.path().join("store/chain"), tmp.path().join("store/state/chain.redb"));
    let before = fs::read(&file).expect("readable");
    let refused = rebuild_beside(&chain, &Keyring::default()).expect_err("sealed");
    assert!(matches!(refused, StoreError::Sealed { unread: 4, of: 4 }), "{refused}");
    assert!(refused.to_string().contains("--key"), "{refused}");
    // Keys of another epoch read nothing either.
    let mut shown = Keyring::default();
    let community = genesis("street").community();
    shown.disclose(0, Interval(8), group().epoch(&community, Interval(8)));
    assert!(matches!(rebuild_beside(&chain, &shown), Err(StoreError::Sealed { .. })));
    assert_eq!(fs::read(&file).expect("readable"), before, "nothing was changed");
    fs::remove_file(&file).expect("removed");
    assert_eq!(rebuild_beside(&chain, &keys()).expect("written").accounts, expected(4).len());
    let opened = open(&with_key(tmp.path()));
    assert!(!opened.is_state_rebuilt, "it is what the node would have written");
    assert_eq!(balances(&opened.journal), expected(4));
}

#[test]
fn deadlines_of_sealed_contracts_count_for_a_key_that_was_away() {
    let tmp = tempfile::tempdir().expect("tmp");
    let mut journal = open(&with_key(tmp.path())).journal;
    go_on(&mut journal, 6);
    drop(journal);
    // The store is lost, and the node begins anew: contracts it may have answered are void by then.
    fs::remove_dir_all(tmp.path().join("store")).expect("lost");
    let resumed = Opening { resume_key: true, ..with_key(tmp.path()) };
    let journal = open(&resumed).journal;
    assert_eq!(journal.unknown_votes().expect("known beside the key").until, Timestamp(60));
    let (contract_id, body) = (ContractId(Digest([9; 32])), Digest([9; 32]));
    let (answer, registry) = (Answer::Yes, RegistryVersion::default());
    let approve = Statement::Approve { contract_id, body, answer, registry };
    assert!(!journal.may_sign(&approve, Timestamp(60)));
    assert!(journal.may_sign(&approve, Timestamp(61)));
    let JournalEntry::Keys(letter) = letter(&genesis("street").community()) else { return };
    assert!(journal.may_sign(&Statement::Keys(letter.keys.clone()), Timestamp(0)));
}

#[test]
fn a_damaged_sealed_pair_is_mended_by_a_copy_whoever_has_read_it() {
    for is_opened in [true, false] {
        let tmp = tempfile::tempdir().expect("tmp");
        let mut journal = open(&with_key(tmp.path())).journal;
        go_on(&mut journal, 5);
        drop(journal);
        let copies = sealed_records(5);
        let (pair, proof) = copies
            .iter()
            .find_map(|entry| match entry {
                Entry::Chain(JournalEntry::Pair { pair, proof }) if pair.height() == 3 => {
                    Some((Arc::clone(pair), Arc::clone(proof)))
                }
                _ => None,
            })
            .expect("pair 3");
        let votes = copies.iter().find_map(|entry| match entry {
            Entry::Chain(JournalEntry::Closed { height: 3, votes }) => Some(votes.clone()),
            _ => None,
        });
        let proof = Arc::new(Proof { ledger_votes: votes, ..Proof::clone(&proof) });
        let file = tmp.path().join("store/chain/0001.log");
        let mut bytes = fs::read(&file).expect("readable");
        let sealed = pair.ledger.bytes();
        let offset = bytes.windows(sealed.len()).position(|at| at == sealed).expect("there");
        bytes[offset + sealed.len() / 2] ^= 16;
        fs::write(&file, &bytes).expect("written");

        let opened = open(&with_key(tmp.path()));
        assert_eq!(opened.found, None, "damaged");
        let mut journal = opened.journal;
        let copy = match is_opened {
            true => pair,
            false => {
                let bytes = encode(&*pair);
                Arc::new(super::super::chain::decode::<Pair>("pair", &bytes).expect("canonical"))
            }
        };
        journal.repair(3, &copy, &proof).expect("mended");
        assert_eq!(journal.damage(), []);
        drop(journal);
        let again = open(&with_key(tmp.path()));
        assert_eq!(again.journal.entries(), sealed_records(5));
        assert_eq!(balances(&again.journal), expected(5));
    }
}
