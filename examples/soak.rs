//! Kill -9, again and again: a child process writes a log and says what was acknowledged, is killed
//! at some moment, and what it has left is opened and compared with what it said.
//!
//! `cargo run --release --example soak [ROUNDS] [SEED]` does 20 rounds unless told otherwise; a night's
//! soak is `cargo run --release --example soak 20000`. It stops at the first round that loses anything
//! and names the directory, which is then kept.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridpact::store::disk::RealDisk;
use gridpact::store::{Frame, FrameLog as _, Kind, Log, Sizes};

/// Every few groups begin a segment, and rooms are made all the time.
const SIZES: Sizes = Sizes { segment: 64 << 10, step: 16 << 10 };
/// Rounds after which a new log is begun.
const ROUNDS_PER_LOG: u64 = 50;
/// First argument of the child.
const CHILD: &str = "--child";

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let first = given.next();
    if first.as_deref() == Some(CHILD) {
        let dir = given.next().ok_or("the child needs a directory")?;
        return write(Path::new(&dir));
    }
    let rounds = first.map_or(Ok(20), |rounds| rounds.parse())?;
    let seed = given.next().map_or(Ok(1), |seed| seed.parse())?;
    let scratch = std::env::temp_dir().join(format!("gridpact-soak-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let program = std::env::current_exe()?;
    let child = |dir: &Path| {
        let mut command = Command::new(&program);
        command.arg(CHILD).arg(dir);
        command
    };
    soak(&child, &scratch, rounds, seed)
        .map_err(|error| format!("{}: {error}", scratch.display()))?;
    std::fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// What group `n` says: of any length up to a few sectors.
fn group(n: u64) -> [(Kind, Vec<u8>); 3] {
    let length = usize::try_from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53).unwrap_or(0);
    [
        (Kind::Pair, vec![n.to_le_bytes()[0] | 1; length]),
        (Kind::Vote, n.to_le_bytes().to_vec()),
        (Kind::Proof, n.to_be_bytes().to_vec()),
    ]
}

/// Writes groups until it is killed, and says what was acknowledged.
pub fn write(dir: &Path) -> Result<(), Box<dyn Error>> {
    let disk = Arc::new(RealDisk);
    let mut log = match dir.join("0001.log").exists() {
        true => Log::open_with(disk, dir, SIZES, |_| ())?,
        false => Log::create_with(disk, dir, SIZES)?,
    };
    for n in log.height() + 1.. {
        for (kind, payload) in group(n) {
            log.append(kind, n, &payload)?;
        }
        log.commit()?;
        println!("{n}");
    }
    Ok(())
}

/// A child that writes in a directory.
type Child<'a> = &'a dyn Fn(&Path) -> Command;

/// Kills children for so many rounds and looks at what each has left.
pub fn soak(
    child: Child<'_>,
    scratch: &Path,
    rounds: u64,
    seed: u64,
) -> Result<(), Box<dyn Error>> {
    let (mut chance, mut total, mut groups, mut cut) = (seed, 0, 0, 0);
    for round in 0..rounds {
        let dir = scratch.join(format!("{:05}", round / ROUNDS_PER_LOG));
        if round % ROUNDS_PER_LOG == 0 {
            total = 0;
        }
        chance =
            chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let said = killed(child(&dir), Duration::from_micros((chance >> 33) % 50_000))?;
        if !dir.join("0001.log").exists() {
            continue;
        }
        let mut frames: Vec<Frame> = Vec::new();
        let log = Log::open_with(Arc::new(RealDisk), &dir, SIZES, |frame| frames.push(frame))?;
        let (least, height) = (said.unwrap_or(total), log.height());
        if height < least || height > least + 1 {
            return Err(
                format!("round {round}: {least} was acknowledged, {height} is there").into()
            );
        }
        let expected = (1..=height).flat_map(group);
        if !frames.iter().map(|frame| (frame.kind, frame.payload.clone())).eq(expected) {
            return Err(format!("round {round}: not what was said").into());
        }
        cut += log.found().cut.len();
        groups += height - total.min(height);
        total = height;
        if round % ROUNDS_PER_LOG == ROUNDS_PER_LOG - 1 {
            drop(log);
            std::fs::remove_dir_all(&dir)?;
        }
    }
    println!(
        "{rounds} kills, {groups} groups kept, {cut} torn tails cut, nothing acknowledged was lost"
    );
    Ok(())
}

/// One life of a child, killed after some time; the last group it acknowledged.
fn killed(mut command: Command, after: Duration) -> Result<Option<u64>, Box<dyn Error>> {
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn()?;
    let output = child.stdout.take().ok_or("no pipe")?;
    let child = Arc::new(Mutex::new(child));
    let killer = Arc::clone(&child);
    let timer = std::thread::spawn(move || {
        std::thread::sleep(after);
        if let Ok(mut child) = killer.lock() {
            let _ = child.kill();
        }
    });
    // What the pipe holds when the child is gone was acknowledged as well.
    let said = BufReader::new(output).lines().map_while(Result::ok);
    let last = said.filter_map(|line| line.parse().ok()).last();
    timer.join().map_err(|_| "the timer broke")?;
    child.lock().map_err(|_| "the timer broke")?.wait()?;
    Ok(last)
}
