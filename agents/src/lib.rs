#![forbid(unsafe_code)]
//! Intentions: the minds that sense, plan and bargain.
