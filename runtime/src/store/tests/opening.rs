//! A node's store over restarts: damage, older copies, keys that have voted, full disks.

use std::process::Command;

use gridpact_chain::batch::{BatchHead, OrderProof};
use gridpact_chain::block::{Order, Pair, Proof, Record, Votes};
use gridpact_chain::contract::{ContractBody, ContractId, SignedContract};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::genesis::{Genesis, Limits, Quorum, VERSION};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::ledger::Ledger;
use gridpact_chain::registry::RegistryVersion;
use gridpact_chain::sign::{PublicKey, Signature};
use gridpact_chain::statement::{Answer, Approval, LedgerVote, Statement};
use gridpact_chain::terms::{Energy, Interval, Money, PartyId, Price, Timestamp};

use super::super::entry::{Entry, Journal};
use super::super::last_use::{KeyFile, KeyUseError, LastUse};
use super::super::opening::{Opened, Opening, RESERVE_BYTES};
use super::super::state::{FILE, STATE, State};
use super::super::{ChainJournal, StoreError};
use super::faulty::{Fault, FaultyDisk};
use super::*;

/// The first public key of RFC 8032, section 7.1.
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

pub(super) fn genesis(name: &str) -> Genesis {
    let mut key = [0; 32];
    for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&KEY[at..at + 2], 16).expect("hexadecimal");
    }
    Genesis {
        version: VERSION,
        name: name.to_owned(),
        operator_key: PublicKey::from_bytes(&key).expect("a key"),
        members: Vec::new(),
        quorum: Quorum::Majority,
        sequencer: PartyId(0),
        interval_s: 1800,
        currency: "AUD".to_owned(),
        limits: Limits::default(),
        grace_s: 0,
        tolerance_wh: Energy(0),
        imbalance_cap: Price(0),
        correction_days: 0,
    }
}

pub(super) fn record(community: Digest, n: u64) -> Encoded<Record> {
    let (energy, unit_price) = (Energy(1_000 + n), Price(100_000));
    let body = ContractBody {
        community,
        contract_id: ContractId(Digest([n as u8; 32])),
        epoch: Interval(7),
        buyer: PartyId((n % 3) as u32),
        seller: PartyId((n % 3 + 1) as u32),
        start: Interval(8),
        end: Interval(9),
        energy,
        profile_commitment: Digest([7; 32]),
        unit_price,
        amount: Money(n as i64),
        shortfall_price: unit_price,
        surplus_price: unit_price,
        valid_until: Timestamp(n * 10),
    };
    let signature = Signature([n as u8; 64]);
    let contract = SignedContract { body, buyer_sig: signature, seller_sig: signature };
    Encoded::new(Record::Contract(contract))
}

/// The records of heights 1 to `heights`, as a voter writes them: its approval, the pair, its vote,
/// the closing.
pub(super) fn records(heights: u64) -> Vec<Entry> {
    let community = genesis("street").community();
    let (mut ledger, mut entries) = (Ledger::new(community), Vec::new());
    let registry = RegistryVersion::default();
    for n in 1..=heights {
        let (record, signature) = (record(community, n), Signature([n as u8; 64]));
        let body = record.body().expect("a contract");
        let (contract_id, body) = (body.contract_id, body.digest());
        let (answer, voter) = (Answer::Yes, PartyId(0));
        let vote = Approval { contract_id, body, answer, registry, voter, signature };
        entries.push(JournalEntry::Approval { vote, record: record.clone() });
        let pair = ledger.next(Timestamp(n), registry, &record).expect("settles");
        let pair = Arc::new(pair);
        ledger.push(&pair);
        let votes = Encoded::new(Votes { registry, signatures: vec![(PartyId(0), signature)] });
        let head = BatchHead { index: n - 1, time_ms: Timestamp(n), items: vec![Digest([1; 32])] };
        let order = Order {
            head: Encoded::new(head),
            position: 0,
            proof: OrderProof::Sequencer(signature),
        };
        let proof = Proof { approvals: votes.clone(), ledger_votes: None, order };
        entries.push(JournalEntry::Pair { pair, proof: Arc::new(proof) });
        let vote = LedgerVote { height: n, ledger: ledger.tip, registry, voter, signature };
        entries.push(JournalEntry::LedgerVote(vote));
        entries.push(JournalEntry::Closed { height: n, votes });
    }
    entries.into_iter().map(Entry::Chain).collect()
}

/// Records of one height.
const A_HEIGHT: usize = 4;

