//! Circumstances: actors, time, disk, devices, and the simulator.
pub use gridpact_agents as agents;
pub use gridpact_chain as chain;

pub mod report;
pub mod store;
