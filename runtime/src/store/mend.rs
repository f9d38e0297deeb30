//! Mending: a damaged file gets the very bytes back that it once held.
//!
//! Frames that are no longer whole are replaced by good ones; the running hash in the Commits tells
//! whether the file is then what was written. The new file is complete and durable before it takes
//! the name, and the damaged one is kept beside it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile};
use super::error::{LogError, io};
use super::frame::{HEADER, Header, Kind, TRAILER};
use super::lock::Lock;
use super::running::Running;
use super::segment::{self, DRAFT, Role};
use super::tail::frame_at;

/// Suffix of a damaged file that was replaced.
pub const DAMAGED: &str = ".damaged";

/// A file that was mended, and the lock that lies on it if it is the one that is locked.
pub type Mended = (Box<dyn DiskFile>, Option<Lock>);

/// Mends one file with `good` frames and returns it, open for writing; `None` when it is whole.
pub fn mend(
    disk: &dyn Disk,
    dir: &Path,
    number: u32,
    role: Role,
    good: &[Vec<u8>],
) -> Result<Option<Mended>, LogError> {
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
    set_in_place(disk, dir, &path, &bytes, (number, role) == (1, Role::Log)).map(Some)
}

fn set_in_place(
    disk: &dyn Disk,
    dir: &Path,
    path: &Path,
    bytes: &[u8],
    is_locked: bool,
) -> Result<Mended, LogError> {
    let (draft, aside) = (with_suffix(path, DRAFT), with_suffix(path, DAMAGED));
    let mut file = disk.create(&draft).map_err(io("create", &draft))?;
    // Locked before it takes the name: nobody else shall find it free.
    let lock = if is_locked { Some(Lock::exclusive(file.handle(), dir)?) } else { None };
    file.set_len(0).map_err(io("empty", &draft))?;
    file.write_at(0, bytes).map_err(io("write", &draft))?;
    file.sync().map_err(io("flush", &draft))?;
    // A second name for the damaged file first: at no moment is there no file under the name.
    match disk.remove(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(io("remove", &aside)(error));
        }
        Ok(()) | Err(_) => {}
    }
    disk.link(path, &aside).map_err(io("keep as", &aside))?;
    disk.rename(&draft, path).map_err(io("rename to", path))?;
    disk.sync_dir(dir).map_err(io("flush", dir))?;
    Ok((file, lock))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Proves the whole file by the running hashes in it.
fn prove(bytes: &[u8]) -> Result<(), (usize, &'static str)> {
    let bytes = &bytes[..ended(bytes)];
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

/// Where the zeros begin that were made ready for more. A frame's last bytes may be zeros as well.
fn ended(bytes: &[u8]) -> usize {
    let mut at = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut start = 0;
    while let Some(Ok((_, length))) = bytes.get(start..).filter(|_| start < at).map(frame_at) {
        start += length;
        at = at.max(start);
    }
    at
}

/// The bytes with every frame that is not whole replaced by the good frame most like it.
fn replace(bytes: &[u8], good: &[Vec<u8>]) -> Result<Vec<u8>, (usize, &'static str)> {
    let (mut out, mut at) = (bytes.to_vec(), 0);
    while at < out.len() && out[at..].iter().any(|byte| *byte != 0) {
        at += match frame_at(&out[at..]) {
            Ok((_, length)) => length,
            Err(what) => {
                let fits = |frame: &&Vec<u8>| {
                    let after = out.get(at + frame.len()..);
                    let next = after.and_then(|after| after.first_chunk::<HEADER>());
                    after.is_some_and(|after| after.iter().all(|byte| *byte == 0))
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
