//! Seal: what only members may read of a contract (protocol 8.8), as functions of keys and bytes.
//!
//! A group key is shared by the members, each epoch has a key that follows from it, and a contract is
//! sealed under the key of its epoch; so one epoch can be shown to an auditor and no other. Nonce and
//! salt follow from key and contents: the same contract is sealed into the same bytes for ever, nothing
//! has to be drawn, and no nonce ever serves two contents. It protects against outsiders and stolen
//! disks, not against members; who has left keeps what he could read.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey as SealPublic, StaticSecret};
use zeroize::Zeroizing;

use crate::digest::{Digest, tag};
use crate::terms::{Epoch, PartyId};

/// Number of a group key: the registry version from which on it seals.
pub type KeyNumber = u32;

/// Bytes of a group key wrapped for one member: the key and an authentication tag.
pub const WRAPPED_BYTES: usize = 48;

/// What is derived from what: one context for each, so that no derived key stands for another.
mod context {
    pub const EPOCH: &str = "gridpact 1 seal: key of an epoch";
    pub const WRAP: &str = "gridpact 1 seal: key that wraps a group key";
    pub const MEMBER: &str = "gridpact 1 seal: X25519 secret of a member";
    pub const GROUP: &str = "gridpact 1 seal: group key of a sequencer";
    pub const EPHEMERAL: &str = "gridpact 1 seal: key that a sequencer wraps under once";
    pub const NONCE: &str = "gridpact 1 seal: nonce";
    pub const SALT: &str = "gridpact 1 seal: salt";
}

fn derive(context: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    Zeroizing::new(*hasher.finalize().as_bytes())
}

/// The key that all members share from one Remove to the next; wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey(Zeroizing<[u8; 32]>);

impl GroupKey {
    /// The key with these bytes, which must have been drawn at random.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What is said of it in the open: fits no other key, and gives nothing of this one away.
    #[must_use]
    pub fn commitment(&self, community: &Digest, number: KeyNumber) -> Digest {
        Digest::of(tag::GROUP_KEY, community, &[&number.to_be_bytes(), &*self.0])
    }

    /// Its bytes, for one wrapping.
    pub(crate) fn bytes(&self) -> [u8; 32] {
        *self.0
    }

    /// The key of one epoch; the group key does not follow from it.
    #[must_use]
    pub fn epoch(&self, community: &Digest, epoch: Epoch) -> EpochKey {
        let parts: [&[u8]; 3] = [&*self.0, &community.0, &epoch.0.to_be_bytes()];
        EpochKey(derive(context::EPOCH, &parts))
    }

    /// This key for each of `members` (number and X25519 public key), wrapped under `ephemeral`, 32
    /// random bytes that are used once. Who has no sound key is left out.
    #[must_use]
    pub fn wrap(
        &self,
        community: &Digest,
        number: KeyNumber,
        ephemeral: [u8; 32],
        members: impl Iterator<Item = (PartyId, [u8; 32])>,
    ) -> Wrapped {
        let ephemeral = StaticSecret::from(ephemeral);
        let public = SealPublic::from(&ephemeral).to_bytes();
        let one = |(party, key): (PartyId, [u8; 32])| {
            let shared = ephemeral.diffie_hellman(&SealPublic::from(key));
            let wrapping = shared.was_contributory().then_some(shared)?;
            let wrapping = derive(context::WRAP, &[wrapping.as_bytes(), &public, &key]);
            let aad = wrap_aad(community, number, party);
            // Each pair of keys wraps one text, so the nonce may be any.
            let bytes = encrypt(&wrapping, &[0; 24], &aad, &*self.0);
            Some((party, WrappedKey(bytes.try_into().ok()?)))
        };
        Wrapped { number, ephemeral: public, keys: members.filter_map(one).collect() }
    }
}

/// Two secrets of a sequencer for one letter of keys: a group key, used where it is a new one, and a
/// key to wrap under that is used once.
#[derive(Clone)]
pub struct Drawn {
    /// The group key.
    pub group: GroupKey,
    /// The key to wrap under.
    pub ephemeral: GroupKey,
}

