//! The same questions by the bare tools, for whoever measures: what a schedule would cost in time if
//! nothing were done but to hand the model over. Nothing plans with these.

use super::frame::Frame;
use super::integer::{self, Choices};
use super::single;
use super::{Effort, Problem, SolveError};

/// What [`bare`] hands the model to, in words for tables.
pub const BARE: &str = "bare microlp";

/// The full linear model, row by row as protocol 3.2 writes it, through `microlp` as it stands;
/// returns its objective in units of the largest price.
///
/// # Errors
/// When the solver gives up.
pub fn bare(problem: &Problem) -> Result<f64, SolveError> {
    let frame = Frame::new(problem);
    let found = integer::solve(&frame, &Choices::default(), Effort { nodes: None, time: None })?;
    found.map(|f| f.claimed).ok_or_else(|| SolveError::Solver("no answer".into()))
}

/// The recursion over one storage alone, without its plan, cost and worths: the stored energy at the
/// end, kWh; `None` where its conditions do not hold.
#[must_use]
pub fn recursion(problem: &Problem) -> Option<f64> {
    single::end(&Frame::new(problem))
}
