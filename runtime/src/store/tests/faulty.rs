//! A disk that fails on purpose. The files in the directory are what running programs see; what a
//! power cut would leave of them is kept beside, sector by sector and name by name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::disk::{Disk, DiskFile};

const SECTOR: u64 = 512;

/// What goes wrong, once, at the operation it is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A write stops somewhere and says so.
    Short,
    /// A write stops somewhere; a flush fails and the pages count as clean; a name stays as it is.
    Eio,
    /// As a short write, for want of room.
    NoSpace,
    /// The power goes, in the middle of it.
    PowerCut,
}

/// Whom not to trust.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lies {
    /// Flushing a file says yes and does nothing.
    pub flush: bool,
    /// Flushing a directory says yes and does nothing.
    pub names: bool,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Default)]
struct Inode {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Inode {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Length(length) => self.durable.resize(*length as usize, 0),
            Change::Write(at, bytes) => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                if self.durable.len() < end {
                    self.durable.resize(end, 0);
                }
                self.durable[at..end].copy_from_slice(bytes);
            }
        }
    }

    /// What is left when pending changes reach the disk by chance.
    fn settle(&mut self, chance: &mut Chance, per_cent: u64) {
        for change in std::mem::take(&mut self.pending) {
            match change {
                Change::Length(_) if chance.of(per_cent) => self.apply(&change),
                Change::Length(_) => {}
                Change::Write(mut at, bytes) => {
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let some = ((SECTOR - at % SECTOR) as usize).min(rest.len());
                        let (sector, behind) = rest.split_at(some);
                        if chance.of(per_cent) {
                            self.apply(&Change::Write(at, sector.to_vec()));
                        }
                        (at, rest) = (at + some as u64, behind);
                    }
                }
            }
        }
    }
}

/// Chance from a seed.
#[derive(Debug)]
pub struct Chance(pub u64);

impl Chance {
    pub fn draw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    fn of(&mut self, per_cent: u64) -> bool {
        self.draw(100) < per_cent
    }
}

#[derive(Debug)]
struct State {
    root: PathBuf,
    chance: Chance,
    done: u64,
    plan: Option<(u64, Fault)>,
    lies: Lies,
    is_off: bool,
    room: Option<u64>,
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable: BTreeMap<PathBuf, u64>,
}

/// The disk below one directory.
#[derive(Debug, Clone)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    inode: u64,
    file: File,
}

impl FaultyDisk {
    /// A disk over `root`, whose files are durable as they are.
    pub fn over(root: &Path, seed: u64) -> Self {
        let (mut inodes, mut names) = (BTreeMap::new(), BTreeMap::new());
        for (inode, path) in (0..).zip(super::files(root)) {
            let durable = fs::read(&path).expect("readable");
            inodes.insert(inode, Inode { durable, pending: Vec::new() });
            names.insert(path, inode);
        }
        Self(Arc::new(Mutex::new(State {
            root: root.into(),
            chance: Chance(seed),
            done: 0,
            plan: None,
            lies: Lies::default(),
            is_off: false,
            room: None,
            inodes,
            durable: names.clone(),
            names,
        })))
    }

    /// Plans `fault` for the operation after `skip` more.
    pub fn plan(&self, skip: u64, fault: Fault) {
        let mut state = self.state();
        state.plan = Some((state.done + skip, fault));
    }

    /// From now on it lies.
    pub fn lie(&self, lies: Lies) {
        self.state().lies = lies;
    }

    /// All files together may hold no more than this.
    pub fn limit(&self, room: Option<u64>) {
        self.state().room = room;
    }

    /// Operations so far.
    pub fn done(&self) -> u64 {
        self.state().done
    }

    /// Whether what was planned has happened.
    pub fn has_failed(&self) -> bool {
        self.state().plan.is_none()
    }

