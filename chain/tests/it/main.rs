//! What the room promises as a whole: communities under loss and lies, sweeps that find every
//! bit, bytes that never change.

mod bounds;
mod catchup;
mod community;
mod engine;
mod forks;
mod golden;
mod inclusion;
mod liars;
mod limits;
mod members;
mod orderer;
mod repairs;
mod sealed_return;
mod seals;
mod signatures;
mod slices;
mod stored;
mod street;
mod sweeps;
mod two_keys;
mod world;
