//! One epoch's whole negotiation among 300 prosumers in a plain event loop: milliseconds of
//! processor time (wall time where the system does not tell) and messages. The fake LCAs' work is included; the network takes no time.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/social/street.rs"]
#[allow(dead_code)]
mod street;

use std::time::{Duration, Instant};

use gridpact_agents::params::Params;
use street::{Net, Street};

const RUNS: u64 = 20;

fn main() {
    let prosumers = 300;
    let mut samples = Vec::new();
    println!("seed tasks filled contracts letters inputs letters/task      ms  ns/input");
    for seed in 0..RUNS {
        let mut street = Street::new(prosumers, Params::default(), Net::default(), seed);
        let begin = (Instant::now(), on_cpu());
        street.run();
        let elapsed = match (begin.1, on_cpu()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => begin.0.elapsed(),
        };
        let tasks = street.outcomes.len() as u64;
        let filled = street.outcomes.iter().filter(|(_, o)| o.residual.0 < 50).count();
        let ms = elapsed.as_secs_f64() * 1e3;
        println!(
            "{seed:4} {tasks:5} {filled:6} {:9} {:7} {:6} {:12.1} {ms:7.2} {:9.0}",
            street.published.len(),
            street.letters,
            street.inputs,
            street.letters as f64 / tasks as f64,
            elapsed.as_nanos() as f64 / street.inputs as f64,
        );
        samples.push(ms);
    }
    samples.sort_by(f64::total_cmp);
    let median = samples[samples.len() / 2];
    let least = samples[0];
    println!("one epoch among {prosumers} prosumers: median {median:.2} ms, least {least:.2} ms");
}

/// Processor time of this thread so far, from the scheduler's own account.
fn on_cpu() -> Option<Duration> {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    account.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
