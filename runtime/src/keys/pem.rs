//! The file of a secret key: PKCS#8 version 1 in PEM, as `openssl genpkey -algorithm ed25519` writes
//! it (OpenSSL refuses version 2). One key has one text, to the byte.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::SecretKey;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// What stands before the 32 bytes of an Ed25519 secret (RFC 8410).
const HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Why a file gives no key.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("not an Ed25519 secret key in PEM (PKCS#8 version 1): {0}")]
    Form(&'static str),
}

impl SecretKey {
    /// Writes the key to a file that does not exist yet and that only its owner can read.
    ///
    /// # Errors
    /// [`PemError::Io`].
    pub fn write_pem(&self, path: &Path) -> Result<(), PemError> {
        let bytes = Zeroizing::new([&HEAD[..], self.key.as_bytes()].concat());
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        let body = Zeroizing::new(digits(&bytes));
        file.write_all(format!("{BEGIN}\n{}\n{END}\n", *body).as_bytes())?;
        Ok(file.sync_all()?)
    }

    /// The key in a file.
    ///
    /// # Errors
    /// [`PemError`] when it cannot be read or holds something else.
    pub fn read_pem(path: &Path) -> Result<Self, PemError> {
        let text = Zeroizing::new(std::fs::read_to_string(path)?);
        let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let body = body.ok_or(PemError::Form("it has no frame of a private key"))?;
        let bytes = Zeroizing::new(bytes(body).ok_or(PemError::Form("it is no base64"))?);
        let seed = bytes.strip_prefix(&HEAD).and_then(|seed| <&[u8; 32]>::try_from(seed).ok());
        let seed = seed.ok_or(PemError::Form("another kind of key, or another version"))?;
        Ok(Self::of(seed))
    }
}

/// Base64 of a whole number of three bytes.
fn digits(bytes: &[u8]) -> String {
    let group = |three: &[u8]| {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
    };
    bytes.chunks(3).flat_map(group).collect()
}

/// What [`digits`] was given, line ends left out.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| DIGITS.iter().position(|digit| *digit == byte);
    let values: Option<Vec<usize>> =
        text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(value).collect();
    let values = values.filter(|values| values.len().is_multiple_of(4))?;
    let group = |four: &[usize]| {
        let bits = four.iter().fold(0, |bits, value| bits << 6 | value);
        [bits >> 16, bits >> 8, bits].map(|byte| byte as u8)
    };
    Some(values.chunks(4).flat_map(group).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use gridpact_chain::terms::PartyId;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key.pem");
        let key = SecretKey::simulated(7, PartyId(3));
        key.write_pem(&path).expect("written");
        let mode = std::fs::metadata(&path).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = SecretKey::read_pem(&path).expect("read");
        assert_eq!(again.key.as_bytes(), key.key.as_bytes());
        assert!(matches!(key.write_pem(&path), Err(PemError::Io(_))), "a key is not written over");
    }

    #[test]
    fn the_text_is_that_of_openssl() {
        // `openssl genpkey -algorithm ed25519` with the secret of RFC 8032, section 7.1, test 1.
        let text = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
            -----END PRIVATE KEY-----\n";
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key.pem");
        std::fs::write(&path, text).expect("written");
        let key = SecretKey::read_pem(&path).expect("an OpenSSL key");
        let public = key.public().expect("sound");
        assert!(format!("{public:?}").starts_with("d75a980182b1"), "{public:?}");
        let other = dir.path().join("other.pem");
        key.write_pem(&other).expect("written");
        assert_eq!(std::fs::read_to_string(&other).expect("read"), text);
    }

    #[test]
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key.pem");
        for text in ["", "-----BEGIN PRIVATE KEY-----\nMC4C!\n-----END PRIVATE KEY-----", "MC4C"] {
            std::fs::write(&path, text).expect("written");
            assert!(matches!(SecretKey::read_pem(&path), Err(PemError::Form(_))), "{text}");
        }
    }
}