impl Drawn {
    /// The secrets of the sequencer whose signing secret is `seed`, for the letter that carries
    /// group key `number` to registry version `registry`. They follow from what they are for, so
    /// that a sequencer that crashed before its letter was written makes the same one again.
    #[must_use]
    pub fn of(seed: &[u8; 32], community: &Digest, number: KeyNumber, registry: u32) -> Self {
        let name = [number, registry].map(u32::to_be_bytes).concat();
        let one = |context| GroupKey(derive(context, &[seed, &community.0, &name]));
        Self { group: one(context::GROUP), ephemeral: one(context::EPHEMERAL) }
    }
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Drawn(..)")
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(..)")
    }
}

/// A group key, wrapped for each member: shows nothing to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// Its number.
    pub number: KeyNumber,
    /// Public half of the key it was wrapped under.
    #[serde(with = "crate::encode::fixed")]
    pub ephemeral: [u8; 32],
    /// The wrapped key of each member, ascending.
    pub keys: Vec<(PartyId, WrappedKey)>,
}

/// One member's copy.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrappedKey(#[serde(with = "crate::encode::fixed")] pub [u8; WRAPPED_BYTES]);

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Wrapped {
    /// The group key, for `party`, whose X25519 secret is `secret`; none where no sound copy is for it.
    #[must_use]
    pub fn unwrap_for(
        &self,
        community: &Digest,
        party: PartyId,
        secret: &[u8; 32],
    ) -> Option<GroupKey> {
        let at = self.keys.binary_search_by_key(&party, |(party, _)| *party).ok()?;
        let secret = StaticSecret::from(*secret);
        let public = SealPublic::from(&secret).to_bytes();
        let shared = secret.diffie_hellman(&SealPublic::from(self.ephemeral));
        let shared = shared.was_contributory().then_some(shared)?;
        let wrapping = derive(context::WRAP, &[shared.as_bytes(), &self.ephemeral, &public]);
        let aad = wrap_aad(community, self.number, party);
        let bytes = Zeroizing::new(decrypt(&wrapping, &[0; 24], &aad, &self.keys[at].1.0)?);
        Some(GroupKey(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }
}

/// The X25519 secret of the member whose signing secret is `seed`: one file per member holds both.
#[must_use]
pub fn secret_of(seed: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    derive(context::MEMBER, &[seed])
}

/// The X25519 public key of `secret`.
#[must_use]
pub fn public_of(secret: &[u8; 32]) -> [u8; 32] {
    SealPublic::from(&StaticSecret::from(*secret)).to_bytes()
}

/// The key of one epoch; wiped when dropped, shown only to be disclosed.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochKey(Zeroizing<[u8; 32]>);

impl EpochKey {
    /// The key with these bytes, as somebody disclosed it.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, to disclose the epoch: who has them reads every contract of it.
    #[must_use]
    pub fn disclose(&self) -> [u8; 32] {
        *self.0
    }

    /// The salt of what `contents` says: known to nobody without the key, the same each time.
    #[must_use]
    pub fn salt(&self, contents: &[u8]) -> [u8; 32] {
        *derive(context::SALT, &[&*self.0, contents])
    }

    /// Seals `plain` so that it opens only with the same `aad`.
    #[must_use]
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Sealed {
        let length = (aad.len() as u64).to_be_bytes();
        let drawn = derive(context::NONCE, &[&*self.0, &length, aad, plain]);
        let mut nonce = [0; 24];
        nonce.copy_from_slice(&drawn[..24]);
        Sealed { nonce, payload: encrypt(&self.0, &nonce, aad, plain) }
    }

    /// What was sealed; none when key, `aad` or a byte is another.
    #[must_use]
    pub fn open(&self, aad: &[u8], sealed: &Sealed) -> Option<Vec<u8>> {
        decrypt(&self.0, &sealed.nonce, aad, &sealed.payload)
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey(..)")
    }
}

/// Sealed bytes: XChaCha20-Poly1305.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The nonce.
    #[serde(with = "crate::encode::fixed")]
    pub nonce: [u8; 24],
    /// What was sealed, and its authentication tag.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
}

fn wrap_aad(community: &Digest, number: KeyNumber, party: PartyId) -> Vec<u8> {
    [&community.0[..], &number.to_be_bytes(), &party.0.to_be_bytes()].concat()
}

fn encrypt(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let sealed = cipher.encrypt(&XNonce::from(*nonce), Payload { msg, aad });
    sealed.expect("a text in memory is shorter than the cipher's limit of 256 GiB")
}

fn decrypt(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Interval;

    const HOME: Digest = Digest([7; 32]);

    fn group() -> GroupKey {
        GroupKey::from_bytes([9; 32])
    }

    #[test]
    fn the_same_contents_are_sealed_into_the_same_bytes_and_others_under_another_nonce() {
        let key = group().epoch(&HOME, Interval(3));
        let (one, again) = (key.seal(b"aad", b"contents"), key.seal(b"aad", b"contents"));
        assert_eq!(one, again);
        assert_ne!(one.nonce, key.seal(b"aad", b"Contents").nonce);
        assert_ne!(one.nonce, key.seal(b"aadc", b"ontents").nonce);
        assert_eq!(key.open(b"aad", &one).as_deref(), Some(&b"contents"[..]));
    }

    #[test]
    fn another_key_text_or_byte_opens_nothing() {
        let key = group().epoch(&HOME, Interval(3));
        let sealed = key.seal(b"aad", b"contents");
        assert_eq!(group().epoch(&HOME, Interval(4)).open(b"aad", &sealed), None);
        assert_eq!(group().epoch(&Digest([8; 32]), Interval(3)).open(b"aad", &sealed), None);
        assert_eq!(key.open(b"dad", &sealed), None);
        for at in 0..sealed.payload.len() {
            let mut bent = sealed.clone();
            bent.payload[at] ^= 1;
            assert_eq!(key.open(b"aad", &bent), None, "byte {at}");
        }
        for at in 0..sealed.nonce.len() {
            let mut bent = sealed.clone();
            bent.nonce[at] ^= 1;
            assert_eq!(key.open(b"aad", &bent), None, "nonce byte {at}");
        }
    }

    #[test]
    fn a_group_key_reaches_each_member_it_was_wrapped_for_and_nobody_else() {
        let secrets: Vec<[u8; 32]> = (1..4).map(|n| [n; 32]).collect();
        let members = (0..).map(PartyId).zip(secrets.iter().map(public_of)).take(2);
        let wrapped = group().wrap(&HOME, 5, [77; 32], members);
        for (party, secret) in (0..).map(PartyId).zip(&secrets).take(2) {
            assert_eq!(wrapped.unwrap_for(&HOME, party, secret), Some(group()));
        }
        assert_eq!(wrapped.unwrap_for(&HOME, PartyId(2), &secrets[2]), None);
        assert_eq!(wrapped.unwrap_for(&HOME, PartyId(1), &secrets[2]), None, "a stranger's secret");
        assert_eq!(wrapped.unwrap_for(&Digest([8; 32]), PartyId(1), &secrets[1]), None);
        let other = Wrapped { number: 6, ..wrapped };
        assert_eq!(other.unwrap_for(&HOME, PartyId(1), &secrets[1]), None, "another number");
    }

    #[test]
    fn a_key_of_small_order_is_not_wrapped_for_and_not_unwrapped_with() {
        // Zero is the neutral element: whoever wraps for it would share the key with everybody.
        let weak = [(PartyId(0), [0; 32])];
        let wrapped = group().wrap(&HOME, 0, [77; 32], weak.into_iter());
        assert!(wrapped.keys.is_empty());
        let sound = [(PartyId(0), public_of(&[1; 32]))];
        let mut wrapped = group().wrap(&HOME, 0, [77; 32], sound.into_iter());
        wrapped.ephemeral = [0; 32];
        assert_eq!(wrapped.unwrap_for(&HOME, PartyId(0), &[1; 32]), None);
    }

    #[test]
    fn keys_are_not_shown() {
        assert_eq!(format!("{:?}", group()), "GroupKey(..)");
        assert_eq!(format!("{:?}", group().epoch(&HOME, Interval(0))), "EpochKey(..)");
    }
}
