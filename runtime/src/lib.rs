#![doc = include_str!("../README.md")]

pub use gridpact_agents as agents;
pub use gridpact_chain as chain;

pub mod actors;
pub mod cli;
pub mod clock;
pub mod config;
pub mod device;
pub mod keys;
pub mod members;
pub mod net;
pub mod node;
pub mod observe;
pub mod order;
pub mod report;
pub mod shards;
pub mod sim;
pub mod store;
pub mod supervise;
pub mod sweeper;
pub mod verdicts;
