#![forbid(unsafe_code)]
//! Intentions: the minds that sense, plan and bargain.

pub mod local;
pub mod machine;
pub mod params;
pub mod resource;
pub mod session;
pub mod social;