fn pairs(heights: u64) -> Vec<(Arc<Pair>, Arc<Proof>)> {
    let mut pairs: Vec<(Arc<Pair>, Arc<Proof>)> = Vec::new();
    for entry in records(heights) {
        match entry {
            Entry::Chain(JournalEntry::Pair { pair, proof }) => pairs.push((pair, proof)),
            Entry::Chain(JournalEntry::Closed { votes, .. }) => {
                let (_, proof) = pairs.last_mut().expect("after its pair");
                let ledger_votes = Some(votes);
                *proof = Arc::new(Proof { ledger_votes, ..Proof::clone(proof) });
            }
            _ => {}
        }
    }
    pairs
}

pub(super) fn at(root: &Path) -> Opening {
    let (dir, last_use) = (root.join("store"), root.join("key.last-use"));
    Opening { dir, party: PartyId(0), last_use, resume_key: false, key: None }
}

pub(super) fn open_at(root: &Path) -> Result<Opened, StoreError> {
    at(root).open(&genesis("street"))
}

/// A store with these heights, one commit each; its process has crashed.
fn a_store(root: &Path, heights: u64) {
    let mut journal = open_at(root).expect("opened").journal;
    go_on(&mut journal, heights);
}

fn go_on(journal: &mut ChainJournal, until: u64) {
    let known = journal.entries().len();
    for entries in records(until)[known..].chunks(A_HEIGHT) {
        for entry in entries {
            assert!(journal.record(entry.clone()), "it is not durable yet");
        }
        journal.commit().expect("written");
    }
}

fn approve() -> Statement {
    let (contract_id, body) = (ContractId(Digest([9; 32])), Digest([9; 32]));
    Statement::Approve {
        contract_id,
        body,
        answer: Answer::Yes,
        registry: RegistryVersion::default(),
    }
}

fn ledger_of(height: u64) -> Statement {
    Statement::Ledger { height, ledger: Digest([9; 32]), registry: RegistryVersion::default() }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listable") {
        let path = entry.expect("listable").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => _ = fs::copy(&path, &target).expect("copied"),
        }
    }
}

#[test]
fn a_store_tells_after_a_crash_all_it_was_told_before() {
    let tmp = tempfile::tempdir().expect("tmp");
    for heights in [3, 5] {
        a_store(tmp.path(), heights);
        let opened = open_at(tmp.path()).expect("opened");
        let (found, journal) = (opened.found.expect("sound"), opened.journal);
        assert!(!found.was_closed && !opened.is_state_rebuilt);
        assert_eq!(journal.entries(), records(heights));
        assert_eq!((journal.pairs(), journal.unknown_votes()), (heights, None));
        assert!(journal.may_sign(&ledger_of(1), Timestamp(0)));
        let state = journal.state().expect("derived");
        let last = &pairs(heights)[heights as usize - 1].0;
        let tip = last.ledger.digest(&genesis("street").community());
        assert_eq!(state.tip().expect("readable"), (heights, tip));
        assert_eq!(state.height_of(ContractId(Digest([2; 32]))).expect("readable"), Some(2));
        assert_eq!(
            state.heights_of(PartyId(2)).expect("readable"),
            [1, 2, 4, 5][..heights as usize - 1]
        );
        let sum: i64 = state.balances().expect("readable").values().map(|money| money.0).sum();
        assert_eq!(sum, 0);
        assert!(matches!(open_at(tmp.path()), Err(StoreError::Log(LogError::Busy(_)))));
    }
    let mut journal = open_at(tmp.path()).expect("opened").journal;
    journal.close().expect("closed");
    assert!(journal.record(records(6).pop().expect("one")), "and never durable");
    assert!(matches!(journal.commit(), Err(StoreError::Broken(_))));
    assert!(open_at(tmp.path()).expect("opened").found.expect("sound").was_closed);
}

