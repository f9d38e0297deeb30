//! The laws of trading among many SCAs, in calm and in storm: prices, need, double booking,
//! deadlines, identical contracts, idempotence, and that every task ends.

#[path = "social/street.rs"]
#[allow(dead_code)]
mod street;

#[path = "social/laws.rs"]
mod laws;

#[path = "social/fees.rs"]
mod fees;

#[path = "social/hostile.rs"]
mod hostile;

#[path = "social/account.rs"]
mod account;

#[path = "social/branches.rs"]
mod branches;

#[path = "social/single.rs"]
mod single;
