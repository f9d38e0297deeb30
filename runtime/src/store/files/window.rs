//! Windows: runs of whole frames of one kind of file, read at their place and walked in memory.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use gridpact_chain::digest::Digest;
use serde::{Deserialize, Serialize};

use super::super::error::{LogError, io};
use super::super::frame::{self, HEADER, Header, Kind, MAGIC, TRAILER};
use super::super::segment::{self, Role};

/// Where a proof file has got to: number of its segment, bytes.
pub type Mark = (u32, u64);

/// One window, without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Number of the file.
    pub file: u32,
    /// Where it starts in the file.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// First height in it; for a window of proofs without meaning.
    pub first: u64,
    /// Last height in it or, where it holds none, below it.
    pub last: u64,
    /// Where the proofs of its pairs begin at the earliest.
    pub proofs_from: Mark,
    /// Where the proofs of all pairs up to its end begin to be those of pairs above.
    pub proofs_to: Mark,
    /// Digest of its bytes as they were when they were proven.
    pub digest: Option<Digest>,
    /// Digest of its bytes as they were read in a sweep that is not over.
    pub seen: Option<Digest>,
}

impl Window {
    fn end(&self) -> (u32, u64) {
        (self.file, self.offset + self.bytes)
    }

    /// Takes a Mark of the log.
    pub fn mark(&mut self, payload: &[u8]) {
        self.proofs_to = (self.file, frame::u64_at(payload, 0));
    }
}

/// What a walk over a window meets.
pub enum Part<'a> {
    /// A frame with a good header; no payload where its checksum is wrong.
    Frame {
        /// What it holds.
        kind: Kind,
        /// Its height.
        height: u64,
        /// Its bytes.
        payload: Option<&'a [u8]>,
        /// Where it starts in the file.
        offset: u64,
    },
    /// Bytes that no frame starts with.
    Gap {
        /// Where they start in the file.
        offset: u64,
    },
}

/// The files of one kind.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    role: Role,
    /// Bytes of a window, about.
    pub window_bytes: usize,
    /// Up to where bytes are durable.
    pub limit: (u32, u64),
    /// Windows met so far, in their order; the last, which grows still, is not among them.
    pub windows: Vec<Window>,
    /// Bytes read so far.
    pub bytes_read: u64,
    buffer: Vec<u8>,
    filled: usize,
    open: Option<(u32, File)>,
}

impl Reader {
    /// Reads the files of `role` in `dir` up to `limit`.
    pub fn new(dir: &Path, role: Role, window_bytes: usize, limit: (u32, u64)) -> Self {
        Self {
            dir: dir.into(),
            role,
            window_bytes,
            limit,
            windows: Vec::new(),
            bytes_read: 0,
            buffer: Vec::new(),
            filled: 0,
            open: None,
        }
    }

    /// Name of the file numbered `number`.
    pub fn path(&self, number: u32) -> PathBuf {
        self.dir.join(segment::name(number, self.role))
    }

    /// Lets go of the open file: another one may have its name by now.
    pub fn forget(&mut self) {
        self.open = None;
    }

    /// Whether a window will not grow any more: there are durable bytes behind it.
    pub fn is_full(&self, window: &Window) -> bool {
        window.end() < self.limit
    }

    /// Reads the bytes of the window at position `at`, which may be the first that was never read;
    /// none at the end.
    pub fn load(&mut self, at: usize) -> Option<Window> {
        if let Some(window) = self.windows.get(at) {
            let window = *window;
            self.fill(window.file, window.offset, window.bytes as usize);
            return Some(window);
        }
        let before = self.windows.last();
        let (mut file, mut offset) = before.map_or((1, 0), Window::end);
        let (first, mark) = before.map_or((1, (1, 0)), |b| (b.last + 1, b.proofs_to));
        let mut end = self.end_of(file);
        while offset >= end {
            if file >= self.limit.0 {
                return None;
            }
            (file, offset) = (file + 1, 0);
            end = self.end_of(file);
        }
        let bytes = self.cut(file, offset, usize::try_from(end - offset).unwrap_or(usize::MAX));
        Some(Window {
            file,
            offset,
            bytes: bytes as u64,
            first,
            last: first - 1,
            proofs_from: mark,
            proofs_to: mark,
            digest: None,
            seen: None,
        })
    }

    fn end_of(&mut self, file: u32) -> u64 {
        if file == self.limit.0 {
            return self.limit.1;
        }
        std::fs::metadata(self.path(file)).map_or(0, |meta| meta.len())
    }

    /// Reads whole frames from `offset` on, about a window of them; returns their length.
    fn cut(&mut self, file: u32, offset: u64, left: usize) -> usize {
        let mut wanted = left.min(self.window_bytes);
        loop {
            self.fill(file, offset, wanted);
            if wanted == left {
                return wanted;
            }
            let whole = whole_frames(&self.buffer[..wanted]);
            match whole {
                Whole::Ends(at) if at > 0 => {
                    self.filled = at;
                    return at;
                }
                Whole::Ends(_) => wanted = left.min(2 * wanted),
                Whole::Needs(more) => wanted = left.min(more.max(wanted + 1)),
            }
        }
    }

