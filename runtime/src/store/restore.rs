//! Restoring damaged files of a store that nobody has open: pairs and proofs from peers' copies,
//! everything else from what the file itself still knows.
//!
//! Nobody else holds a node's own votes, nor the frames that the log writes for itself. Where one
//! byte of such a frame went bad, its checksum says which and what it was. Nothing is believed for
//! that: as with a peer's copy, the running hashes of the whole file must come out as they were.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gridpact_chain::encode::encode;
use gridpact_chain::verifier::Kept;

use super::chain::ProofPart;
use super::error::{LogError, io};
use super::frame::{self, HEADER, Header, Kind, MAGIC, TRAILER};
use super::lock::Lock;
use super::mend::mend;
use super::segment::{self, Role};

/// Restores every damaged file in `dir` with the `copies` that peers gave, which were judged
/// ([`check_copy`](gridpact_chain::verifier::check_copy)) before. Returns the files that were
/// damaged; they are kept beside the good ones as `*.damaged`.
///
/// # Errors
/// [`LogError::Damage`] for a file that is not whole even then and is left as it is,
/// [`LogError::Busy`] while somebody has the store open.
pub fn restore(dir: &Path, copies: &[Kept]) -> Result<Vec<PathBuf>, LogError> {
    let first = dir.join(segment::name(1, Role::Log));
    let file = File::options().read(true).write(true).open(&first).map_err(io("open", &first))?;
    let _lock = Lock::exclusive(&file, dir)?;
    let mut restored = Vec::new();
    let good: Vec<Vec<u8>> = copies.iter().flat_map(frames_of).collect();
    for number in 1.. {
        if !dir.join(segment::name(number, Role::Log)).exists() {
            break;
        }
        for role in [Role::Log, Role::Proof] {
            let path = dir.join(segment::name(number, role));
            let found = fs::read(&path).map_err(io("read", &path))?;
            let mut candidates = good.clone();
            candidates.extend(corrected(&found));
            if mend(dir, number, role, &candidates)?.is_some() {
                restored.push(path);
            }
        }
    }
    Ok(restored)
}

/// The frames of a closed pair.
fn frames_of((pair, proof): &Kept) -> Vec<Vec<u8>> {
    let height = pair.height();
    let (approvals, order) = (proof.approvals.clone(), proof.order.clone());
    let votes = proof.ledger_votes.iter().map(|votes| encode(&ProofPart::Closed(votes.clone())));
    let admitted = encode(&ProofPart::Admitted { approvals, order });
    let parts = std::iter::once(admitted).chain(votes).map(|part| (Kind::Proof, part));
    std::iter::once((Kind::Pair, encode(&**pair)))
        .chain(parts)
        .map(|(kind, payload)| {
            let mut bytes = Vec::with_capacity(payload.len() + HEADER + TRAILER);
            frame::encode(&mut bytes, kind, height, &payload);
            bytes
        })
        .collect()
}

/// Every frame that one wrong byte made of a good one, as it was before.
fn corrected(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut frames) = (0, Vec::new());
    while at < bytes.len() {
        match whole(&bytes[at..]) {
            Some(length) => at += length,
            None => {
                frames.extend(corrected_at(&bytes[at..]));
                let next = |from: &usize| bytes[*from..].starts_with(&MAGIC);
                at = (at + 1..bytes.len()).find(next).unwrap_or(bytes.len());
            }
        }
    }
    frames
}

/// Length of the frame that starts here, if it is whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    let header = Header::decode(bytes.first_chunk()?).ok()?;
    let end = HEADER + header.length;
    let sum = bytes.get(end..end + TRAILER)?;
    (crc32c::crc32c(&bytes[HEADER..end]).to_le_bytes() == *sum).then_some(end + TRAILER)
}

/// The whole frame that differs in one byte from what starts here.
fn corrected_at(bytes: &[u8]) -> Option<Vec<u8>> {
    let head: &[u8; HEADER] = bytes.first_chunk()?;
    if let Ok(header) = Header::decode(head) {
        let end = HEADER + header.length;
        let mut frame = bytes.get(..end + TRAILER)?.to_vec();
        let sum = u32::from_le_bytes(*frame[end..].first_chunk()?);
        let syndrome = crc32c::crc32c(&frame[HEADER..end]) ^ sum;
        if let Some((at, wrong)) = wrong_byte(syndrome, header.length) {
            frame[HEADER + at] ^= wrong;
        } else {
            let sum = crc32c::crc32c(&frame[HEADER..end]).to_le_bytes();
            frame[end..].copy_from_slice(&sum);
        }
        return whole(&frame).map(|_| frame);
    }
    let changes = (0..HEADER).flat_map(|at| (1..=u8::MAX).map(move |wrong| (at, wrong)));
    changes.into_iter().find_map(|(at, wrong)| {
        let mut head = *head;
        head[at] ^= wrong;
        let length = Header::decode(&head).ok()?.length + HEADER + TRAILER;
        let mut frame = bytes.get(..length)?.to_vec();
        frame[..HEADER].copy_from_slice(&head);
        whole(&frame).map(|_| frame)
    })
}

/// Which byte of `length` is wrong, and by what, if one alone makes the checksum differ by
/// `syndrome`: the checksum is linear, so its steps are taken back until one byte explains them.
fn wrong_byte(syndrome: u32, length: usize) -> Option<(usize, u8)> {
    let table: [u32; 256] = std::array::from_fn(|byte| {
        (0..8).fold(byte as u32, |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1)))
    });
    let mut before = [0_u8; 256];
    for (byte, crc) in (0..=u8::MAX).zip(table) {
        before[(crc >> 24) as usize] = byte;
    }
    let mut crc = syndrome;
    for at in (0..length).rev() {
        let byte = before[(crc >> 24) as usize];
        let entry = table[byte as usize];
        if crc == entry {
            return (byte != 0).then_some((at, byte));
        }
        crc = ((crc ^ entry) << 8) | u32::from(byte);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_tells_which_byte_went_bad_and_what_it_was() {
        for payload in [&b"a"[..], b"some payload of a frame", &[7; 300]] {
            let mut sound = Vec::new();
            frame::encode(&mut sound, Kind::Vote, 3, payload);
            for at in 0..sound.len() {
                for wrong in [1, 0x80, 0x5a] {
                    let mut damaged = sound.clone();
                    damaged[at] ^= wrong;
                    assert_eq!(corrected(&damaged), [sound.clone()], "byte {at} by {wrong}");
                }
            }
            assert!(corrected(&sound).is_empty());
        }
    }
}
