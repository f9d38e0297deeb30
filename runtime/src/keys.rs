//! Secret keys: made, held, used to sign, wiped. No other file holds one.

mod pem;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::pem::PemError;

use ed25519_dalek::{Signer as _, SigningKey};
use gridpact_chain::digest::{Digest, MacKey};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::keyring::{KeyLetter, Keyring};
use gridpact_chain::registry::RegistryVersion;
use gridpact_chain::seal::{self, Drawn, GroupKey, KeyNumber};
use gridpact_chain::sign::{KeyError, PublicKey, Signature};
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::PartyId;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::actors::Door;
use crate::actors::replica::Signed;
use crate::supervise::Job;

/// One member's signing key; wiped from memory when dropped, and never shown.
pub struct SecretKey {
    key: SigningKey,
    made: AtomicU64,
}

impl SecretKey {
    /// The key of `party` in a simulated community; anybody who knows the seed knows the key.
    #[must_use]
    pub fn simulated(seed: u64, party: PartyId) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(party.0) | KEY_STREAMS);
        let mut bytes = [0_u8; 32];
        rng.fill_bytes(&mut bytes);
        Self::of(&bytes)
    }

    fn of(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed), made: AtomicU64::new(0) }
    }

    /// The public half.
    ///
    /// # Errors
    /// [`KeyError`] for a key nobody should register.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(self.key.verifying_key().as_bytes())
    }

    /// The public half of the X25519 key with which group keys are wrapped for this member.
    #[must_use]
    pub fn seal_public(&self) -> [u8; 32] {
        seal::public_of(&seal::secret_of(self.key.as_bytes()))
    }

    /// The group key in a letter for `party`, whose key this is; none where no sound copy is for it.
    #[must_use]
    pub fn unwrap(
        &self,
        letter: &KeyLetter,
        community: &Digest,
        party: PartyId,
    ) -> Option<GroupKey> {
        let secret = seal::secret_of(self.key.as_bytes());
        letter.unwrap_for(community, party, &secret)
    }

    /// Every group key in the letters that `entries` hold for `party`, whose key this is.
    #[must_use]
    pub fn keyring<'e>(
        &self,
        entries: impl Iterator<Item = &'e JournalEntry>,
        community: &Digest,
        party: PartyId,
    ) -> Keyring {
        let mut keys = Keyring::default();
        for entry in entries {
            if let JournalEntry::Keys(letter) = entry
                && let Some(key) = self.unwrap(letter, community, party)
            {
                keys.add(letter.number(), key);
            }
        }
        keys
    }

    /// Signs a statement for `community`.
    #[must_use]
    pub fn sign(&self, statement: &Statement, community: &Digest) -> Signature {
        self.made.fetch_add(1, Ordering::Relaxed);
        Signature(self.key.sign(&statement.digest(community).0).to_bytes())
    }

    /// A key under which this member knows its own files again; it gives nothing of this one away.
    #[must_use]
    pub fn mac_key(&self, purpose: &str) -> MacKey {
        MacKey::derive(purpose, self.key.as_bytes())
    }

    /// Signatures made so far.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

/// From the workshop: what a replica asked of its seal key.
#[derive(Debug, Clone)]
pub enum KeyAnswer {
    /// Secrets for a letter of keys.
    Drawn {
        /// Number of the group key.
        number: KeyNumber,
        /// Version whose members get it.
        registry: RegistryVersion,
        /// The secrets.
        drawn: Drawn,
    },
    /// What came out of a letter.
    Key {
        /// Number of the group key.
        number: KeyNumber,
        /// The key, if a sound copy was there.
        key: Option<GroupKey>,
    },
}

/// One member's means to sign: its key, its community, and the workshop where signing is done.
#[derive(Clone)]
pub struct Signer {
    /// The key.
    pub key: Arc<SecretKey>,
    /// The community every statement is signed for.
    pub community: Digest,
    /// Where the work is done.
    pub workshop: Door<Job>,
}

impl Signer {
    /// Has `statement` signed; the answer comes back through `to`.
    pub fn sign(&self, statement: Statement, to: Door<Signed>) {
        self.sign_into(statement, move |signed| to.tell(signed));
    }

    /// Has the secrets for a letter of keys drawn; the answer comes back through `to`.
    pub fn draw(&self, number: KeyNumber, registry: RegistryVersion, to: Door<KeyAnswer>) {
        let (key, community) = (Arc::clone(&self.key), self.community);
        self.workshop.tell(Job::new(move || {
            let drawn = Drawn::of(key.key.as_bytes(), &community, number, registry);
            Box::new(move || to.tell(KeyAnswer::Drawn { number, registry, drawn }))
        }));
    }

    /// Has `party`'s copy in `letter` unwrapped; the answer comes back through `to`.
    pub fn unwrap(&self, letter: Arc<KeyLetter>, party: PartyId, to: Door<KeyAnswer>) {
        let (key, community) = (Arc::clone(&self.key), self.community);
        self.workshop.tell(Job::new(move || {
            let (number, key) = (letter.number(), key.unwrap(&letter, &community, party));
            Box::new(move || to.tell(KeyAnswer::Key { number, key }))
        }));
    }

    /// Has `statement` signed and the signature handed to `take`.
    pub fn sign_into(&self, statement: Statement, take: impl FnOnce(Signed) + Send + 'static) {
        let (key, community) = (Arc::clone(&self.key), self.community);
        self.workshop.tell(Job::new(move || {
            let signature = key.sign(&statement, &community);
            Box::new(move || take(Signed { statement, signature }))
        }));
    }
}

/// Draws the keys of confidential records in a simulated community: the same for the same seed.
#[must_use]
pub fn simulated_draw(seed: u64) -> crate::store::vault::Draw {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    rng.set_stream(VAULT_STREAM);
    Box::new(move || {
        let mut bytes = [0_u8; 32];
        rng.fill_bytes(&mut bytes);
        Ok(bytes)
    })
}

/// The stream of the keys of confidential records.
const VAULT_STREAM: u64 = 1 << 41;

/// Keeps the streams of keys apart from the streams of profiles, which use small numbers.
const KEY_STREAMS: u64 = 1 << 40;

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_under_the_public_half_and_no_other() {
        let (mine, other) =
            (SecretKey::simulated(1, PartyId(0)), SecretKey::simulated(1, PartyId(1)));
        let statement = Statement::Ledger {
            height: 7,
            ledger: Digest::default(),
            registry: RegistryVersion::default(),
        };
        let community = Digest([3; 32]);
        let signature = mine.sign(&statement, &community);
        let holds = |key: &SecretKey| {
            key.public().is_ok_and(|key| key.verifies(&statement.digest(&community), &signature))
        };
        assert!(holds(&mine));
        assert!(!holds(&other));
        assert_eq!(mine.made(), 1);
        assert_eq!(format!("{mine:?}"), "SecretKey(..)");
    }
}
