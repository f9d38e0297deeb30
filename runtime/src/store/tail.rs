//! What lies behind the last Commit of the newest file: the torn group of a crash, or damage.
//!
//! A crash leaves a group of which sectors are missing: they still hold the zeros that were made
//! ready, or the file ends early. Whatever cannot be explained so is damage, and is never cut:
//! cutting it could take back a vote. A whole frame behind a broken one is damage as well.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::error::{LogError, io};
use super::frame::{HEADER, Header, Kind, MAGIC, TRAILER};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// Frames that end in more zeros than this were not made so by one flipped bit.
const FEW: usize = 8;

/// Length of the whole frame at the start of `bytes`, and its header.
pub fn frame_at(bytes: &[u8]) -> Result<(Header, usize), &'static str> {
    let head = bytes.first_chunk::<HEADER>().ok_or("the file ends within a frame header")?;
    let header = Header::decode(head)?;
    let end = HEADER + header.length;
    let payload = bytes.get(HEADER..end).ok_or("the file ends within a frame")?;
    let checksum = bytes.get(end..end + TRAILER).ok_or("the file ends within a frame")?;
    if checksum != crc32c::crc32c(payload).to_le_bytes() {
        return Err("checksum of the payload does not match");
    }
    Ok((header, end + TRAILER))
}

/// The bytes of a file from `from` on.
pub fn read_from(path: &Path, from: u64) -> Result<Vec<u8>, LogError> {
    let mut file = File::open(path).map_err(io("open", path))?;
    file.seek(SeekFrom::Start(from)).map_err(io("seek in", path))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(io("read", path))?;
    Ok(bytes)
}

/// Whether `tail`, which begins at byte `from` of its file, is what a crash leaves of a group that
/// was being written. `expected` is given where the last thing before it is the end frame of a clean
/// stop: then only that frame may have been under way.
///
/// # Errors
/// Offset within `tail`, and what speaks for damage.
pub fn judge(tail: &[u8], from: u64, expected: Option<&[u8]>) -> Result<(), (usize, &'static str)> {
    let end = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if let Some(expected) = expected {
        let is_start = tail[..end].iter().zip(expected).all(|(is, due)| is == due || *is == 0);
        let is_torn = is_start && end <= expected.len();
        return is_torn.then_some(()).ok_or((0, "bytes behind the end frame of a clean stop"));
    }
    let mut at = 0;
    let what = loop {
        match frame_at(&tail[at..]) {
            Ok((header, length)) if header.kind.is_callers() || header.kind == Kind::Mark => {
                at += length;
            }
            Ok(_) => return Err((at, "the Commit does not match its group")),
            Err(what) => break what,
        }
    };
    if at >= end {
        return Ok(());
    }
    let magic = tail[at + 1..].windows(MAGIC.len()).enumerate();
    let mut starts = magic.filter(|(_, bytes)| *bytes == MAGIC).map(|(start, _)| at + 1 + start);
    if starts.any(|start| frame_at(&tail[start..]).is_ok()) {
        return Err((at, "no whole frame lies here, but one follows"));
    }
    if is_cut_short(tail, at, end) || has_a_missing_sector(tail, from, at) {
        return Ok(());
    }
    Err((at, what))
}

/// Where the frame that starts at `at` ends, as far as its header can tell.
fn extent(tail: &[u8], at: usize) -> usize {
    let head = tail[at..].first_chunk::<HEADER>();
    let header = head.and_then(|head| Header::decode(head).ok());
    at + HEADER + header.map_or(0, |header| header.length + TRAILER)
}

/// Whether the frame at `at` was written up to some byte and no further.
fn is_cut_short(tail: &[u8], at: usize, end: usize) -> bool {
    let until = extent(tail, at);
    if until > tail.len() {
        return true;
    }
    if end >= until {
        return false;
    }
    until - end > FEW || !is_one_bit_off(&tail[at..until], end - at)
}

/// Whether a frame is whole but for one bit at or behind `from`.
fn is_one_bit_off(frame: &[u8], from: usize) -> bool {
    let mut frame = frame.to_vec();
    (from * 8..frame.len() * 8).any(|bit| {
        frame[bit / 8] ^= 1 << (bit % 8);
        let is_whole = frame_at(&frame).is_ok();
        frame[bit / 8] ^= 1 << (bit % 8);
        is_whole
    })
}

/// Whether a sector of the frame at `at` still holds the zeros that were there before.
fn has_a_missing_sector(tail: &[u8], from: u64, at: usize) -> bool {
    let phase = usize::try_from(from % SECTOR as u64).unwrap_or(0);
    let (first, last) = ((phase + at) / SECTOR, (phase + extent(tail, at) - 1) / SECTOR);
    (first..=last).any(|sector| {
        let start = (sector * SECTOR).saturating_sub(phase);
        let end = ((sector + 1) * SECTOR - phase).min(tail.len());
        tail[start.min(end)..end].iter().all(|byte| *byte == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::super::frame::encode;
    use super::*;

    /// Two frames of a group; the second is longer than a sector.
    fn group() -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        encode(&mut bytes, Kind::Vote, 1, b"vote");
        let first = bytes.len();
        encode(&mut bytes, Kind::Pair, 1, &[7; 1_200]);
        (bytes, first)
    }

    #[test]
    fn a_group_that_lacks_any_sectors_at_its_end_is_torn() {
        let (mut whole, _) = group();
        for length in 0..=whole.len() {
            judge(&whole[..length], 100, None).expect("the file ends early");
        }
        whole.resize(8_192, 0);
        for start in (412..1_300).step_by(SECTOR) {
            let mut tail = whole.clone();
            tail[start..start + SECTOR].fill(0);
            judge(&tail, 100, None).expect("a sector is missing");
        }
    }

    #[test]
    fn a_flipped_bit_is_never_taken_for_a_tear() {
        let (mut whole, _) = group();
        let length = whole.len();
        whole.resize(8_192, 0);
        for bit in 0..length * 8 {
            let mut tail = whole.clone();
            tail[bit / 8] ^= 1 << (bit % 8);
            judge(&tail, 100, None).expect_err("damage");
        }
    }

    #[test]
    fn a_whole_frame_behind_a_broken_one_is_damage() {
        let (mut whole, first) = group();
        whole[3..first].fill(0);
        assert_eq!(judge(&whole, 0, None), Err((0, "no whole frame lies here, but one follows")));
        whole[..first].fill(0);
        assert_eq!(judge(&whole, 0, None), Err((0, "no whole frame lies here, but one follows")));
    }

    #[test]
    fn behind_a_clean_stop_only_the_frame_that_takes_it_back_may_be_torn() {
        let due = b"commit";
        for tail in [&b""[..], b"\0\0", b"com", b"commit", b"co\0\0it\0\0"] {
            judge(tail, 9, Some(due)).expect("under way");
        }
        for tail in [&b"c0"[..], b"commit!", b"\0\0\0\0\0\0\0x"] {
            judge(tail, 9, Some(due)).expect_err("damage");
        }
    }
}
