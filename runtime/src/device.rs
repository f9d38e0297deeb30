//! The seam to devices: one driver per device, owned by its Resource Agent's body.

use gridpact_agents::resource::Order;
use gridpact_agents::resource::reading::Telemetry;
use gridpact_chain::terms::Timestamp;

pub mod simulated;

/// One physical or simulated device.
///
/// An order lapses at the end of the interval it names; a device without a current order does
/// what is safe on its own (vehicle: charge, battery: idle, generator: uncurtailed).
pub trait Driver {
    /// What the registers of the device say and how it stands. `at` has come; a device with a memory
    /// may be asked for how it stood an interval ago. One without answers with how it stands now, and
    /// stamps that truly. `None` while there is nothing to report.
    ///
    /// A sample carries cumulative registers, never the energy of an interval.
    fn sense(&mut self, at: Timestamp) -> Option<Telemetry>;

    /// Passes an order on; one that names the same interval replaces the earlier one. Who can only
    /// be told a power holds `power_w` for the first `on_s` seconds of the interval.
    fn command(&mut self, order: &Order);
}