    /// The power goes and comes back: only what is durable is left, and by chance some of the rest.
    pub fn restart(&self) {
        let state = &mut *self.state();
        let per_cent = [0, 50, 100][state.chance.draw(3) as usize];
        for inode in state.inodes.values_mut() {
            inode.settle(&mut state.chance, per_cent);
        }
        let mut names = BTreeMap::new();
        let all = state.names.keys().chain(state.durable.keys());
        for path in all.cloned().collect::<std::collections::BTreeSet<_>>() {
            let new = state.names.get(&path);
            let old = state.durable.get(&path);
            let found = if state.chance.of(per_cent) { new } else { old };
            if let Some(inode) = found {
                names.insert(path, *inode);
            }
        }
        super::files(&state.root).iter().for_each(|path| fs::remove_file(path).expect("removed"));
        for (path, inode) in &names {
            fs::write(path, &state.inodes[inode].durable).expect("written");
        }
        state.names = names.clone();
        state.durable = names;
        (state.is_off, state.plan) = (false, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds this")
    }

    fn file(&self, path: &Path, create: bool) -> io::Result<Box<dyn DiskFile>> {
        let state = &mut *self.state();
        if create && let Some(fault) = state.next()? {
            return Err(state.fail(fault));
        }
        let file =
            File::options().read(true).write(true).create(create).truncate(false).open(path)?;
        let free = state.inodes.keys().last().map_or(0, |last| last + 1);
        let inode = *state.names.entry(path.into()).or_insert(free);
        state.inodes.entry(inode).or_default();
        Ok(Box::new(FaultyFile { disk: self.clone(), inode, file }))
    }

    /// One operation on names, if it is not the one that fails.
    fn name(&self, work: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let state = &mut *self.state();
        match state.next()? {
            // The power may go just after it as well.
            Some(Fault::PowerCut) if state.chance.of(50) => {
                work(state)?;
                Err(state.fail(Fault::PowerCut))
            }
            Some(fault) => Err(state.fail(fault)),
            None => work(state),
        }
    }
}

impl State {
    /// Counts an operation; the fault that is planned for it, if any.
    fn next(&mut self) -> io::Result<Option<Fault>> {
        if self.is_off {
            return Err(io::Error::other("there is no power"));
        }
        let now = self.plan.filter(|(at, _)| *at == self.done).map(|(_, fault)| fault);
        self.done += 1;
        if now.is_some() {
            self.plan = None;
        }
        Ok(now)
    }

    fn fail(&mut self, fault: Fault) -> io::Error {
        match fault {
            Fault::Short => ErrorKind::WriteZero.into(),
            Fault::Eio => io::Error::other("input/output error"),
            Fault::NoSpace => ErrorKind::StorageFull.into(),
            Fault::PowerCut => {
                self.is_off = true;
                io::Error::other("the power went")
            }
        }
    }

    fn used(&self) -> u64 {
        super::files(&self.root).iter().map(|path| fs::metadata(path).map_or(0, |m| m.len())).sum()
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(path, true)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(path, false)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.name(|state| {
            fs::rename(from, to)?;
            let inode = state.names.remove(from).expect("known");
            state.names.insert(to.into(), inode);
            Ok(())
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.name(|state| {
            fs::hard_link(from, to)?;
            let inode = state.names[from];
            state.names.insert(to.into(), inode);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.name(|state| {
            fs::remove_file(path)?;
            state.names.remove(path);
            Ok(())
        })
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.name(|state| {
            if !state.lies.names {
                state.durable = state.names.clone();
            }
            Ok(())
        })
    }
}

impl FaultyFile {
    fn put(&mut self, state: &mut State, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)?;
        let inode = state.inodes.get_mut(&self.inode).expect("open");
        inode.pending.push(Change::Write(at, bytes.to_vec()));
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn handle(&self) -> &File {
        &self.file
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let disk = self.disk.clone();
        let state = &mut *disk.state();
        if let Some(fault) = state.next()? {
            let some = state.chance.draw(bytes.len() as u64 + 1) as usize;
            self.put(state, at, &bytes[..some])?;
            return Err(state.fail(fault));
        }
        let length = self.file.metadata()?.len();
        let more = (at + bytes.len() as u64).saturating_sub(length);
        if state.room.is_some_and(|room| more > 0 && state.used() + more > room) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.put(state, at, bytes)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        let disk = self.disk.clone();
        let state = &mut *disk.state();
        if let Some(fault) = state.next()? {
            return Err(state.fail(fault));
        }
        self.file.set_len(length)?;
        let inode = state.inodes.get_mut(&self.inode).expect("open");
        inode.pending.push(Change::Length(length));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let disk = self.disk.clone();
        let state = &mut *disk.state();
        let fault = state.next()?;
        let inode = state.inodes.get_mut(&self.inode).expect("open");
        match fault {
            Some(Fault::PowerCut) => Err(state.fail(Fault::PowerCut)),
            // What could not be written counts as clean from now on, and will never be.
            Some(fault) => {
                inode.settle(&mut state.chance, 50);
                Err(state.fail(fault))
            }
            None if state.lies.flush => Ok(()),
            None => {
                for change in std::mem::take(&mut inode.pending) {
                    inode.apply(&change);
                }
                Ok(())
            }
        }
    }
}
