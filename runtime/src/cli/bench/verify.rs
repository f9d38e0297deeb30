//! How fast a chain is proven again, each rate beside the bare work it cannot do without.
//!
//! Both are taken in turns on one thread, in processor time, over the same pairs: the bare work on
//! bytes that lie in memory, the sweep on the files.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cpu_time::ThreadTime;
use gridpact_chain::digest::Digest;
use gridpact_chain::registry::Registry;
use gridpact_chain::sign::{Claim, recheck};
use gridpact_chain::terms::Timestamp;
use gridpact_chain::verifier::{
    Finding, PairBytes, PairHasher, Params, Source as _, Verifier, claims_of,
};

use self::founding::Founding;
use super::row::{self, Row};
use crate::cli::Failure;
use crate::cli::scratch::Scratch;
use crate::store::archive;
use crate::store::files::{Files, WINDOW_BYTES};

mod founding;
mod street;
mod year;

/// Voting nodes.
const VOTERS: u32 = 4;
/// Homes of the year.
const HOMES: u32 = 300;
/// Those among them who vote: opening checks no signature, so no more are made than a proof needs.
const YEAR_VOTERS: u32 = 1;
/// Turns of sweep and bare work.
const ROUNDS: usize = 7;
/// Pairs whose signatures are checked.
const SIGNED: u64 = 16_384;
/// Seconds that opening a year may take.
const OPEN_S: f64 = 5.0;

/// The arguments of `gridpact bench verify`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Pairs that four voting nodes make for the sweeps
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    settled: u64,
    /// Pairs of the chain that is opened; a year of 300 homes by default
    #[arg(long, value_name = "N", default_value_t = 2_628_000)]
    pairs: u64,
    /// Directory the opened chain is left in, and found in again instead of being made anew
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut rows = Vec::new();
    sweeps(args.settled.max(1), &mut rows)?;
    open(args.pairs.max(1), args.keep.as_deref(), &mut rows)?;
    row::print(&rows, args.json)
}

/// Seconds of this thread's processor that `work` takes.
fn timed<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let watch = ThreadTime::now();
    let answer = work();
    (watch.elapsed().max(Duration::from_nanos(1)).as_secs_f64(), answer)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// A verifier over the files in `dir`, and what opening found.
fn verifier(founding: &Founding, dir: &Path, every: u64) -> Result<Verifier<Files>, Failure> {
    let files = Files::open(dir, WINDOW_BYTES).map_err(Failure::input)?;
    let registry = Registry::founding(&founding.genesis);
    let params = Params { structural_every: every, ..Params::default() };
    Ok(Verifier::over(files, registry, params))
}

/// One whole sweep; anything found means that the bench has made no sound chain.
fn sweep(verifier: &mut Verifier<Files>) -> Result<(), Failure> {
    let mut found = Vec::new();
    while !verifier.step(Timestamp(1), WINDOW_BYTES, &mut found) {}
    sound(&found)
}

fn sound(found: &[Finding]) -> Result<(), Failure> {
    match found.first() {
        None => Ok(()),
        Some(Finding { height, damage }) => {
            Err(Failure::FoundWrong(format!("height {height} of the bench's own chain: {damage}")))
        }
    }
}

/// Structural, segment and signature sweeps.
fn sweeps(settled: u64, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let scratch = Scratch::new().map_err(Failure::input)?;
    let founding = Founding::new(VOTERS, VOTERS).map_err(Failure::input)?;
    let pairs = street::make(&founding, settled, scratch.path())?;
    let mut structural = verifier(&founding, scratch.path(), 1)?;
    sweep(&mut structural)?;
    structural_row(&founding, &mut structural, pairs, rows)?;
    let mut segments = verifier(&founding, scratch.path(), u64::MAX)?;
    sweep(&mut segments)?;
    signature_row(&founding, &mut segments, rows)?;
    segment_row(&mut segments, scratch.path(), pairs, rows)
}