#[test]
fn a_damaged_store_is_read_and_not_written_until_a_good_copy_mends_it() {
    for (name, height) in [("0001.log", 2), ("0001.proof", 3), ("0001.log", 5)] {
        let tmp = tempfile::tempdir().expect("tmp");
        a_store(tmp.path(), 5);
        let file = tmp.path().join("store/chain").join(name);
        let mut bytes = fs::read(&file).expect("readable");
        let (pair, proof) = &pairs(5)[height - 1];
        let part = if name == "0001.log" { pair.ledger.bytes() } else { proof.order.head.bytes() };
        let offset = bytes.windows(part.len()).position(|at| at == part).expect("there");
        bytes[offset] ^= 16;
        fs::write(&file, &bytes).expect("written");

        let opened = open_at(tmp.path()).expect("read-only");
        let mut journal = opened.journal;
        assert_eq!(opened.found, None);
        let [hole] = journal.damage() else { panic!("{:?}", journal.damage()) };
        assert_eq!(hole.file, file);
        assert!(hole.offset < offset as u64 && (offset as u64) < hole.offset + hole.bytes);
        assert!(matches!(open_at(tmp.path()), Err(StoreError::Log(LogError::Busy(_)))));
        let kept = journal.entries();
        assert!(kept.len() >= 4 * (height - 1), "what is before the damage is read");
        let votes = |entry: &&Entry| matches!(entry, Entry::Chain(JournalEntry::LedgerVote(_)));
        assert_eq!(kept.iter().filter(votes).count(), 5, "and so are all votes");

        let sixth = records(6)[20..].to_vec();
        sixth.iter().for_each(|entry| _ = journal.record(entry.clone()));
        let refused = journal.commit().expect_err("read-only");
        assert!(refused.is_waited_out(), "{refused}");
        assert!(refused.to_string().contains(name), "{refused}");
        assert_eq!(fs::read(&file).expect("readable"), bytes, "nothing is changed");

        journal.repair(height as u64, pair, proof).expect("mended");
        assert_eq!(journal.damage(), []);
        journal.commit().expect("and goes on with what came meanwhile");
        drop(journal);
        let again = open_at(tmp.path()).expect("opened").journal;
        assert_eq!(again.entries(), records(6));
        assert!(file.with_extension(format!("{}.damaged", &name[5..])).exists());
    }
}

#[test]
fn a_store_older_than_its_keys_last_use_does_not_vote_where_it_may_have_voted() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path(), 3);
    let (store, older) = (tmp.path().join("store"), tmp.path().join("older"));
    copy(&store, &older);
    a_store(tmp.path(), 6);
    fs::remove_dir_all(&store).expect("lost");
    fs::rename(&older, &store).expect("put back");

    let mut journal = open_at(tmp.path()).expect("opened").journal;
    let unknown = LastUse { votes: 12, height: 6, until: Timestamp(60) };
    assert_eq!(journal.unknown_votes(), Some(unknown));
    assert!(!journal.may_sign(&ledger_of(6), Timestamp(0)));
    assert!(journal.may_sign(&ledger_of(7), Timestamp(0)));
    assert!(!journal.may_sign(&approve(), Timestamp(60)));
    assert!(journal.may_sign(&approve(), Timestamp(61)));
    // What it writes now does not make the key forget.
    go_on(&mut journal, 4);
    drop(journal);
    assert_eq!(open_at(tmp.path()).expect("opened").journal.unknown_votes(), Some(unknown));
}

#[test]
fn a_key_that_has_voted_meets_an_empty_store_only_on_request() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path(), 2);
    fs::remove_dir_all(tmp.path().join("store")).expect("lost");
    let error = open_at(tmp.path()).expect_err("refused");
    assert!(matches!(error, StoreError::Key(KeyUseError::Known { votes: 4, .. })), "{error}");
    assert!(error.to_string().contains("--resume-key"), "{error}");
    assert!(!tmp.path().join("store").exists(), "nothing was begun");
    let resumed = Opening { resume_key: true, ..at(tmp.path()) };
    let journal = resumed.open(&genesis("street")).expect("opened").journal;
    assert!(!journal.may_sign(&ledger_of(2), Timestamp(0)));
    assert!(journal.may_sign(&ledger_of(3), Timestamp(0)));
    assert!(!journal.may_sign(&approve(), Timestamp(20)));
}

#[test]
fn stores_and_keys_of_another_community_are_refused() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path(), 1);
    let error = at(tmp.path()).open(&genesis("other")).expect_err("another community");
    assert!(matches!(error, StoreError::Key(KeyUseError::Community { .. })), "{error}");
    let other_key = Opening { last_use: tmp.path().join("other"), ..at(tmp.path()) };
    let error = other_key.open(&genesis("other")).expect_err("another community");
    assert!(error.to_string().contains("another community"), "{error}");
    fs::write(tmp.path().join("key.last-use"), [1; 100]).expect("written");
    let error = open_at(tmp.path()).expect_err("damaged");
    assert!(matches!(error, StoreError::Key(KeyUseError::Damaged(_))), "{error}");
}

#[test]
fn a_place_that_cannot_be_written_is_refused_by_name() {
    let nowhere = Path::new("/proc/gridpact");
    let error = Log::create(nowhere).expect_err("refused").to_string();
    assert!(error.contains("/proc/gridpact"), "{error}");
}

