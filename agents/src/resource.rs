//! The Resource Agent (RA): one per device; readings in, status and limits out.

pub mod nature;
pub mod reading;