fn structural_row(
    founding: &Founding,
    verifier: &mut Verifier<Files>,
    pairs: u64,
    rows: &mut Vec<Row>,
) -> Result<(), Failure> {
    let (mut bytes, mut cuts) = (Vec::new(), Vec::new());
    while (cuts.len() as u64) < pairs {
        verifier.chain_mut().read(cuts.len() as u64 + 1, usize::MAX, &mut |piece| {
            if let Ok(pair) = piece {
                bytes.extend_from_slice(pair.contract);
                cuts.push((pair.contract.len(), pair.ledger.len()));
                bytes.extend_from_slice(pair.ledger);
            }
        });
    }
    let hasher = PairHasher::new(&founding.community);
    let bare = || {
        let (mut rest, mut below) = (&bytes[..], (founding.community, founding.community));
        for (contract, ledger) in &cuts {
            let (pair, after) = rest.split_at(contract + ledger);
            let (contract, ledger) = pair.split_at(*contract);
            match hasher.follows(&below, PairBytes { contract, ledger }) {
                Some(hashes) => below = hashes,
                None => return false,
            }
            rest = after;
        }
        true
    };
    let (mut swept, mut least) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (seconds, is_linked) = timed(bare);
        if !black_box(is_linked) {
            return Err(Failure::FoundWrong("the bench's own chain is not linked".to_owned()));
        }
        least.push(pairs as f64 / seconds);
        let (seconds, done) = timed(|| sweep(verifier));
        done?;
        swept.push(pairs as f64 / seconds);
    }
    let row = Row::plain("verify.structural", pairs, median(swept), "pairs/s");
    rows.push(row.beside("two SHA-256, borrowed decode, links", median(least)));
    Ok(())
}

fn segment_row(
    verifier: &mut Verifier<Files>,
    dir: &Path,
    pairs: u64,
    rows: &mut Vec<Row>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    for name in ["0001.log", "0001.proof"] {
        bytes.extend(std::fs::read(dir.join(name)).map_err(Failure::input)?);
    }
    let (mut swept, mut least) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (seconds, ()) = timed(|| {
            for window in bytes.chunks(WINDOW_BYTES) {
                black_box(Digest::content(window));
            }
        });
        least.push(bytes.len() as f64 / 1e6 / seconds);
        let before = verifier.chain().bytes_read();
        let (seconds, done) = timed(|| sweep(verifier));
        done?;
        swept.push((verifier.chain().bytes_read() - before) as f64 / 1e6 / seconds);
    }
    let row = Row::plain("verify.segment", pairs, median(swept), "MB/s");
    rows.push(row.beside("BLAKE3 of the same bytes in memory", median(least)));
    Ok(())
}

fn signature_row(
    founding: &Founding,
    verifier: &mut Verifier<Files>,
    rows: &mut Vec<Row>,
) -> Result<(), Failure> {
    let registries = Registry::founding(&founding.genesis).into();
    let mut claims: Vec<Claim<'_>> = Vec::new();
    let mut next = 1;
    while next <= verifier.height().min(SIGNED) {
        for kept in verifier.chain_mut().proofs(next, WINDOW_BYTES) {
            let (pair, proof) = kept.map_err(Failure::input)?;
            claims.extend(claims_of(&pair, &proof, &registries).map_err(Failure::input)?);
            next += 1;
        }
    }
    let (mut swept, mut least) = (0.0, 0.0);
    let mut found = Vec::new();
    let mut is_over = false;
    let mut rest = &claims[..];
    // In turns, a few windows each, so that a busy machine slows both.
    while !is_over && !rest.is_empty() {
        let (before, watch) = (verifier.counters().signatures_checked, ThreadTime::now());
        for _ in 0..4 {
            is_over = is_over || verifier.step_signatures(WINDOW_BYTES, &mut found);
        }
        swept += watch.elapsed().as_secs_f64();
        let done = verifier.counters().signatures_checked - before;
        let (part, after) = rest.split_at(rest.len().min(usize::try_from(done).unwrap_or(0)));
        least += timed(|| black_box(recheck(part))).0;
        rest = after;
    }
    sound(&found)?;
    // The rest of that sweep, so that the proofs' segments have digests as well.
    while !is_over {
        is_over = verifier.step_signatures(WINDOW_BYTES, &mut found);
    }
    sound(&found)?;
    let checked = claims.len() - rest.len();
    let rate = |seconds: f64| checked as f64 / seconds.max(1e-9);
    let row = Row::plain("verify.signature", checked as u64, rate(swept), "signatures/s");
    rows.push(row.beside("batches of 1024 in memory", rate(least)));
    Ok(())
}

