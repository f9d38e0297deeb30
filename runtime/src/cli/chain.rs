//! `gridpact chain`: what auditors ask of a chain that stands on disk.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use gridpact_chain::digest::Digest;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::terms::PartyId;

use self::keys::Reading;
use self::reader::Reader;
use super::{Failure, warn};
use crate::store::archive::{self, ArchiveError};
use crate::store::stream::Stream;

mod export;
mod keys;
mod list;
mod prove;
mod reader;
mod rebuild;
mod show;
mod used;
mod verify;

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
        #[command(flatten)]
        reading: Reading,
    },
    /// Print one pair of blocks and who signed for it
    Show {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// Height of the pair, from 1
        height: u64,
        #[command(flatten)]
        reading: Reading,
    },
    /// Print a line per pair: height, chain time, record, parties, energy, price, amount
    List {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// First height
        #[arg(long, value_name = "HEIGHT", default_value_t = 1)]
        from: u64,
        /// Most lines [default: all]
        #[arg(long, value_name = "N")]
        most: Option<u64>,
        #[command(flatten)]
        reading: Reading,
    },
    /// Print what every account holds at the end of the chain, or after one height
    Balances {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// After this height [default: the last]
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
        /// Print one JSON object instead of the table
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        reading: Reading,
    },
    /// Print all records for a spreadsheet or a program
    Export {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// One line per record: comma-separated, or one JSON object each
        #[arg(long, value_name = "csv|jsonl", value_enum, default_value_t)]
        format: export::Format,
        #[command(flatten)]
        reading: Reading,
    },
    /// Print the keys of one epoch, so that somebody who is no member can read that epoch alone
    Disclose {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// The epoch, as `show` prints it
        #[arg(long, value_name = "N")]
        epoch: u32,
        /// Secret key of a member (PKCS#8 PEM)
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Print what shows a stranger that one contract is on the chain, as JSON
    Prove {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        /// Height of the pair, from 1
        height: u64,
        #[command(flatten)]
        reading: Reading,
    },
    /// Write the derived state beside a chain anew: balances, and which contract is at which height
    Rebuild {
        /// Output directory of a run, or its chain/
        dir: PathBuf,
        #[command(flatten)]
        reading: Reading,
    },
    /// Check what `prove` has printed, knowing nothing but the community
    Check {
        /// What `prove` has printed
        file: PathBuf,
        /// Community it must belong to, in hexadecimal
        #[arg(long, value_name = "ID", value_parser = digest)]
        community: Digest,
    },
}

pub(super) fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Verify { dir, community, tip, reading } => {
            let keys = reading.keyring(dir)?;
            verify::verify(stream(dir)?, &keys, *community, *tip)
        }
        Verb::Show { dir, height, reading } => show::show(Reader::open(dir, reading)?, *height),
        Verb::List { dir, from, most, reading } => {
            list::list(Reader::open(dir, reading)?, *from, *most)
        }
        Verb::Balances { dir, at, json, reading } => {
            list::balances(Reader::open(dir, reading)?, *at, *json)
        }
        Verb::Export { dir, format, reading } => {
            export::export(Reader::open(dir, reading)?, *format)
        }
        Verb::Disclose { dir, epoch, key } => keys::disclose(dir, *epoch, key),
        Verb::Prove { dir, height, reading } => {
            prove::prove(Reader::as_stored(dir)?, *height, &reading.keyring(dir)?)
        }
        Verb::Rebuild { dir, reading } => rebuild::rebuild(dir, reading),
        Verb::Check { file, community } => prove::check(file, community),
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

/// What is committed of the chain in `dir`, item after item. A directory that is none is bad input;
/// whatever is wrong with a chain is found wrong.
fn stream(dir: &Path) -> Result<Stream, Failure> {
    let dir = archive::chain_dir(dir);
    if !dir.is_dir() {
        return Err(Failure::BadInput(format!("{} is not a directory", dir.display())));
    }
    Stream::committed(&dir).map_err(unproved)
}

fn unproved(error: ArchiveError) -> Failure {
    Failure::FoundWrong(format!("not proved: {error}"))
}

fn name_of(genesis: &Genesis, party: PartyId) -> &str {
    genesis.members.iter().find(|member| member.id == party).map_or("", |member| &member.name)
}
