#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

pub mod local;
pub mod machine;
pub mod network;
pub mod params;
pub mod resource;
pub mod session;
pub mod social;
