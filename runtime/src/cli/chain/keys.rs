//! What an auditor can read of a sealed chain, and `gridpact chain disclose`: one epoch for somebody
//! who must see it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use gridpact_chain::block::Pair;
use gridpact_chain::digest::Digest;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::keyring::Keyring;
use gridpact_chain::membership::Change;
use gridpact_chain::seal::EpochKey;
use gridpact_chain::terms::{Epoch, Interval, PartyId};
use serde::{Deserialize, Serialize};

use super::reader::Reader;
use super::{digest, stream, unproved};
use crate::cli::{Failure, say};
use crate::keys::SecretKey;
use crate::store::stream::Item;

/// How sealed contracts are read.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reading {
    /// Secret key of a member (PKCS#8 PEM): reads what is sealed for members
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What `disclose` has printed: reads that epoch and no other
    #[arg(long, value_name = "FILE")]
    disclosed: Option<PathBuf>,
}

/// One epoch, shown to somebody who is no member.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Disclosed {
    community: String,
    epoch: u32,
    keys: Vec<DisclosedKey>,
    contracts: u64,
}

/// One key of the epoch: a removal within it makes a second.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DisclosedKey {
    number: u32,
    epoch_key: String,
}

impl Reading {
    /// Whether any key was given.
    pub(super) fn is_given(&self) -> bool {
        self.key.is_some() || self.disclosed.is_some()
    }

    /// The keys that were given, for the chain in `dir`.
    pub(super) fn keyring(&self, dir: &Path) -> Result<Keyring, Failure> {
        let mut keys = match &self.key {
            Some(file) => keyring_of(dir, file)?,
            None => Keyring::default(),
        };
        if let Some(file) = &self.disclosed {
            add_disclosed(&mut keys, &stream(dir)?.genesis().community(), file)?;
        }
        Ok(keys)
    }
}

/// The group keys that the letters on the chain in `dir` hold for the member whose key is in `file`.
fn keyring_of(dir: &Path, file: &Path) -> Result<Keyring, Failure> {
    let wrong = |what: &str| Failure::BadInput(format!("{}: {what}", file.display()));
    let key = SecretKey::read_pem(file).map_err(|error| wrong(&error.to_string()))?;
    let mut chain = stream(dir)?;
    let (public, community) = (key.seal_public(), chain.genesis().community());
    let founders = chain.genesis().members.iter();
    let mut parties: Vec<PartyId> =
        founders.filter(|member| member.seal_key == public).map(|member| member.id).collect();
    // As many as there are changes of the members, and no more.
    let mut letters = Vec::new();
    for item in &mut chain {
        match item.map_err(unproved)? {
            Item::Pair(pair, _) => parties.extend(named(&pair, &public)),
            Item::Record(JournalEntry::Keys(letter)) => letters.push(letter),
            _ => {}
        }
    }
    if parties.is_empty() {
        return Err(wrong("this is no key of a member of this community"));
    }
    let mut keys = Keyring::default();
    for letter in &letters {
        let mut found = parties.iter().filter_map(|p| key.unwrap(letter, &community, *p));
        if let Some(group) = found.next() {
            keys.add(letter.number(), group);
        }
    }
    Ok(keys)
}

/// The member who has this key from the change in `pair` on.
fn named(pair: &Pair, public: &[u8; 32]) -> Option<PartyId> {
    match &pair.contract.record.membership()?.change {
        Change::Add(member) if member.seal_key == *public => Some(member.id),
        Change::ReplaceKey { member, seal_key, .. } if seal_key == public => Some(*member),
        _ => None,
    }
}

fn add_disclosed(keys: &mut Keyring, community: &Digest, file: &Path) -> Result<(), Failure> {
    let wrong = |what: &str| Failure::BadInput(format!("{}: {what}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?;
    let shown: Disclosed =
        serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    if shown.community != community.to_string() {
        return Err(wrong(&format!("this is of community {}", shown.community)));
    }
    for DisclosedKey { number, epoch_key } in &shown.keys {
        let bytes = digest(epoch_key).map_err(|what| wrong(&format!("epoch_key is not {what}")))?;
        keys.disclose(*number, Interval(shown.epoch), EpochKey::from_bytes(bytes.0));
    }
    Ok(())
}

/// Prints the keys of one epoch, as the member whose key is in `file` has them.
pub(super) fn disclose(dir: &Path, epoch: u32, file: &Path) -> Result<(), Failure> {
    let keys = keyring_of(dir, file)?;
    let epoch: Epoch = Interval(epoch);
    let mut chain = Reader::as_stored(dir)?;
    let (community, mut numbers, mut contracts) = (chain.community(), BTreeSet::new(), 0);
    for height in &mut chain {
        let (pair, _) = height?;
        if let Some(sealed) = pair.contract.record.sealed().filter(|sealed| sealed.epoch == epoch) {
            numbers.insert(sealed.key);
            contracts += 1;
        }
    }
    chain.finish()?;
    if numbers.is_empty() {
        return Err(Failure::BadInput(format!("no contract of epoch {epoch} is sealed")));
    }
    let key = |number: u32| {
        let key = keys.epoch(&community, number, epoch).ok_or_else(|| {
            Failure::BadInput(format!("this member was not given group key {number}"))
        })?;
        let epoch_key = key.disclose().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(DisclosedKey { number, epoch_key })
    };
    let shown = Disclosed {
        community: community.to_string(),
        epoch: epoch.0,
        keys: numbers.into_iter().map(key).collect::<Result<_, Failure>>()?,
        contracts,
    };
    say(&serde_json::to_string_pretty(&shown).map_err(Failure::input)?)
}
