//! Bounds on what strangers and neighbours can make an SCA keep, each with its reason.

/// Neighbours read from one reply: ten times the degree of the default graph.
pub const NEIGHBOURS_MAX: usize = 64;
/// Members of one coalition; a task never talks to more.
pub const MEMBERS_MAX: usize = 256;
/// Tasks of one buyer in one epoch: a day of half-hours.
pub const TASKS_MAX: usize = 48;
/// Contracts of one buyer in one epoch; more would not be approved (protocol 8.2).
pub const CONTRACTS_MAX: u32 = 64;
/// How often a buyer asks its members about one task while something is left to buy; each time at
/// least one claim was answered since.
pub const ASKS_MAX: u32 = 32;
/// How often a re-plan may refuse a claim of one session before the seller has nothing more for it.
pub const REFUSALS_MAX: u32 = 4;
/// Sessions a seller keeps per buyer and epoch; twice the tasks, since a buyer may restart once.
pub const SESSIONS_PER_BUYER_MAX: usize = 2 * TASKS_MAX;
/// Intervals of one block: 48 h of minutes, the longest horizon.
pub const INTERVALS_MAX: usize = 2880;
/// How far ahead of its own clock an SCA believes that an epoch has begun, in ms (protocol 8.3).
pub const SKEW_MS: u64 = 2_000;
/// Epochs, the one under way included, of which an SCA keeps account: a day of half-hours. A round costs
/// a few hundred bytes, and an own task about as much.
pub const ACCOUNT_EPOCHS: u32 = 48;
