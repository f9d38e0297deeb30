//! Reading one file group by group; nothing is handed out before its Commit is proved.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::error::{LogError, io};
use super::frame::{self, HEADER, Header, Kind, TRAILER};
use super::group::GROUP_MAX;
use super::read::Frame;
use super::running::Running;
use super::segment::{self, Role};

/// How far a proof file is pinned by the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its length in bytes.
    pub length: u64,
    /// Its running hash.
    pub running: [u8; 32],
}

/// What comes next in a file.
#[derive(Debug)]
pub enum Step {
    /// A proved group: the callers' frames, and the Mark if there was one.
    Group(Vec<Frame>, Option<Mark>),
    /// A proved end frame.
    Closed(Frame),
    /// The end of the file, exactly after a group, an end frame or the opening; zeros that the writer
    /// made ready may follow.
    End,
}

/// Why a file cannot be read on.
#[derive(Debug)]
pub enum Fault {
    /// The file ends within a group: what a crash leaves behind.
    Torn(LogError),
    /// Anything else in the file.
    Damage(LogError),
    /// The other file does not hold what this one pins.
    Unpinned(LogError),
}

impl From<Fault> for LogError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Torn(error) | Fault::Damage(error) | Fault::Unpinned(error) => error,
        }
    }
}

/// A file being read.
#[derive(Debug)]
pub struct Scan {
    path: PathBuf,
    number: u32,
    role: Role,
    file: BufReader<File>,
    length: u64,
    offset: u64,
    start: Running,
    running: Running,
    proved: (u64, Running),
    is_padded: bool,
}

struct Raw {
    header: Header,
    offset: u64,
    payload: Vec<u8>,
}

