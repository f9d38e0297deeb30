//! `gridpact chain`: prove or show a chain that stands on disk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use gridpact_chain::block::{Pair, Proof, Record};
use gridpact_chain::digest::Digest;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::registry::Registry;
use gridpact_chain::sign::Claim;
use gridpact_chain::sign::Verdicts as _;
use gridpact_chain::statement::Statement;
use gridpact_chain::verifier::audit;

use super::{Failure, say};
use crate::store::archive::{self, Archive};
use crate::verdicts::ProcessVerdicts;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Prove a chain again from its bytes alone; exits 1 for any byte that is not proved
    Verify {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// Community the chain must belong to, in hexadecimal
        #[arg(long, value_name = "ID", value_parser = digest)]
        community: Option<Digest>,
        /// Hash the chain must end with, in hexadecimal
        #[arg(long, value_name = "HASH", value_parser = digest)]
        tip: Option<Digest>,
    },
    /// Print one pair of blocks and who signed for it
    Show {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// Height of the pair, from 1
        height: u64,
    },
}

pub(super) fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Verify { dir, community, tip } => verify(dir, *community, *tip),
        Verb::Show { dir, height } => show(dir, *height),
    }
}

fn digest(text: &str) -> Result<Digest, String> {
    let wrong = || "64 hexadecimal digits".to_owned();
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(Digest(bytes))
}

/// A directory that is none is bad input; whatever is wrong with a chain is found wrong.
fn read(dir: &Path) -> Result<Archive, Failure> {
    let dir = archive::chain_dir(dir);
    if !dir.is_dir() {
        return Err(Failure::BadInput(format!("{} is not a directory", dir.display())));
    }
    archive::read(&dir).map_err(|error| Failure::FoundWrong(error.to_string()))
}

fn verify(dir: &Path, community: Option<Digest>, tip: Option<Digest>) -> Result<(), Failure> {
    let archive = read(dir)?;
    let verdicts = ProcessVerdicts::default();
    let report = audit(&archive.genesis, &archive.pairs, None, &verdicts);
    let found = archive.genesis.community();
    let mut wrong: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("height {}: {}", finding.height, finding.damage))
        .collect();
    if report.balances_sum != 0 {
        wrong.push(format!("balances sum to {} instead of 0", report.balances_sum));
    }
    let open = report.pairs - report.closed;
    if open > 0 {
        wrong.push(format!("{open} pairs have no quorum of ledger votes"));
    }
    if report.tip != archive.tip {
        wrong.push(format!("the end frame names {} as the tip", archive.tip));
    }
    if community.is_some_and(|community| community != found) {
        wrong.push(format!("this is community {found}"));
    }
    if tip.is_some_and(|tip| tip != report.tip) {
        wrong.push(format!("the chain ends with {}", report.tip));
    }
    let votes = check_own_votes(&archive, &found, &verdicts, &mut wrong);
    if !wrong.is_empty() {
        return Err(Failure::FoundWrong(wrong.join("\ngridpact: ")));
    }
    let anchor = match (community, tip) {
        (Some(_), Some(_)) => "proved against the given community and tip",
        (None, None) => "consistent in itself; not anchored",
        (Some(_), None) => "proved for the given community; its end is not anchored",
        (None, Some(_)) => "proved up to the given tip; its community is not anchored",
    };
    say(&format!(
        "{anchor}\ncommunity   {found}\ntip         {}\npairs       {} (closed {})\nsignatures  {}\nenergy      {}",
        report.tip,
        report.pairs,
        report.closed,
        report.signatures + votes,
        report.energy,
    ))
}

/// The votes that the writing node has cast itself carry its signature; returns how many there are.
fn check_own_votes(
    archive: &Archive,
    community: &Digest,
    verdicts: &ProcessVerdicts,
    wrong: &mut Vec<String>,
) -> u64 {
    let registry = Registry::founding(&archive.genesis);
    let mut votes = 0;
    for record in &archive.records {
        let (voter, statement, signature): (_, Statement, _) = match record {
            JournalEntry::Approval { vote, .. } => (vote.voter, vote.statement(), vote.signature),
            JournalEntry::LedgerVote(vote) => (vote.voter, vote.statement(), vote.signature),
            _ => continue,
        };
        votes += 1;
        let holds = registry.key(voter).is_some_and(|key| {
            let claim = Claim { key, message: statement.digest(community), signature };
            verdicts.check(claim.key, &claim.message, &claim.signature)
        });
        if !holds {
            wrong.push(format!("a vote of {voter} does not carry its signature"));
        }
    }
    votes
}

fn show(dir: &Path, height: u64) -> Result<(), Failure> {
    let archive = read(dir)?;
    let found = height.checked_sub(1).and_then(|at| archive.pairs.get(usize::try_from(at).ok()?));
    let Some((pair, proof)) = found else {
        let pairs = archive.pairs.len();
        return Err(Failure::BadInput(format!(
            "there is no height {height}; the chain has 1..={pairs}"
        )));
    };
    say(&describe(&archive, pair, proof))
}

fn describe(archive: &Archive, pair: &Pair, proof: &Proof) -> String {
    let community = archive.genesis.community();
    let block = &*pair.contract;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<20} {value}");
    };
    line("height", pair.height().to_string());
    line("contract block", pair.contract.digest(&community).to_string());
    line("  follows", block.prev_contract_hash.to_string());
    line("  chain time", format!("{} ms", block.time_ms.0));
    line("  registry", block.registry.to_string());
    if let Record::Contract(contract) = &*block.record {
        let body = &contract.body;
        line("contract", body.contract_id.to_string());
        line("  epoch", body.epoch.to_string());
        line("  buyer", format!("{} {}", body.buyer, name_of(archive, body.buyer)));
        line("  seller", format!("{} {}", body.seller, name_of(archive, body.seller)));
        line("  intervals", format!("{}..{}", body.start, body.end));
        line("  energy", body.energy.to_string());
        line("  price", body.unit_price.to_string());
        line("  amount", body.amount.to_string());
        line("  valid until", format!("{} ms", body.valid_until.0));
    }
    line("ledger block", pair.ledger.digest(&community).to_string());
    line("  follows", pair.ledger.prev_ledger_hash.to_string());
    for entry in &pair.ledger.entries {
        line("  entry", format!("{} {:+} -> {}", entry.party, entry.delta.0, entry.balance));
    }
    if let Some(root) = pair.ledger.checkpoint {
        line("  checkpoint", root.to_string());
    }
    line("approvals", proof.approvals.signatures.len().to_string());
    let votes = proof.ledger_votes.as_ref().map_or(0, |votes| votes.signatures.len());
    line("ledger votes", votes.to_string());
    line("batch", format!("{} at position {}", proof.order.head.index, proof.order.position));
    text.trim_end().to_owned()
}

fn name_of(archive: &Archive, party: gridpact_chain::terms::PartyId) -> &str {
    let member = archive.genesis.members.iter().find(|member| member.id == party);
    member.map_or("", |member| &member.name)
}
