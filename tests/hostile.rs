//! Every decoder of the program met with any bytes: what it accepts it writes the same way again,
//! what it refuses it refuses with a reason, and it never panics.
//!
//! The fuzz targets in `fuzz/` and the test `bytes` call the same functions over the same corpus.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gridpact::agents::resource::Standing;
use gridpact::agents::resource::reading::Reading;
use gridpact::agents::social;
use gridpact::chain::batch::{Approved, Batch, BatchHead, OrderProof};
use gridpact::chain::block::{ContractBlock, LedgerBlock, Pair, Proof, Record, Votes};
use gridpact::chain::contract::{ContractBody, SignedContract};
use gridpact::chain::encode::{Canonical, Encoded, decode_as, encode};
use gridpact::chain::fault::Fault;
use gridpact::chain::genesis::Genesis;
use gridpact::chain::inclusion::Inclusion;
use gridpact::chain::journal::JournalEntry;
use gridpact::chain::keyring::Keys;
use gridpact::chain::message::Message;
use gridpact::chain::statement::Statement;
use gridpact::chain::terms::Interval;
use gridpact::chain::verifier::audit;
use gridpact::store::archive::{self, Archive};
use gridpact::store::chain::ProofPart;
use gridpact::store::frame::{HEADER, Header, Kind};
use gridpact::store::readings::{DiskReadings, ReadingStore as _};
use gridpact::store::{FrameLog as _, Log};
use gridpact::verdicts::ProcessVerdicts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::tree::root;

/// One decoder: the name of its corpus, what is done with bytes, and whether that touches files.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the fuzz target and of its corpus.
    pub name: &'static str,
    /// Panics when a promise does not hold; otherwise whether the bytes were accepted.
    pub run: fn(&[u8]) -> bool,
    /// Whether every call writes files: such targets get fewer tries.
    pub has_files: bool,
}

const fn target(name: &'static str, run: fn(&[u8]) -> bool, has_files: bool) -> Target {
    Target { name, run, has_files }
}

/// All decoders.
pub const TARGETS: [Target; 17] = [
    target("record", record, false),
    target("contract", contract, false),
    target("contract_block", contract_block, false),
    target("ledger_block", ledger_block, false),
    target("pair", pair, false),
    target("proof", proof, false),
    target("votes", votes, false),
    target("genesis", genesis, false),
    target("replica_message", replica_message, false),
    target("social_message", social_message, false),
    target("batch", batch, false),
    target("journal", journal, false),
    target("frame", frame, false),
    target("inclusion", inclusion, false),
    target("log", log, true),
    target("payloads", payloads, true),
    target("readings", readings, true),
];

/// Most bytes of a letter or record that no type limits by itself.
const LIMIT: usize = 16 << 20;
/// Longest reason a person is shown.
const REASON_MAX: usize = 1000;

fn refused(reason: &str) -> bool {
    assert!(!reason.is_empty() && reason.len() < REASON_MAX, "a reason of {}", reason.len());
    assert!(!reason.chars().any(|c| c.is_control() && c != '\n'), "controls in {reason:?}");
    false
}

fn strict<T: Serialize + DeserializeOwned>(kind: &'static str, bytes: &[u8]) -> bool {
    match decode_as::<T>(kind, LIMIT, bytes) {
        Ok(value) => {
            assert_eq!(encode(&value), bytes, "{kind}: two writings of one value");
            true
        }
        Err(error) => refused(&error.to_string()),
    }
}

fn strict_encoded<T: Canonical>(bytes: &[u8]) -> bool {
    match Encoded::<T>::from_bytes(bytes) {
        Ok(value) => {
            assert_eq!(value.bytes(), bytes);
            assert!(value.is_faithful(&mut Vec::new()), "{}: two writings of one value", T::TAG);
            assert!(bytes.len() <= T::BYTES_MAX, "{}: longer than its limit", T::TAG);
            true
        }
        Err(error) => refused(&error.to_string()),
    }
}

/// A record of a contract block.
pub fn record(bytes: &[u8]) -> bool {
    strict_encoded::<Record>(bytes)
}

