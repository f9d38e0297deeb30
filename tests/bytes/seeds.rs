//! Where the corpus begins: the pinned bytes of every type and message, and evil made of them.

use std::collections::BTreeMap;

use gridpact::chain::block::Pair;
use gridpact::chain::encode::{Encoded, decode_as, encode};
use gridpact::chain::inclusion::Inclusion;
use gridpact::chain::message::Message;
use gridpact::store::Kind;
use gridpact::store::chain::ProofPart;
use gridpact::store::frame;
use gridpact_tests::read_files;

const FACTS: &str = include_str!("../../chain/tests/golden/v1.txt");
const SEALED: &str = include_str!("../../chain/tests/golden/v3.txt");
const WORDS: &str = include_str!("../../agents/tests/golden/v2.txt");

/// A seed: target, file name, bytes. Evil ones are named so.
pub type Seed = (&'static str, String, Vec<u8>);

/// Which targets take a pinned line of facts, by the beginning of its name.
const ROOMS: [(&str, &str); 27] = [
    ("genesis", "genesis"),
    ("contract.", "contract"),
    ("record.", "record"),
    ("block.contract", "contract_block"),
    ("block.ledger", "ledger_block"),
    ("votes", "votes"),
    ("batch.head", "batch"),
    ("order.", "batch"),
    ("pair", "pair"),
    ("proof", "proof"),
    ("message.", "replica_message"),
    ("fault.", "replica_message"),
    ("statement.", "replica_message"),
    ("journal.", "journal"),
    // Of what is sealed, told apart by the file.
    ("sealed.record.", "record"),
    ("sealed.block.contract", "contract_block"),
    ("sealed.block.ledger", "ledger_block"),
    ("sealed.pair", "pair"),
    ("sealed.keys", "replica_message"),
    ("sealed.message.", "replica_message"),
    ("sealed.fault.", "replica_message"),
    ("sealed.journal.", "journal"),
    // Of words, told apart by the file.
    ("words.message.", "social_message"),
    ("words.journal.", "journal"),
    ("item", "batch"),
    ("part.", "proof"),
    ("whole.", "batch"),
];

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// All pinned values by name; digests, which are no values, left out.
fn pinned() -> BTreeMap<String, Vec<u8>> {
    let facts = FACTS.lines().map(|line| (String::new(), line));
    let sealed = SEALED.lines().map(|line| ("sealed.".to_owned(), line));
    let words = WORDS.lines().map(|line| ("words.".to_owned(), line));
    let mut all = BTreeMap::new();
    for (room, line) in facts.chain(sealed).chain(words) {
        let (name, hex) = line.split_once(' ').expect("a name and bytes");
        let ends = [".digest", ".community", ".root", ".subject", "epoch.key"];
        let is_digest = ends.iter().any(|end| name.ends_with(end));
        if !is_digest {
            all.insert(format!("{room}{name}"), bytes_of(hex));
        }
    }
    all.extend(inner(&all));
    all
}

/// What only stands inside of others: a batch, an item of it, the parts of a proof.
fn inner(all: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let message = |name: &str| -> Message {
        decode_as("message", usize::MAX, &all[name]).expect("a pinned message")
    };
    let contract = Encoded::from_bytes(&all["sealed.block.contract"]).expect("a pinned block");
    let ledger = Encoded::from_bytes(&all["sealed.block.ledger"]).expect("a pinned block");
    let mut found = vec![("sealed.pair".to_owned(), encode(&Pair { contract, ledger }))];
    if let Message::Batch(batch) = message("message.batch") {
        found.push(("whole.batch".to_owned(), encode(&*batch)));
        found.push(("item".to_owned(), encode(&*batch.items[0])));
    }
    if let Message::Range(pairs) = message("message.range") {
        let (_, proof) = &pairs[0];
        let (approvals, order) = (proof.approvals.clone(), proof.order.clone());
        let votes = proof.ledger_votes.clone().expect("a closed pair");
        for (name, part) in [
            ("part.admitted", ProofPart::Admitted { approvals, order }),
            ("part.closed", ProofPart::Closed(votes)),
        ] {
            found.push((name.to_owned(), encode(&part)));
        }
    }
    found
}

/// Evil made of canonical bytes, whatever they mean.
fn evil_of(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let trailing = [bytes, &[0]].concat();
    let cut = bytes[..bytes.len() - 1].to_vec();
    let (first, rest) = bytes.split_first().expect("a value");
    // The same array or map with a longer head, and an array as a map.
    let (wide, map) = if *first & 0xf0 == 0x90 {
        ([&[0xdc, 0, first & 15], rest].concat(), [&[0x80 | (first & 15)], rest].concat())
    } else {
        ([&[0xde, 0, first & 15], rest].concat(), [&[0x82], rest].concat())
    };
    let giant = [&[0xdd, 0xff, 0xff, 0xff, 0xff], rest].concat();
    let deep = [vec![0x91; 2048], bytes.to_vec()].concat();
    // The first small number, written in nine bytes.
    let mut number = bytes.to_vec();
    if let Some(at) = rest.iter().position(|byte| *byte < 0x20) {
        let value = number[at + 1];
        number.splice(at + 1..at + 2, [0xcf, 0, 0, 0, 0, 0, 0, 0, value]);
    }
    vec![
        ("trailing", trailing),
        ("cut", cut),
        ("wide-head", wide),
        ("map-form", map),
        ("giant-length", giant),
        ("recursion", deep),
        ("wide-number", number),
        ("empty", Vec::new()),
        ("float", vec![0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]),
    ]
}

/// A whole chain: kind and height of each frame, and its payload.
fn a_chain(all: &BTreeMap<String, Vec<u8>>) -> Vec<(Kind, u8, Vec<u8>)> {
    let take = |name: &str| all[name].clone();
    vec![
        (Kind::Genesis, 0, take("genesis")),
        (Kind::Reservation, 0, [b"\x81\xa4Open", &take("words.journal.sold")[..]].concat()),
        (Kind::Order, 0, take("journal.published")),
        (Kind::Vote, 0, take("journal.approval")),
        (Kind::Pair, 1, take("pair")),
        (Kind::Proof, 1, take("part.admitted")),
        (Kind::Vote, 1, take("journal.ledger_vote")),
        (Kind::Proof, 1, take("part.closed")),
        (Kind::Order, 1, take("journal.applied")),
    ]
}

/// The frames as the target `payloads` takes them.
fn framed(frames: &[(Kind, u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, height, payload) in frames {
        let length = u16::try_from(payload.len()).expect("short");
        bytes.extend([*kind as u8, *height]);
        bytes.extend(length.to_le_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn payloads(all: &BTreeMap<String, Vec<u8>>) -> Vec<Seed> {
    let chain = a_chain(all);
    let mut seeds = vec![("payloads", "chain".to_owned(), framed(&chain))];
    let mut evil = |name: &str, frames: &[(Kind, u8, Vec<u8>)]| {
        seeds.push(("payloads", format!("evil-{name}"), framed(frames)));
    };
    evil("no-genesis", &chain[1..]);
    evil("two-geneses", &[&chain[..1], &chain].concat());
    evil("no-proof", &chain[..5]);
    evil("no-pair", &[&chain[..4], &chain[5..]].concat());
    evil("closed-twice", &[&chain[..], &chain[7..8]].concat());
    let pair_twice = [&chain[..5], &chain[4..]].concat();
    evil("pair-twice", &pair_twice);
    for (at, (kind, _, payload)) in chain.iter().enumerate() {
        let mut longer = chain.clone();
        longer[at].2 = [&payload[..], &[0]].concat();
        evil(&format!("trailing-{at}-{kind:?}").to_lowercase(), &longer);
    }
    seeds
}

/// The same chain as its two files, sound and with the ends cut off.
fn logs(all: &BTreeMap<String, Vec<u8>>) -> Vec<Seed> {
    use gridpact::store::{FrameLog as _, Log};
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut log = Log::create(dir.path()).expect("an empty directory");
    for (kind, height, payload) in a_chain(all) {
        log.append(kind, u64::from(height), &payload).expect("short");
        if kind == Kind::Proof {
            log.commit().expect("durable");
        }
    }
    log.close(&[0; 32]).expect("closed");
    let files = read_files(dir.path());
    let joined = |log: &[u8], proof: &[u8]| {
        let length = u32::try_from(log.len()).expect("short").to_le_bytes();
        [&length[..], log, proof].concat()
    };
    let (log, proof) = (&files[0].1, &files[1].1);
    let mut flipped = log.clone();
    flipped[log.len() / 2] ^= 1;
    [
        ("chain", joined(log, proof)),
        ("evil-cut-log", joined(&log[..log.len() - 40], proof)),
        ("evil-cut-proof", joined(log, &proof[..proof.len() - 1])),
        ("evil-flipped", joined(&flipped, proof)),
        ("evil-swapped", joined(proof, log)),
        ("evil-empty", joined(&[], &[])),
    ]
    .map(|(name, bytes)| ("log", name.to_owned(), bytes))
    .into()
}

fn frames() -> Vec<Seed> {
    let of = |kind: u8, length: u32| {
        let mut bytes = Vec::new();
        frame::encode(&mut bytes, Kind::Pair, 7, b"");
        bytes[4] = kind;
        bytes[5..9].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32c(&bytes[..17]);
        bytes[17..21].copy_from_slice(&checksum.to_le_bytes());
        bytes
    };
    let limit = u32::try_from(frame::PAYLOAD_MAX).expect("16 MiB");
    let mut seeds: Vec<Seed> =
        (1..=10).map(|kind| ("frame", format!("kind-{kind}"), of(kind, 5))).collect();
    seeds.push(("frame", "longest".into(), of(2, limit)));
    seeds.push(("frame", "evil-too-long".into(), of(2, limit + 1)));
    seeds.push(("frame", "evil-giant".into(), of(2, u32::MAX)));
    seeds.push(("frame", "evil-kind-0".into(), of(0, 5)));
    seeds.push(("frame", "evil-kind-255".into(), of(255, 5)));
    let mut flipped = of(2, 5);
    flipped[12] ^= 1;
    seeds.push(("frame", "evil-flipped".into(), flipped));
    seeds.push(("frame", "evil-short".into(), of(2, 5)[..20].to_vec()));
    seeds
}

/// CRC-32C bit by bit: slow, and independent of the crate that writes.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

fn inclusions(all: &BTreeMap<String, Vec<u8>>) -> Vec<Seed> {
    let genesis = decode_as("genesis", usize::MAX, &all["genesis"]).expect("pinned");
    let Message::Range(pairs) =
        decode_as("message", usize::MAX, &all["message.range"]).expect("pinned")
    else {
        return Vec::new();
    };
    let shown = Inclusion::of(&genesis, &pairs, 1).expect("a closed pair");
    let good = serde_json::to_string(&shown).expect("plain data");
    let forged = good.replacen("\"amount\":", "\"amount\":1", 1);
    let twice = good.replacen("\"above\":[]", "\"above\":[],\"above\":[]", 1);
    let unknown = good.replacen("\"above\":[]", "\"above\":[],\"below\":[]", 1);
    let opening = good.replacen("\"above\":[]", "\"above\":[],\"opening\":{\"salt\":\"00\"}", 1);
    let deep = format!("{{\"above\":{}", "[".repeat(4096));
    let trailing = format!("{good} 1");
    [
        ("closed", good.clone()),
        ("evil-forged", forged),
        ("evil-field-twice", twice),
        ("evil-unknown-field", unknown),
        ("evil-opening", opening),
        ("evil-recursion", deep),
        ("evil-trailing", trailing),
        ("evil-cut", good[..good.len() / 2].to_owned()),
        ("evil-empty", String::new()),
    ]
    .map(|(name, text)| ("inclusion", name.to_owned(), text.into_bytes()))
    .into()
}

fn readings() -> Vec<Seed> {
    let patch = |at: u32, bytes: &[u8]| {
        let at = at.to_be_bytes();
        [&[1, at[1], at[2], at[3], bytes.len() as u8], bytes].concat()
    };
    [
        ("sound", vec![1]),
        ("evil-empty-page", patch(0, &[0; 64])),
        ("evil-magic", patch(0, b"redc")),
        ("evil-geometry", patch(12, &[0xff; 8])),
        ("evil-region", patch(20, &[0xff; 16])),
        ("evil-text", b"This is no database.".to_vec()),
    ]
    .map(|(name, bytes)| ("readings", name.to_owned(), bytes))
    .into()
}

/// All seeds.
pub fn all() -> Vec<Seed> {
    let all = pinned();
    let mut seeds = Vec::new();
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (name, bytes) in &all {
        let room = ROOMS.iter().rev().find(|(start, _)| name.starts_with(start));
        let (_, target) = room.unwrap_or_else(|| panic!("{name} has no fuzz target"));
        seeds.push((*target, name.clone(), bytes.clone()));
        // Evil of the first two of each, open and sealed: the rest the mutations find.
        let form = if name.starts_with("sealed.") { "sealed-" } else { "" };
        let made = seen.entry((target, form)).or_insert(0);
        *made += 1;
        if *made <= 2 {
            let evil = evil_of(bytes).into_iter();
            let name = |what| format!("evil-{form}{what}-{made}");
            seeds.extend(evil.map(|(what, bytes)| (*target, name(what), bytes)));
        }
    }
    seeds.extend(payloads(&all));
    seeds.extend(logs(&all));
    seeds.extend(frames());
    seeds.extend(inclusions(&all));
    seeds.extend(readings());
    seeds
}