/// A long chain, opened: found, read and proven in its structure.
fn open(pairs: u64, keep: Option<&Path>, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let founding = Founding::new(HOMES, YEAR_VOTERS).map_err(Failure::input)?;
    let scratch = match keep {
        None => Some(Scratch::new().map_err(Failure::input)?),
        Some(_) => None,
    };
    let dir = scratch.as_ref().map(Scratch::path).or(keep).unwrap_or(Path::new("."));
    if keep.is_none() || !is_kept(&founding, pairs, dir)? {
        year::make(&founding, pairs, dir)?;
    }
    // Until here memory was for making it.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS:");
    let mut found = Vec::new();
    let (seconds, opened) = timed(|| {
        verifier(&founding, dir, 8).map(|mut verifier| {
            verifier.open(Timestamp(1), &mut found);
            verifier.height()
        })
    });
    sound(&found)?;
    if opened? != pairs {
        return Err(Failure::FoundWrong("not every pair was found".to_owned()));
    }
    rows.push(Row::plain("verify.open", pairs, seconds, "s").beside("5 s a year", OPEN_S));
    let grown = memory("VmHWM:").saturating_sub(before) as f64 / 1024.0;
    rows.push(Row::plain("verify.open.memory", pairs, grown, "MiB"));
    Ok(())
}

/// Whether `dir` holds the chain that would be made there; an error where it holds something else.
fn is_kept(founding: &Founding, pairs: u64, dir: &Path) -> Result<bool, Failure> {
    std::fs::create_dir_all(dir).map_err(Failure::input)?;
    if std::fs::read_dir(dir).map_err(Failure::input)?.next().is_none() {
        return Ok(false);
    }
    let found = archive::genesis(dir).map_err(Failure::input)?;
    let height = verifier(founding, dir, 1)?.height();
    if found == founding.genesis && height == pairs {
        return Ok(true);
    }
    Err(Failure::BadInput(format!(
        "{} holds another chain, of {height} pairs: empty it, or give another directory",
        dir.display()
    )))
}

/// KiB of this process that the system names so; zero where it does not say.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use gridpact_chain::verdicts::Strict;
    use gridpact_chain::verifier::audit;

    use super::*;

    const WINDOW: usize = 4_096;

    fn over(founding: &Founding, dir: &Path, structural_every: u64) -> Verifier<Files> {
        let files = Files::open(dir, WINDOW).expect("a store");
        let params = Params { structural_every, ..Params::default() };
        Verifier::over(files, Registry::founding(&founding.genesis), params)
    }

    /// Sweeps of pairs and of signatures.
    fn sweep_all(verifier: &mut Verifier<Files>) -> Vec<Finding> {
        let mut found = Vec::new();
        while !verifier.step(Timestamp(1), WINDOW, &mut found) {}
        while !verifier.step_signatures(WINDOW, &mut found) {}
        found
    }

    #[test]
    fn the_chain_of_the_minds_is_proven_and_swept_clean_from_its_files() {
        let scratch = Scratch::new().expect("scratch");
        let founding = Founding::new(VOTERS, VOTERS).expect("keys");
        let pairs = street::make(&founding, 100, scratch.path()).expect("settled");
        let archive = archive::read(scratch.path()).expect("every byte is proved");
        let report = audit(&founding.genesis, &archive.pairs, None, &Strict);
        assert!(report.is_proven() && report.closed == pairs, "{:?}", report.findings);
        for every in [1, 3] {
            let mut verifier = over(&founding, scratch.path(), every);
            for round in 1..=4 {
                assert!(sweep_all(&mut verifier).is_empty(), "sweep {round}");
                let seen = verifier.counters();
                assert_eq!(
                    (seen.pairs_checked, seen.proofs_checked),
                    (round * pairs, round * pairs)
                );
                assert_eq!(seen.signatures_checked, round * pairs * 9);
            }
            assert_eq!((verifier.height(), verifier.tip()), (pairs, archive.tip));
        }
    }

    #[test]
    fn the_year_is_a_valid_chain() {
        let scratch = Scratch::new().expect("scratch");
        let founding = Founding::new(5, 4).expect("keys");
        year::make(&founding, 300, scratch.path()).expect("made");
        let archive = archive::read(scratch.path()).expect("every byte is proved");
        let report = audit(&founding.genesis, &archive.pairs, None, &Strict);
        assert!(report.is_proven(), "{:?}", report.findings);
        assert_eq!((report.pairs, report.closed), (300, 300));
        let mut verifier = over(&founding, scratch.path(), 1);
        let mut found = Vec::new();
        verifier.open(Timestamp(1), &mut found);
        assert_eq!((found, verifier.tip()), (Vec::new(), archive.tip));
    }
}
