//! What a run says: a table for people, one JSON object for programs, CSV files and one HTML page.
//!
//! Everything starts from [`run::Run`], plain data that the world fills. This room computes and
//! writes; it never simulates, never reads the chain and never asks what time it is.

pub mod run;