impl Scan {
    /// Opens segment `number` and proves that it continues `running`.
    pub fn open(dir: &Path, number: u32, role: Role, running: &Running) -> Result<Self, LogError> {
        let path = dir.join(segment::name(number, role));
        let file = File::open(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => LogError::Missing(path.clone()),
            _ => io("open", &path)(source),
        })?;
        let length = file.metadata().map_err(io("look at", &path))?.len();
        let running = Running::from(running.value(), running.height());
        let file = BufReader::with_capacity(1 << 20, file);
        let (start, proved) = (running.clone(), (0, running.clone()));
        let (offset, is_padded) = (0, false);
        let mut scan =
            Self { path, number, role, file, length, offset, start, running, proved, is_padded };
        scan.opening()?;
        Ok(scan)
    }

    fn opening(&mut self) -> Result<(), Fault> {
        let expected = frame::open_payload(self.number, &self.running.value());
        let height = self.running.height();
        let frame = self.frame()?.ok_or_else(|| self.damage(0, "the file is empty"))?;
        if frame.header.kind != Kind::Open {
            return Err(self.damage(0, "the file does not start with an opening frame"));
        }
        if frame.payload != expected || frame.header.height != height {
            return Err(self.damage(0, "the file does not continue the segment before it"));
        }
        self.prove();
        Ok(())
    }

    /// The next group, end frame or end of file.
    pub fn step(&mut self) -> Result<Step, Fault> {
        let (start, mut frames, mut mark) = (self.offset, Vec::new(), None);
        loop {
            let due = self.running.due();
            let Some(raw) = self.frame()? else {
                if self.offset == self.proved.0 {
                    return Ok(Step::End);
                }
                return Err(self.torn(self.proved.0, "the last group has no Commit"));
            };
            match raw.header.kind {
                Kind::Commit => {
                    if raw.payload != due.encode() || raw.header.height != due.height {
                        return Err(self.damage(raw.offset, "the Commit does not match its group"));
                    }
                    self.running.seal();
                    self.prove();
                    return Ok(Step::Group(frames, mark));
                }
                Kind::Closed if raw.offset == start => return self.closed(raw, &due),
                Kind::Closed => return Err(self.damage(raw.offset, "an end frame within a group")),
                Kind::Open => return Err(self.damage(raw.offset, "a second opening frame")),
                Kind::Mark => mark = Some(self.mark(&raw)?),
                _ => frames.push(self.hand_out(raw)),
            }
            if self.offset - start > GROUP_MAX as u64 + 4096 {
                return Err(self.damage(start, "the group is longer than the limit"));
            }
        }
    }

    fn closed(&mut self, raw: Raw, due: &frame::Commit) -> Result<Step, Fault> {
        let proved = raw.payload.starts_with(&due.running) && raw.header.height == due.height;
        if !proved {
            return Err(self.damage(raw.offset, "the end frame does not match the log"));
        }
        self.prove();
        let mut frame = self.hand_out(raw);
        frame.payload.drain(..due.running.len());
        Ok(Step::Closed(frame))
    }

    fn mark(&self, raw: &Raw) -> Result<Mark, Fault> {
        let running = raw.payload.get(8..).and_then(|bytes| bytes.try_into().ok());
        let running = running.ok_or_else(|| self.damage(raw.offset, "a mark of wrong length"))?;
        Ok(Mark { length: frame::u64_at(&raw.payload, 0), running })
    }

    fn hand_out(&self, raw: Raw) -> Frame {
        Frame {
            file: self.path.clone(),
            offset: raw.offset,
            kind: raw.header.kind,
            height: raw.header.height,
            payload: raw.payload,
        }
    }

    /// Reads one frame and feeds it to the running hash unless it is a Commit.
    fn frame(&mut self) -> Result<Option<Raw>, Fault> {
        let (offset, left) = (self.offset, self.length - self.offset);
        if left == 0 {
            self.is_padded = true;
            return Ok(None);
        }
        let mut head = [0; HEADER];
        let some = usize::try_from(left).map_or(HEADER, |left| left.min(HEADER));
        self.fill(&mut head[..some])?;
        if some < HEADER {
            return match head.iter().all(|byte| *byte == 0) {
                true => self.padding(offset, "only zeros follow"),
                false => Err(self.torn(offset, "the file ends within a frame header")),
            };
        }
        let header = match Header::decode(&head) {
            Ok(header) => header,
            Err(what) if self.rest_is_zero(&head)? => {
                return self.padding(offset, &format!("{what}: only zeros follow"));
            }
            Err(what) => return Err(self.damage(offset, what)),
        };
        if left < (HEADER + header.length + TRAILER) as u64 {
            return Err(self.torn(offset, "the file ends within a frame"));
        }
        let mut payload = vec![0; header.length];
        let mut checksum = [0; TRAILER];
        self.fill(&mut payload)?;
        self.fill(&mut checksum)?;
        if checksum != crc32c::crc32c(&payload).to_le_bytes() {
            return Err(self.damage(offset, "checksum of the payload does not match"));
        }
        if header.kind != Kind::Commit {
            self.running.feed(header.height, &[&head, &payload, &checksum]);
        }
        self.offset += (HEADER + header.length + TRAILER) as u64;
        Ok(Some(Raw { header, offset, payload }))
    }

    /// Zeros up to the end of the file: made ready behind a group, or where one is missing.
    fn padding(&mut self, offset: u64, what: &str) -> Result<Option<Raw>, Fault> {
        self.is_padded = offset == self.proved.0 && offset > 0;
        if self.is_padded { Ok(None) } else { Err(self.torn(offset, what)) }
    }

    /// Whether there is nothing but zeros behind the proved bytes; the scan ends here.
    pub fn ends_here(&mut self) -> Result<bool, LogError> {
        if !self.is_padded && self.offset == self.proved.0 {
            self.is_padded = self.rest_is_zero(&[0; HEADER])?;
        }
        Ok(self.is_padded)
    }

    /// Whether the file is nothing but zeros from here on.
    fn rest_is_zero(&mut self, head: &[u8]) -> Result<bool, Fault> {
        let mut chunk = vec![0; 1 << 16];
        let mut seen = head.iter().all(|byte| *byte == 0);
        while seen {
            let n = self.file.read(&mut chunk).map_err(|e| self.unreadable(e))?;
            if n == 0 {
                break;
            }
            seen = chunk[..n].iter().all(|byte| *byte == 0);
        }
        Ok(seen)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        self.file.read_exact(bytes).map_err(|e| self.unreadable(e))
    }

    fn unreadable(&self, source: std::io::Error) -> Fault {
        Fault::Damage(io("read", &self.path)(source))
    }

    fn prove(&mut self) {
        self.proved = (self.offset, self.running.clone());
    }

    /// An error at `offset`, after the greatest height that is proved.
    pub fn error(&self, offset: u64, what: &str) -> LogError {
        let height = self.proved.1.height();
        LogError::Damage { file: self.path.clone(), offset, height, what: what.into() }
    }

    fn damage(&self, offset: u64, what: &str) -> Fault {
        Fault::Damage(self.error(offset, what))
    }

    fn torn(&self, offset: u64, what: &str) -> Fault {
        Fault::Torn(self.error(offset, what))
    }

    /// How many bytes are proved, and the running state after them.
    pub fn proved(&self) -> (u64, &Running) {
        (self.proved.0, &self.proved.1)
    }

    /// Whether the end of the file was found right behind the proved bytes and their zeros.
    pub fn is_padded(&self) -> bool {
        self.is_padded
    }

    /// Number of the segment.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Which of the segment's files it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Running state before the opening frame.
    pub fn start(&self) -> &Running {
        &self.start
    }

    /// Length of the file when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