    /// Fills the buffer; what cannot be read is left out, so that it is found missing.
    fn fill(&mut self, file: u32, offset: u64, bytes: usize) {
        if self.open.as_ref().is_none_or(|(number, _)| *number != file || offset == 0) {
            self.open = File::open(self.path(file)).ok().map(|handle| (file, handle));
        }
        if self.buffer.len() < bytes {
            self.buffer.resize(bytes, 0);
        }
        if self.buffer.len() > 4 * self.window_bytes.max(bytes) {
            self.buffer.truncate(self.window_bytes.max(bytes));
            self.buffer.shrink_to_fit();
        }
        self.filled = 0;
        let Some((_, handle)) = &self.open else { return };
        while self.filled < bytes {
            let (into, from) = (&mut self.buffer[self.filled..bytes], offset + self.filled as u64);
            match handle.read_at(into, from) {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.bytes_read += self.filled as u64;
    }

    /// BLAKE3 over the bytes that were read last.
    pub fn digest(&self) -> Digest {
        Digest::content(&self.buffer[..self.filled])
    }

    /// Walks over the frames that were read last; payloads are checked where asked for.
    pub fn walk<'a>(&'a self, window: &Window, checked: bool, each: &mut dyn FnMut(Part<'a>)) {
        let (bytes, mut at) = (&self.buffer[..self.filled], 0);
        while at < bytes.len() {
            let offset = window.offset + at as u64;
            let Some((header, total)) = frame_at(&bytes[at..], checked) else {
                if bytes[at..].iter().all(|byte| *byte == 0) {
                    break;
                }
                each(Part::Gap { offset });
                at = next_header(bytes, at + 1);
                continue;
            };
            let payload = &bytes[at + HEADER..at + total - TRAILER];
            let sum = &bytes[at + total - TRAILER..at + total];
            let is_whole = !checked || crc32c::crc32c(payload).to_le_bytes() == *sum;
            let payload = is_whole.then_some(payload);
            each(Part::Frame { kind: header.kind, height: header.height, payload, offset });
            at += total;
        }
        if (bytes.len() as u64) < window.bytes {
            each(Part::Gap { offset: window.offset + bytes.len() as u64 });
        }
    }

    /// Greatest height that a frame near the end of the files names.
    ///
    /// # Errors
    /// [`LogError::Io`] when the newest file cannot be read.
    pub fn newest_height(&mut self) -> Result<u64, LogError> {
        let (file, end) = self.limit;
        let path = self.path(file);
        File::open(&path).map_err(io("open", &path))?;
        let (mut length, mut greatest) = (self.window_bytes as u64, 0);
        loop {
            let offset = end.saturating_sub(length);
            self.fill(file, offset, usize::try_from(end - offset).unwrap_or(usize::MAX));
            let bytes = &self.buffer[..self.filled];
            let mut at = next_header(bytes, 0);
            while let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk::<HEADER>) {
                greatest = greatest.max(Header::decode(head).map_or(0, |header| header.height));
                at = next_header(bytes, at + 1);
            }
            if greatest > 0 || offset == 0 {
                return Ok(greatest);
            }
            length *= 4;
        }
    }
}

enum Whole {
    /// Whole frames end here.
    Ends(usize),
    /// The first frame is so long.
    Needs(usize),
}

/// Where the last whole frame in `bytes` ends.
fn whole_frames(bytes: &[u8]) -> Whole {
    let mut at = 0;
    while at < bytes.len() {
        let header = bytes[at..].first_chunk::<HEADER>().map(Header::decode);
        match header {
            Some(Ok(header)) => {
                let total = HEADER + header.length + TRAILER;
                if at + total > bytes.len() {
                    return if at == 0 { Whole::Needs(total) } else { Whole::Ends(at) };
                }
                at += total;
            }
            // The header of the next frame is cut through.
            None => return Whole::Ends(at),
            Some(Err(_)) => at = next_header(bytes, at + 1),
        }
    }
    Whole::Ends(bytes.len())
}

/// The frame that starts here, and its length. Unchecked, the header's own checksum is not asked.
fn frame_at(bytes: &[u8], checked: bool) -> Option<(Header, usize)> {
    let head: &[u8; HEADER] = bytes.first_chunk()?;
    let header = if checked { Header::decode(head).ok()? } else { unchecked(head)? };
    let total = HEADER + header.length + TRAILER;
    (total <= bytes.len()).then_some((header, total))
}

fn unchecked(head: &[u8; HEADER]) -> Option<Header> {
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let height = u64::from_le_bytes(*rest.first_chunk()?);
    let length = u32::from_le_bytes(*length) as usize;
    let is_one = *magic == MAGIC && length <= frame::PAYLOAD_MAX;
    is_one.then_some(Header { kind: Kind::from_code(*kind)?, length, height })
}

/// Where the next good header starts, or the end.
fn next_header(bytes: &[u8], from: usize) -> usize {
    let good = |at: &usize| {
        bytes[*at..].starts_with(&MAGIC)
            && bytes[*at..].first_chunk::<HEADER>().is_some_and(|head| Header::decode(head).is_ok())
    };
    (from..bytes.len()).find(good).unwrap_or(bytes.len())
}
