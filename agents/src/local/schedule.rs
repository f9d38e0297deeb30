//! The local scheduling model (LSM, protocol 3.2): an exact linear programme through `microlp`.
//!
//! [`solve`] is a pure function from a [`Problem`] to a [`Plan`]. It is never infeasible for
//! ordinary input: what cannot be had is stated in the plan as a shortfall.

pub mod plan;
pub mod problem;

pub use plan::{Method, Plan, Shortfall, SolveError, StorePlan};
pub use problem::{Departure, Job, PooledSale, Problem, Store};

/// Finds the cheapest schedule.
///
/// # Errors
/// [`SolveError::Malformed`] when series differ in length or hold a NaN or an infinity,
/// [`SolveError::Solver`] when the solver gives up.
pub fn solve(problem: &Problem) -> Result<Plan, SolveError> {
    let _ = problem;
    Err(SolveError::Malformed("not yet"))
}