#[test]
fn a_state_that_disagrees_with_the_log_is_written_anew() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path(), 4);
    let (dir, community) = (tmp.path().join("store").join(STATE), genesis("street").community());
    let expected = open_at(tmp.path()).expect("opened").journal.state().expect("is").balances();
    let all: Vec<Arc<Pair>> = pairs(9).into_iter().map(|(pair, _)| pair).collect();
    let spoil: [&dyn Fn(); 3] = [
        &|| drop(State::rebuild(&dir, community, &all).expect("ahead of the log")),
        &|| drop(State::rebuild(&dir, Digest([1; 32]), &[]).expect("of another chain")),
        &|| fs::write(dir.join(FILE), b"no database").expect("written"),
    ];
    for spoil in spoil {
        spoil();
        let opened = open_at(tmp.path()).expect("opened");
        assert!(opened.is_state_rebuilt);
        let found = opened.journal.state().expect("derived").balances();
        assert_eq!(found.expect("readable"), *expected.as_ref().expect("readable"));
    }
    // A state that is only behind catches up.
    for known in [2, 0] {
        drop(State::rebuild(&dir, community, &all[..known]).expect("behind"));
        let opened = open_at(tmp.path()).expect("opened");
        assert!(!opened.is_state_rebuilt);
        assert_eq!(opened.journal.state().expect("derived").tip().expect("readable").0, 4);
    }
    assert_eq!(fs::read_dir(&dir).expect("listable").count(), 2, "the state and the reserve");
}

#[test]
fn what_a_key_has_signed_outlives_a_power_cut_at_any_operation() {
    let community = genesis("street").community();
    for at in 0..20 {
        for seed in 0..8 {
            let tmp = tempfile::tempdir().expect("tmp");
            let path = tmp.path().join("key.last-use");
            let disk = FaultyDisk::over(tmp.path(), at * 10 + seed);
            disk.plan(at, Fault::PowerCut);
            let mut acknowledged = 0;
            let mut key = KeyFile::open(Arc::new(disk.clone()), &path, community, false);
            for votes in 1..=6 {
                let last = LastUse { votes, ..LastUse::default() };
                if key.as_mut().expect("none yet").write(&last).is_err() {
                    break;
                }
                acknowledged = votes;
            }
            disk.restart();
            let key = KeyFile::open(Arc::new(disk), &path, community, false);
            let found = match key {
                Ok(key) => key.last().votes,
                // Torn when it was first written: nothing was acknowledged yet.
                Err(KeyUseError::Damaged(_)) => 0,
                Err(error) => panic!("{error}"),
            };
            assert!(found == acknowledged || found == acknowledged + 1, "{found} {acknowledged}");
        }
    }
}

/// A small disk of its own, taken away again when dropped; none where mounting is not allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn of(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().expect("tmp");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(dir.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self(dir))
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.path().join("filler")).expect("made");
        while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.path().join("filler")).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn on_a_full_disk_votes_wait_reads_go_on_and_it_heals_when_there_is_room() {
    let Some(disk) = SmallDisk::of("20m") else {
        println!("mounting is not allowed here: only the simulated disk is filled");
        return;
    };
    let root = disk.0.path();
    let mut journal = open_at(root).expect("opened").journal;
    go_on(&mut journal, 2);
    let reserve = root.join("store").join(STATE).join("reserve");
    assert_eq!(fs::metadata(&reserve).expect("kept").len(), RESERVE_BYTES as u64);
    disk.fill();
    let mut refused = None;
    let sixth = records(6);
    for entry in sixth[8..].iter().cycle().take(40_000) {
        // Votes again and again: what a long stay on a full disk brings.
        if let Entry::Chain(JournalEntry::Approval { .. }) = entry {
            journal.record(entry.clone());
            if let Err(error) = journal.commit() {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.expect("the disk is full");
    assert!(refused.is_waited_out() && journal.is_pending(), "{refused}");
    assert!(refused.to_string().contains("no room"), "{refused}");
    for _ in 0..3 {
        assert!(journal.commit().is_err(), "still full");
        assert_eq!(journal.state().expect("readable").tip().expect("readable").0, 2);
        assert_eq!(journal.entries()[..8], records(2)[..]);
    }
    disk.empty();
    journal.commit().expect("there is room again");
    assert!(!journal.is_pending());
    // And a clean stop has its room even when it must write a group first.
    disk.fill();
    while journal.commit().is_ok() {
        (0..500).for_each(|_| _ = journal.record(sixth[8].clone()));
    }
    let all = journal.entries();
    journal.close().expect("the reserve gives the room");
    drop(journal);
    disk.empty();
    let opened = open_at(root).expect("opened");
    assert!(opened.found.expect("sound").was_closed);
    assert_eq!(opened.journal.entries().len(), all.len());
}
