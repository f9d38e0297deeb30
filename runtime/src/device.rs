//! The seam to devices: one driver per device, owned by its Resource Agent's body.

use gridpact_agents::resource::reading::{Reading, Setpoint};
use gridpact_chain::terms::Interval;

pub mod simulated;

/// One physical or simulated device.
///
/// A command lapses at the end of the interval it names; a device without a current command does
/// what is safe on its own (vehicle: charge, battery: idle, generator: uncurtailed).
pub trait Driver {
    /// What the device did in `interval`, which has ended, and how it stands now; `None` while
    /// there is nothing to report.
    fn sense(&mut self, interval: Interval) -> Option<Reading>;

    /// Passes a command on; one that names the same interval replaces the earlier one.
    fn command(&mut self, setpoint: Setpoint);
}
