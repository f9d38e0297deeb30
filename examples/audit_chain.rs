//! The chain alone: prove an exported chain again from its bytes, show one contract of it to a
//! stranger, then break a copy of it in two ways and see that both are found.
//!
//! `cargo run --release --example audit_chain [DIR]` takes the directory of any run; without one,
//! six homes trade for a day first.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact::chain::block::{ContractBlock, LedgerBlock, Pair, Record};
use gridpact::chain::contract::SignedContract;
use gridpact::chain::digest::Digest;
use gridpact::chain::encode::Encoded;
use gridpact::chain::inclusion::{Inclusion, InclusionError};
use gridpact::chain::terms::{Energy, Money};
use gridpact::chain::verifier::{Report, audit};
use gridpact::report::OutDir;
use gridpact::sim::scenario::{Overrides, Scenario};
use gridpact::sim::{self, world};
use gridpact::store::archive::{self, Archive, chain_dir};
use gridpact::verdicts::ProcessVerdicts;

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = std::env::temp_dir().join(format!("gridpact-audit-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let result = run(given.as_deref(), &scratch);
    fs::remove_dir_all(&scratch)?;
    result
}

/// Audits the chain of `dir`, or of a small run made in `scratch`.
pub fn run(dir: Option<&Path>, scratch: &Path) -> Result<(), Box<dyn Error>> {
    let made = scratch.join("run");
    if dir.is_none() {
        six_homes(&made)?;
    }
    let chain = chain_dir(dir.unwrap_or(&made));
    let archive = archive::read(&chain)?;
    let report = prove(&archive);
    println!(
        "{} pairs, {} of them closed, {} signatures, {}",
        report.pairs,
        report.closed,
        report.signatures,
        amounts(&report)
    );
    if !report.is_proven() || report.tip != archive.tip {
        return Err(format!("this chain is not sound: {:?}", report.findings).into());
    }
    println!("proven up to {}\n", report.tip);
    show_a_stranger(&archive)?;
    flip_a_stored_bit(&chain, &scratch.join("copy"))?;
    forge_a_balance(archive)
}

/// Without a member's key nobody knows what a sealed chain trades, nor that its balances sum to zero.
fn amounts(report: &Report) -> String {
    match report.unread {
        0 => format!("{} traded, balances sum to {}", report.energy, report.balances_sum),
        unread => format!("{unread} sealed: links, order and votes are proved, amounts are not"),
    }
}

/// Everything an audit needs: a genesis, the pairs with their proofs, and somebody to check
/// signatures. No actor, no clock, no network.
fn prove(archive: &Archive) -> Report {
    audit(&archive.genesis, &archive.pairs, None, &ProcessVerdicts::default())
}

fn six_homes(dir: &Path) -> Result<(), Box<dyn Error>> {
    let flags = Overrides { prosumers: Some(6), ..Overrides::default() };
    let scenario = Scenario::default().apply(&flags)?;
    let out = OutDir::prepare(dir)?;
    world::run(&scenario, sim::build(&scenario)?, &out.chain(), &|_, _| {})?;
    Ok(())
}

/// A stranger has no chain and no registry: only the community's id, and what somebody hands over.
/// That must name the community, link up to a block that enough of its voters signed, and it does.
fn show_a_stranger(archive: &Archive) -> Result<(), Box<dyn Error>> {
    let community = archive.genesis.community();
    let height = archive.pairs.len() as u64 / 2 + 1;
    let shown = Inclusion::of(&archive.genesis, &archive.pairs, height)
        .ok_or("no pair from here on is closed by ledger votes")?;
    println!("A stranger who knows only community {community}");
    match judge(&shown, &community) {
        Ok(words) => println!("is shown {words}"),
        Err(InclusionError::Sealed) => {
            println!("is shown that a sealed contract is at height {height}, not what it says\n");
            return Ok(());
        }
        Err(found) => return Err(found.into()),
    }
    let forged = with_more_energy(&shown).ok_or("this record is no contract")?;
    match judge(&forged, &community) {
        Ok(words) => Err(format!("and believes a forgery: {words}").into()),
        Err(found) => {
            println!("and with one Wh more: {found}\n");
            Ok(())
        }
    }
}

fn judge(shown: &Inclusion, community: &Digest) -> Result<String, InclusionError> {
    let body = shown.check(community, &ProcessVerdicts::default())?;
    let (height, amount) = (shown.pair.height(), body.amount);
    Ok(format!(
        "{} from {} to {} for {amount} at height {height}",
        body.energy, body.seller, body.buyer
    ))
}

/// The same proof of a contract that sells one Wh more.
fn with_more_energy(shown: &Inclusion) -> Option<Inclusion> {
    let mut contract: SignedContract = shown.pair.contract.record.contract()?.clone();
    contract.body.energy = Energy(contract.body.energy.0 + 1);
    let record = Encoded::new(Record::Contract(contract));
    let block = ContractBlock { record, ..ContractBlock::clone(&shown.pair.contract) };
    let mut forged = shown.clone();
    forged.pair.contract = Encoded::new(block);
    Some(forged)
}

/// Bad luck: one bit of a file turns over. The reader names the file and the place.
fn flip_a_stored_bit(chain: &Path, copy: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(copy)?;
    for file in fs::read_dir(chain)? {
        let file = file?;
        fs::copy(file.path(), copy.join(file.file_name()))?;
    }
    let log = copy.join("0001.log");
    let mut bytes = fs::read(&log)?;
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&log, bytes)?;
    println!("One bit of byte {at} of a copy is turned over:");
    match archive::read(copy) {
        Ok(_) => Err("nobody noticed".into()),
        Err(found) => {
            println!("  {found}\n");
            Ok(())
        }
    }
}

/// Bad will: a forger gives the last seller one millionth more, and mends every checksum. The
/// audit computes the entries again and names the height. Who cannot read them sees that the votes
/// are for others.
fn forge_a_balance(mut archive: Archive) -> Result<(), Box<dyn Error>> {
    let first = archive.pairs.first().map(|(pair, _)| pair.ledger.entries.clone());
    let (pair, _) = archive.pairs.last_mut().ok_or("this chain has no pairs to forge")?;
    let mut ledger = LedgerBlock::clone(&pair.ledger);
    if ledger.entries.is_read() {
        let entry = ledger.entries.last_mut().ok_or("a ledger block has entries")?;
        entry.balance = Money(entry.balance.0 ^ 1);
        println!("One bit of a balance at height {} is forged, checksums mended:", ledger.height);
    } else {
        ledger.entries = first.ok_or("there is a pair")?;
        println!("The sealed entries of height {} are exchanged, checksums mended:", ledger.height);
    }
    *pair = Arc::new(Pair { contract: pair.contract.clone(), ledger: Encoded::new(ledger) });
    let findings = prove(&archive).findings;
    for finding in &findings {
        println!("  height {}: {}", finding.height, finding.damage);
    }
    if findings.is_empty() { Err("nobody noticed".into()) } else { Ok(()) }
}
