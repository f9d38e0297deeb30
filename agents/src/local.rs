//! The Local Coordination Agent (LCA): the cycle forecast -> schedule -> deficit.

pub mod door;
pub mod forecast;
pub mod schedule;
pub mod setup;
pub mod speech;
pub mod tariff;

use gridpact_chain::terms::Timestamp;

use crate::machine::Machine;
use door::Obligation;
use setup::LocalSetup;
use speech::{LocalEffect, LocalInput, LocalSnapshot};

/// The mind of one site's energy management.
pub struct LocalAgent {
    setup: LocalSetup,
}

impl LocalAgent {
    /// A new mind without obligations.
    #[must_use]
    pub fn new(setup: LocalSetup) -> Self {
        Self::restore(setup, Vec::new())
    }

    /// A mind that wakes up after a crash, with the obligations its journal knows.
    #[must_use]
    pub fn restore(setup: LocalSetup, obligations: Vec<Obligation>) -> Self {
        let _ = obligations;
        Self { setup }
    }
}

impl Machine for LocalAgent {
    type Input = LocalInput;
    type Effect = LocalEffect;
    type Snapshot = LocalSnapshot;

    fn handle(&mut self, _now: Timestamp, _input: LocalInput, _out: &mut Vec<LocalEffect>) {}

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn snapshot(&self) -> LocalSnapshot {
        LocalSnapshot {
            party: self.setup.party,
            epoch: None,
            planned_from: None,
            import_wh: Vec::new(),
            export_wh: Vec::new(),
            stored_wh: Vec::new(),
            shortfall: schedule::Shortfall::default(),
            cost: 0.0,
            method: schedule::Method::default(),
            obligations: Vec::new(),
            stale: Vec::new(),
        }
    }
}
