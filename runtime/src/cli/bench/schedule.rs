//! Time per local schedule, on the homes of the `reference` scenario as they re-plan through a day.
//!
//! A figure and its limit are taken in turns on the same question, so that a busy machine slows both.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gridpact_agents::local::schedule::{Problem, solve, yardstick};

use super::row::{self, Row};
use crate::cli::Failure;
use crate::sim;
use crate::sim::baseline;
use crate::sim::homes::Nursery;
use crate::sim::scenario::Scenario;

/// Homes of the day.
const HOMES: u32 = 300;
/// One question in so many also goes to the bare solver.
const EVERY: usize = 24;
/// Questions of each kind that are kept for the figures per schedule.
const KEPT: usize = 200;
/// Rounds over the kept questions.
const ROUNDS: usize = 5;

/// The arguments of `gridpact bench schedule`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    row::print(&rows()?, args.json)
}

/// What was seen of the day.
#[derive(Default)]
struct Day {
    asked: usize,
    solve_s: f64,
    bare: usize,
    bare_s: f64,
    /// Battery, vehicle and a job, at ordinary prices.
    full: Vec<Problem>,
    /// A battery and nothing else.
    single: Vec<Problem>,
}

impl Day {
    fn see(&mut self, problem: &Problem, solve_s: f64) {
        self.asked += 1;
        self.solve_s += solve_s;
        if self.asked.is_multiple_of(EVERY) {
            let start = Instant::now();
            let answer = yardstick::bare(problem);
            if answer.is_ok() {
                self.bare += 1;
                self.bare_s += start.elapsed().as_secs_f64();
            }
        }
        let kept = match (problem.stores.len(), problem.jobs.len()) {
            (2, 1..) => &mut self.full,
            (1, 0) if yardstick::recursion(problem).is_some() => &mut self.single,
            _ => return,
        };
        if kept.len() < KEPT {
            kept.push(problem.clone());
        }
    }
}

/// The rows of `bench schedule`.
fn rows() -> Result<Vec<Row>, Failure> {
    let mut scenario = Scenario::default();
    (scenario.prosumers, scenario.days) = (HOMES, 1);
    let community = Arc::new(sim::build(&scenario).map_err(Failure::input)?);
    let nursery = Nursery::new(&scenario, community);
    let day = Mutex::new(Day::default());
    let watched = |problem: &Problem| {
        let start = Instant::now();
        let plan = solve(problem);
        let took = start.elapsed().as_secs_f64();
        day.lock().unwrap_or_else(PoisonError::into_inner).see(problem, took);
        plan
    };
    let _ = baseline::solved_by(&nursery, 1, &watched);
    let day = day.into_inner().unwrap_or_else(PoisonError::into_inner);
    if day.bare == 0 || day.full.is_empty() || day.single.is_empty() {
        return Err(Failure::FoundWrong("the reference day asks no question to measure".into()));
    }
    let full = in_turns(&day.full, |p| solve(p).is_ok(), |p| yardstick::bare(p).is_ok());
    let single = in_turns(&day.single, |p| solve(p).is_ok(), |p| yardstick::recursion(p).is_some());
    let bare_day = day.bare_s / day.bare as f64 * day.asked as f64;
    let row = |name, n: usize, value, unit| Row::plain(name, n as u64, value, unit);
    Ok(vec![
        row("schedule.full", day.full.len(), full.0 * 1e3, "ms")
            .beside(&format!("{}, same model", yardstick::BARE), full.1 * 1e3),
        row("schedule.single", day.single.len(), single.0 * 1e6, "us")
            .beside("the recursion alone", single.1 * 1e6),
        row("schedule.day300", day.asked, day.solve_s, "s")
            .beside(&format!("{}, one question in {EVERY}", yardstick::BARE), bare_day),
    ])
}

/// Medians over all questions and rounds, in seconds, of two ways taken in turns.
fn in_turns(
    problems: &[Problem],
    ours: impl Fn(&Problem) -> bool,
    bare: impl Fn(&Problem) -> bool,
) -> (f64, f64) {
    let time = |way: &dyn Fn(&Problem) -> bool, problem: &Problem| {
        let start = Instant::now();
        let is_done = std::hint::black_box(way(std::hint::black_box(problem)));
        if is_done { start.elapsed().as_secs_f64() } else { f64::INFINITY }
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for problem in problems.iter().cycle().take(problems.len() * ROUNDS) {
        first.push(time(&ours, problem));
        second.push(time(&bare, problem));
    }
    (median(first), median(second))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