/// A contract's body, or both with its signatures.
pub fn contract(bytes: &[u8]) -> bool {
    strict_encoded::<ContractBody>(bytes) | strict::<SignedContract>("contract", bytes)
}

/// A contract block.
pub fn contract_block(bytes: &[u8]) -> bool {
    strict_encoded::<ContractBlock>(bytes)
}

/// A ledger block.
pub fn ledger_block(bytes: &[u8]) -> bool {
    strict_encoded::<LedgerBlock>(bytes)
}

/// A pair of blocks.
pub fn pair(bytes: &[u8]) -> bool {
    strict::<Pair>("pair", bytes)
}

/// A proof as it is sent, and the two parts in which it lies on disk.
pub fn proof(bytes: &[u8]) -> bool {
    strict::<Proof>("proof", bytes) | strict::<ProofPart>("proof", bytes)
}

/// Collected votes.
pub fn votes(bytes: &[u8]) -> bool {
    strict_encoded::<Votes>(bytes)
}

/// A founding document; one that is accepted is checked, and never panics on that.
pub fn genesis(bytes: &[u8]) -> bool {
    match decode_as::<Genesis>("genesis", Genesis::BYTES_MAX, bytes) {
        Ok(genesis) => {
            assert_eq!(encode(&genesis), bytes, "genesis: two writings of one value");
            match genesis.check() {
                Ok(()) => true,
                Err(error) => refused(&error.to_string()),
            }
        }
        Err(error) => refused(&error.to_string()),
    }
}

/// A letter between replicas, a piece of evidence, or something to be signed.
pub fn replica_message(bytes: &[u8]) -> bool {
    strict::<Message>("message", bytes)
        | strict::<Fault>("fault", bytes)
        | strict_encoded::<Keys>(bytes)
        | strict::<Statement>("statement", bytes)
}

/// A letter between SCAs.
pub fn social_message(bytes: &[u8]) -> bool {
    strict::<social::Message>("letter", bytes)
}

/// A batch, its head, an item of it or who fixed it.
pub fn batch(bytes: &[u8]) -> bool {
    strict::<Batch>("batch", bytes)
        | strict_encoded::<BatchHead>(bytes)
        | strict::<Approved>("approved", bytes)
        | strict::<OrderProof>("order", bytes)
}

/// What replicas and SCAs write down.
pub fn journal(bytes: &[u8]) -> bool {
    strict::<JournalEntry>("journal entry", bytes) | strict::<social::Entry>("journal entry", bytes)
}

/// The header of a frame.
pub fn frame(bytes: &[u8]) -> bool {
    let Some(head) = bytes.get(..HEADER).and_then(|head| <&[u8; HEADER]>::try_from(head).ok())
    else {
        return false;
    };
    match Header::decode(head) {
        Ok(header) => {
            assert!(header.length <= gridpact::store::frame::PAYLOAD_MAX);
            assert_eq!(Kind::from_code(head[4]), Some(header.kind));
            true
        }
        Err(reason) => refused(reason),
    }
}

/// What shows a stranger one contract, as JSON.
pub fn inclusion(bytes: &[u8]) -> bool {
    let inclusion: Inclusion = match serde_json::from_slice(bytes) {
        Ok(inclusion) => inclusion,
        Err(_) => return false,
    };
    let text = serde_json::to_vec(&inclusion).expect("plain data");
    assert_eq!(serde_json::from_slice::<Inclusion>(&text).expect("its own writing"), inclusion);
    let community = inclusion.genesis.community();
    match inclusion.check(&community, &ProcessVerdicts::default()) {
        Ok(_) => true,
        Err(error) => refused(&error.to_string()),
    }
}

/// A directory for a file target, in memory where there is such a place.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.expect("a temporary directory")
}

/// A log directory: the length of the log file in four bytes, the log file, the proof file.
pub fn log(bytes: &[u8]) -> bool {
    let (length, rest) = bytes.split_at(bytes.len().min(4));
    let length = length.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte));
    let (first, second) = rest.split_at(length.min(rest.len()));
    let dir = scratch();
    let files = ["0001.log", "0001.proof"].map(|name| dir.path().join(name));
    for (file, content) in files.iter().zip([first, second]) {
        fs::write(file, content).expect("written");
    }
    let is_chain = read_chain(dir.path());
    for (file, content) in files.iter().zip([first, second]) {
        assert_eq!(fs::read(file).expect("read"), content, "an auditor changes nothing");
    }
    match Log::open(dir.path()) {
        Ok(_) => {}
        Err(error) => assert!(!is_chain && !refused(&error.to_string())),
    }
    is_chain
}

