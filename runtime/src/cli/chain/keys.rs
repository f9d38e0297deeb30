//! What an auditor can read of a sealed chain, and `gridpact chain disclose`: one epoch for somebody
//! who must see it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gridpact_chain::block::Record;
use gridpact_chain::genesis::Member;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::keyring::Keyring;
use gridpact_chain::membership::Change;
use gridpact_chain::seal::EpochKey;
use gridpact_chain::terms::{Epoch, Interval, PartyId};
use serde::{Deserialize, Serialize};

use super::digest;
use crate::cli::{Failure, say, warn};
use crate::keys::SecretKey;
use crate::store::archive::Archive;

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
    /// The keys that were given, for this chain.
    pub(super) fn keyring(&self, archive: &Archive) -> Result<Keyring, Failure> {
        let mut keys = match &self.key {
            Some(file) => keyring_of(archive, file)?,
            None => Keyring::default(),
        };
        if let Some(file) = &self.disclosed {
            add_disclosed(&mut keys, archive, file)?;
        }
        Ok(keys)
    }

    /// The chain as the keys that were given read it; what they do not read is said aside.
    pub(super) fn open(&self, mut archive: Archive) -> Result<Archive, Failure> {
        let keys = self.keyring(&archive)?;
        let community = archive.genesis.community();
        let mut unread = 0_u64;
        for (pair, _) in &mut archive.pairs {
            if pair.contract.record.sealed().is_some() {
                match pair.opened(&community, &keys) {
                    Ok(opened) => *pair = Arc::new(opened),
                    Err(_) => unread += 1,
                }
            }
        }
        if unread > 0 {
            let of = archive.pairs.len();
            warn(&format!(
                "{unread} of {of} pairs are sealed and were not read: give a member's --key, or --disclosed"
            ));
        }
        Ok(archive)
    }
}

/// The group keys that the letters on this chain hold for the member whose key is in `file`.
fn keyring_of(archive: &Archive, file: &Path) -> Result<Keyring, Failure> {
    let wrong = |what: &str| Failure::BadInput(format!("{}: {what}", file.display()));
    let key = SecretKey::read_pem(file).map_err(|error| wrong(&error.to_string()))?;
    let (public, community) = (key.seal_public(), archive.genesis.community());
    let members = archive.genesis.members.iter().chain(newcomers(archive));
    let mut parties: Vec<PartyId> =
        members.filter(|member| member.seal_key == public).map(|member| member.id).collect();
    parties.extend(replaced(archive, &public));
    if parties.is_empty() {
        return Err(wrong("this is no key of a member of this community"));
    }
    let mut keys = Keyring::default();
    for entry in &archive.records {
        let JournalEntry::Keys(letter) = entry else { continue };
        let mut found = parties.iter().filter_map(|p| key.unwrap(letter, &community, *p));
        if let Some(group) = found.next() {
            keys.add(letter.number(), group);
        }
    }
    Ok(keys)
}

fn changes(archive: &Archive) -> impl Iterator<Item = &Change> {
    archive.pairs.iter().filter_map(|(pair, _)| match &*pair.contract.record {
        Record::Membership(membership) => Some(&membership.change),
        _ => None,
    })
}

fn newcomers(archive: &Archive) -> impl Iterator<Item = &Member> {
    changes(archive).filter_map(|change| match change {
        Change::Add(member) => Some(member),
        _ => None,
    })
}

fn replaced(archive: &Archive, public: &[u8; 32]) -> impl Iterator<Item = PartyId> {
    changes(archive).filter_map(move |change| match change {
        Change::ReplaceKey { member, seal_key, .. } if seal_key == public => Some(*member),
        _ => None,
    })
}

fn add_disclosed(keys: &mut Keyring, archive: &Archive, file: &Path) -> Result<(), Failure> {
    let wrong = |what: &str| Failure::BadInput(format!("{}: {what}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?;
    let shown: Disclosed =
        serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    if shown.community != archive.genesis.community().to_string() {
        return Err(wrong(&format!("this is of community {}", shown.community)));
    }
    for DisclosedKey { number, epoch_key } in &shown.keys {
        let bytes = digest(epoch_key).map_err(|what| wrong(&format!("epoch_key is not {what}")))?;
        keys.disclose(*number, Interval(shown.epoch), EpochKey::from_bytes(bytes.0));
    }
    Ok(())
}

/// Prints the keys of one epoch, as the member whose key is in `file` has them.
pub(super) fn disclose(archive: &Archive, epoch: u32, file: &Path) -> Result<(), Failure> {
    let (keys, community) = (keyring_of(archive, file)?, archive.genesis.community());
    let epoch: Epoch = Interval(epoch);
    let sealed = archive.pairs.iter().filter_map(|(pair, _)| pair.contract.record.sealed());
    let of_epoch: Vec<_> = sealed.filter(|sealed| sealed.epoch == epoch).collect();
    let mut numbers: Vec<u32> = of_epoch.iter().map(|sealed| sealed.key).collect();
    numbers.sort_unstable();
    numbers.dedup();
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
        contracts: of_epoch.len() as u64,
    };
    say(&serde_json::to_string_pretty(&shown).map_err(Failure::input)?)
}
