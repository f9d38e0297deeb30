//! Mending: a damaged file gets the very bytes back that it once held.
//!
//! Frames that are no longer whole are replaced by good ones; the running hash in the Commits tells
//! whether the file is then what was written. The new file is complete and durable before it takes
//! the name, and the damaged one is kept beside it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::{LogError, io};
use super::frame::{HEADER, Header, Kind, TRAILER};
use super::running::Running;
use super::segment::{self, DRAFT, Role, sync_dir};

/// Suffix of a damaged file that was replaced.
pub const DAMAGED: &str = ".damaged";

/// Mends one file with `good` frames and returns it, open for writing; `None` when it is whole.
pub fn mend(
    dir: &Path,
    number: u32,
    role: Role,
    good: &[Vec<u8>],
) -> Result<Option<File>, LogError> {
    let path = dir.join(segment::name(number, role));
    let found = fs::read(&path).map_err(io("read", &path))?;
    if prove(&found).is_ok() {
        return Ok(None);
    }
    let damage = |(offset, what): (usize, &str)| LogError::Damage {
        file: path.clone(),
        offset: offset as u64,
        height: 0,
        what: format!("{what}, even with a good copy of the pair"),
    };
    let bytes = replace(&found, good).map_err(damage)?;
    prove(&bytes).map_err(damage)?;
    set_in_place(dir, &path, &bytes).map(Some)
}

fn set_in_place(dir: &Path, path: &Path, bytes: &[u8]) -> Result<File, LogError> {
    let (draft, aside) = (with_suffix(path, DRAFT), with_suffix(path, DAMAGED));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&draft);
    let mut file = file.map_err(io("create", &draft))?;
    file.write_all(bytes).map_err(io("write", &draft))?;
    file.sync_all().map_err(io("flush", &draft))?;
    // A second name for the damaged file first: at no moment is there no file under the name.
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(io("remove", &aside)(error));
        }
        Ok(()) | Err(_) => {}
    }
    fs::hard_link(path, &aside).map_err(io("keep as", &aside))?;
    fs::rename(&draft, path).map_err(io("rename to", path))?;
    sync_dir(dir)?;
    Ok(file)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Length of the whole frame at the start of `bytes`, and its header.
fn frame_at(bytes: &[u8]) -> Result<(Header, usize), &'static str> {
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

/// Proves the whole file by the running hashes in it.
fn prove(bytes: &[u8]) -> Result<(), (usize, &'static str)> {
    let (opening, mut at) = frame_at(bytes).map_err(|what| (0, what))?;
    let start = bytes.get(HEADER + 4..HEADER + 36).and_then(|value| value.try_into().ok());
    let start = start.filter(|_| opening.kind == Kind::Open);
    let mut running = Running::from(start.ok_or((0, "no opening frame"))?, opening.height);
    running.feed(opening.height, &[&bytes[..at]]);
    while at < bytes.len() {
        let (header, length) = frame_at(&bytes[at..]).map_err(|what| (at, what))?;
        if header.kind == Kind::Commit {
            if bytes[at + HEADER..at + length - TRAILER] != running.due().encode()[..] {
                return Err((at, "the Commit does not match its group"));
            }
            running.seal();
        } else {
            running.feed(header.height, &[&bytes[at..at + length]]);
        }
        at += length;
    }
    Ok(())
}

/// The bytes with every frame that is not whole replaced by the good frame most like it.
fn replace(bytes: &[u8], good: &[Vec<u8>]) -> Result<Vec<u8>, (usize, &'static str)> {
    let (mut out, mut at) = (bytes.to_vec(), 0);
    while at < out.len() {
        at += match frame_at(&out[at..]) {
            Ok((_, length)) => length,
            Err(what) => {
                let fits = |frame: &&Vec<u8>| {
                    let after = out.get(at + frame.len()..);
                    let next = after.and_then(|after| after.first_chunk::<HEADER>());
                    after.is_some_and(<[u8]>::is_empty)
                        || next.is_some_and(|head| Header::decode(head).is_ok())
                };
                let unlike = |frame: &&Vec<u8>| {
                    frame.iter().zip(&out[at..]).filter(|(own, there)| own != there).count()
                };
                let best = good.iter().filter(fits).min_by_key(unlike).ok_or((at, what))?;
                out[at..at + best.len()].copy_from_slice(best);
                best.len()
            }
        };
    }
    Ok(out)
}