/// Any payloads in sound frames: kind, height and length in four bytes each, then the payload.
pub fn payloads(bytes: &[u8]) -> bool {
    let dir = scratch();
    let chain = dir.path().join("chain");
    let mut log = Log::create(&chain).expect("an empty directory");
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_at_checked(4) {
        let Some(kind) = Kind::from_code(head[0]).filter(|kind| kind.is_callers()) else { break };
        let length = usize::from(u16::from_le_bytes([head[2], head[3]])).min(behind.len());
        let (payload, next) = behind.split_at(length);
        log.append(kind, u64::from(head[1]), payload).expect("a short payload");
        rest = next;
    }
    log.close(&[0; 32]).expect("closed");
    read_chain(&chain)
}

/// Reads a chain strictly; what can be read is audited, and shown to a stranger.
fn read_chain(dir: &Path) -> bool {
    match archive::read(dir) {
        Ok(archive) => {
            look_at(&archive);
            true
        }
        Err(error) => refused(&error.to_string()),
    }
}

fn look_at(archive: &Archive) {
    let verdicts = ProcessVerdicts::default();
    let report = audit(&archive.genesis, &archive.pairs, None, &verdicts);
    for finding in &report.findings {
        refused(&finding.damage.to_string());
    }
    let community = archive.genesis.community();
    if let Some(shown) = Inclusion::of(&archive.genesis, &archive.pairs, 1) {
        let is_shown = shown.check(&community, &verdicts).is_ok();
        assert!(is_shown || !report.is_proven(), "a proved chain proves its first contract");
    }
}

/// A file of readings: any bytes, or (first byte 1) a sound file with patches, each an offset in
/// three bytes, a length in one, and what is put there; a patch beyond the end cuts the file off.
pub fn readings(bytes: &[u8]) -> bool {
    let content = match bytes.split_first() {
        Some((1, patches)) => patched(&SOUND_READINGS, patches),
        _ => bytes.to_vec(),
    };
    let dir = scratch();
    let file = dir.path().join("readings.redb");
    fs::write(&file, content).expect("written");
    let store = match DiskReadings::open(&file, 1800) {
        Ok(store) => store,
        Err(error) => return refused(&error.to_string()),
    };
    let standing: Result<Standing, _> = store.standing(0);
    let newest: Result<Vec<Reading>, _> = store.newest(0, 100);
    let some = store.between(0, Interval(0), Interval(u32::MAX));
    let errors = [standing.err(), newest.err(), some.err()];
    errors.iter().flatten().fold(true, |_, error| refused(&error.to_string()))
}

/// A sound file with a few readings in it.
static SOUND_READINGS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = scratch();
    let file = dir.path().join("readings.redb");
    let mut store = DiskReadings::open(&file, 1800).expect("a new file");
    for interval in 0..40 {
        let reading = Reading { interval: Interval(interval), ..Reading::default() };
        store.record(0, &[reading], &Standing::default()).expect("recorded");
    }
    drop(store);
    fs::read(&file).expect("read")
});

fn patched(sound: &[u8], mut patches: &[u8]) -> Vec<u8> {
    let mut content = sound.to_vec();
    while let Some((head, behind)) = patches.split_at_checked(4) {
        let at = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (patch, next) = behind.split_at(usize::from(head[3]).min(behind.len()));
        match content.get_mut(at..at + patch.len()) {
            Some(place) => place.copy_from_slice(patch),
            None => content.truncate(at / 16),
        }
        patches = next;
    }
    content
}

/// The folder of a target's corpus.
#[must_use]
pub fn corpus_dir(name: &str) -> PathBuf {
    root().join("tests/fuzz/corpus").join(name)
}

/// A target's corpus: file names and bytes.
///
/// # Panics
/// When it cannot be read: every target has one.
#[must_use]
pub fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    crate::read_files(&corpus_dir(name))
}
