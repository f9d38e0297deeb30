//! One test per claim of the papers, named by section or figure of the protocol.
//!
//! A single random day proves little, so tendencies are asserted on means over a few seeds, and
//! only where the sources claim them.

mod coalition;
mod double_chain;
mod figure_r1_tasks;
mod figure_r2_negotiation_time;
mod figure_r3_share;
mod figure_r4_schedule;
mod figure_r6_savings;
mod figure_r7_chain;
mod final_contracts;
mod negotiation;

use gridpact::report::Report;
use gridpact::sim::scenario::Scenario;
use gridpact_tests::{Lived, live};

/// The same scenario under several seeds.
fn lives(scenario: &Scenario, seeds: u64) -> Vec<Lived> {
    (1..=seeds).map(|seed| live(&Scenario { seed, ..scenario.clone() })).collect()
}

/// The mean of a figure over lives.
fn mean(lives: &[Lived], figure: impl Fn(&Lived, &Report) -> f64) -> f64 {
    let sum: f64 = lives.iter().map(|lived| figure(lived, &lived.report())).sum();
    sum / lives.len() as f64
}

/// The mean share of the deficit that is met peer to peer.
fn mean_share(scenario: &Scenario, seeds: u64) -> f64 {
    mean(&lives(scenario, seeds), |_, report| report.summary().p2p_share)
}
