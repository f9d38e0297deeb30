//! The Local Coordination Agent (LCA): the cycle forecast -> schedule -> deficit.

pub mod door;
