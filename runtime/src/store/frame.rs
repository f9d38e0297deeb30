//! One frame: how it lies on disk. All integers are little-endian.
//!
//! ```text
//! magic 4 | kind 1 | length 4 | height 8 | crc32c of these 4 | payload | crc32c of payload 4
//! ```

/// First bytes of every frame; the digit is the version of the format.
pub const MAGIC: [u8; 4] = *b"GPF1";
/// Bytes before the payload.
pub const HEADER: usize = 21;
/// Bytes after the payload.
pub const TRAILER: usize = 4;
/// Longest payload: far above the largest block of 256 KiB, far below what memory must bear.
pub const PAYLOAD_MAX: usize = 16 << 20;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The community's founding bytes.
    Genesis = 1,
    /// A contract block and its ledger block.
    Pair = 2,
    /// This node's own vote.
    Vote = 3,
    /// A reservation this node confirmed.
    Reservation = 4,
    /// Approvals, votes and order of a pair; lies in the proof file.
    Proof = 5,
    /// End of a group; written by the log.
    Commit = 6,
    /// End of the log after a clean stop; written by the log.
    Closed = 7,
    /// Start of a file; written by the log.
    Open = 8,
    /// How far the proof file reaches; written by the log.
    Mark = 9,
    /// What was published, and what was ordered.
    Order = 10,
}

impl Kind {
    /// The kind with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Genesis,
            2 => Self::Pair,
            3 => Self::Vote,
            4 => Self::Reservation,
            5 => Self::Proof,
            6 => Self::Commit,
            7 => Self::Closed,
            8 => Self::Open,
            9 => Self::Mark,
            10 => Self::Order,
            _ => return None,
        })
    }

    /// Whether callers may append it.
    #[must_use]
    pub fn is_callers(self) -> bool {
        !matches!(self, Self::Commit | Self::Closed | Self::Open | Self::Mark)
    }
}

/// The part of a frame before its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the payload is.
    pub kind: Kind,
    /// Length of the payload in bytes.
    pub length: usize,
    /// Height the caller gave it.
    pub height: u64,
}

impl Header {
    /// Reads a header, or says what is wrong with it.
    ///
    /// # Errors
    /// Wrong magic, wrong checksum, unknown kind or a length above [`PAYLOAD_MAX`].
    pub fn decode(bytes: &[u8; HEADER]) -> Result<Self, &'static str> {
        let (fields, checksum) = bytes.split_at(HEADER - 4);
        if fields[..4] != MAGIC {
            return Err("no frame starts here");
        }
        if checksum != crc32c::crc32c(fields).to_le_bytes() {
            return Err("checksum of the frame header does not match");
        }
        let kind = Kind::from_code(fields[4]).ok_or("frame kind is unknown")?;
        let length = u32_at(fields, 5) as usize;
        if length > PAYLOAD_MAX {
            return Err("frame is longer than the limit");
        }
        Ok(Self { kind, length, height: u64_at(fields, 9) })
    }
}

/// Appends a whole frame to `out`; the payload is at most [`PAYLOAD_MAX`] bytes.
pub fn encode(out: &mut Vec<u8>, kind: Kind, height: u64, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.push(kind as u8);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&height.to_le_bytes());
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
}

/// The little-endian integer at `at`; missing bytes count as zero.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.iter().skip(at).take(8).rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.iter().skip(at).take(4).rev().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

/// Payload of a Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Frames since the Commit before, this one not counted.
    pub count: u64,
    /// Greatest height of any frame so far.
    pub height: u64,
    /// Running SHA-256 over all before this frame.
    pub running: [u8; 32],
}

impl Commit {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&self.count.to_le_bytes()[..], &self.height.to_le_bytes(), &self.running].concat()
    }
}

/// Payload of an Open: number of the segment and the running SHA-256 it continues.
#[must_use]
pub fn open_payload(number: u32, running: &[u8; 32]) -> Vec<u8> {
    [&number.to_le_bytes()[..], running].concat()
}

/// Payload of a Mark: length of the proof file and its running SHA-256.
#[must_use]
pub fn mark_payload(length: u64, running: &[u8; 32]) -> Vec<u8> {
    [&length.to_le_bytes()[..], running].concat()
}

/// Payload of a Closed: the running SHA-256 before it, then the tip.
#[must_use]
pub fn closed_payload(running: &[u8; 32], tip: &[u8]) -> Vec<u8> {
    [&running[..], tip].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_pinned() {
        let mut bytes = Vec::new();
        encode(&mut bytes, Kind::Pair, 7, b"pair");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (header, rest) = hex.split_at(2 * (HEADER - 4));
        assert_eq!(header, "4750463102040000000700000000000000");
        assert_eq!(&rest[8..16], "70616972");
        assert_eq!(bytes.len(), HEADER + 4 + TRAILER);
        // The standard check value of CRC-32C: whoever reads the file elsewhere needs it.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_code_names_the_kind_that_has_it() {
        let known = (0..=u8::MAX).filter_map(|code| Some((code, Kind::from_code(code)?)));
        assert!(known.clone().all(|(code, kind)| kind as u8 == code));
        assert!(known.map(|(code, _)| code).eq(1..=10));
    }

    #[test]
    fn a_header_is_read_back_and_its_length_is_bounded() {
        let header = |length: u32| {
            let mut bytes = [0; HEADER];
            bytes[..4].copy_from_slice(&MAGIC);
            bytes[4] = Kind::Vote as u8;
            bytes[5..9].copy_from_slice(&length.to_le_bytes());
            let checksum = crc32c::crc32c(&bytes[..HEADER - 4]);
            bytes[HEADER - 4..].copy_from_slice(&checksum.to_le_bytes());
            Header::decode(&bytes)
        };
        let limit = PAYLOAD_MAX as u32;
        assert_eq!(header(limit - 1).map(|h| h.length), Ok(PAYLOAD_MAX - 1));
        assert_eq!(header(limit).map(|h| h.length), Ok(PAYLOAD_MAX));
        assert_eq!(header(limit + 1), Err("frame is longer than the limit"));
    }
}
