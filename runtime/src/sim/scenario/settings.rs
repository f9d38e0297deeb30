//! The sections of a scenario that are not parameters of the minds: plain data with defaults.

use std::path::PathBuf;

use gridpact_agents::network::NetworkFees;
use gridpact_chain::terms::Price;
use serde::{Deserialize, Serialize};

use super::members::MemberChange;
use super::strategy::Strategy;
use super::words::or_none;
use crate::sim::community::EvKnowledge;
use crate::sim::tariff::TariffPreset;

/// How many voters carry a decision (`chain.quorum`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// More than half.
    #[default]
    Majority,
    /// More than two thirds.
    TwoThirds,
}

/// Who counts votes (`chain.fanout`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fanout {
    /// One tally hands on proofs.
    #[default]
    Tally,
    /// Everybody tells everybody; at most 32 homes.
    AllToAll,
}

/// The chain (`[chain]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainSettings {
    /// How many voters carry a decision.
    pub quorum: Quorum,
    /// Who counts votes.
    pub fanout: Fanout,
    /// A ledger not decided after this many ms goes to the next broadcaster.
    pub ledger_timeout_ms: u64,
    /// Largest batch in bytes.
    pub batch_bytes: u64,
    /// Whether contracts are sealed, so that only members can read them (protocol 8.8).
    pub seal_contracts: bool,
    /// Days after which readings, obligations, contract profiles and salts are destroyed: 36 (what
    /// forecasts learn from) to 36 500. The chain itself carries commitments and stays.
    pub retention_days: u32,
}

impl Default for ChainSettings {
    fn default() -> Self {
        Self {
            quorum: Quorum::Majority,
            fanout: Fanout::Tally,
            ledger_timeout_ms: 2_000,
            batch_bytes: 262_144,
            seal_contracts: false,
            retention_days: 400,
        }
    }
}

/// Prices (`[tariff]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TariffSettings {
    /// The price list.
    pub preset: TariffPreset,
    /// Charges that stay due on peer-to-peer energy by relation, paid outside the chain.
    pub p2p_fee: NetworkFees,
    /// Import price of preset `flat`.
    pub flat: Price,
    /// Export price of presets `flat`, `london` and `london_own`.
    pub feed_in: Price,
}

/// The feeders and the common transformer behind which they lie (`[feeder]`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeederSettings {
    /// Sites on each feeder, in the order of their numbers; 0 = all on one.
    pub sites: u32,
    /// Most the community may draw, W.
    #[serde(with = "or_none")]
    pub import_limit_w: Option<u64>,
    /// Most the community may feed, W.
    #[serde(with = "or_none")]
    pub export_limit_w: Option<u64>,
    /// Whether the limits reach the homes.
    pub enforce: bool,
}

impl FeederSettings {
    /// The feeder that the site of this number hangs on.
    #[must_use]
    pub fn of(&self, site: u32) -> u32 {
        site.checked_div(self.sites).unwrap_or(0)
    }
}

/// Who neighbours whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Graph {
    /// A ring in which everybody knows half of `degree` homes on both sides.
    #[default]
    Ring,
    /// A ring with the next one on both sides and seeded shortcuts up to `degree` on average.
    SmallWorld,
    /// By location: homes lie evenly in a square, and each knows the `degree` nearest and those
    /// whom it is nearest to.
    Nearest,
    /// A ring on each feeder (`feeder.sites`); the first homes of all feeders are in a ring too.
    Feeder,
    /// The pairs of `links`, and no others.
    List,
}

/// Where the minds live (`scenario.host`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// Each agent in a supervised actor of its own, as in a deployment.
    #[default]
    Actors,
    /// Many homes in one actor, for large communities; only voters have a node of the chain.
    Shards,
}

/// What the homes know and how they are connected (`[scenario]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScenarioSettings {
    /// How a charger knows when its vehicle leaves.
    pub ev_knowledge: EvKnowledge,
    /// A turbine of this size as a prosumer of its own; 0 for none.
    pub community_turbine_kw: u32,
    /// Who neighbours whom.
    pub graph: Graph,
    /// Homes that a home knows, about; of graph `list` its links say so.
    pub degree: u32,
    /// Pairs of homes that know each other under graph `list`, by number from 0.
    pub links: Vec<[u32; 2]>,
    /// From this home on, homes are perturbed copies of the first ones; 0 draws all on their own.
    pub copies_from: u32,
    /// Where the minds live.
    pub host: Host,
    /// Homes that misstate their cost or worth, or bargain harder; none = all are honest.
    pub strategies: Vec<Strategy>,
    /// Changes of the members that the operator proposes on the way; none = all stay.
    pub members: Vec<MemberChange>,
}

impl Default for ScenarioSettings {
    fn default() -> Self {
        Self {
            ev_knowledge: EvKnowledge::Stated,
            community_turbine_kw: 0,
            graph: Graph::Ring,
            degree: 6,
            links: Vec::new(),
            copies_from: 0,
            host: Host::Actors,
            strategies: Vec::new(),
            members: Vec::new(),
        }
    }
}

/// How measured files are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// No files: generated homes.
    #[default]
    None,
    /// London homes, German yields, Norwegian sessions in one folder each.
    London,
    /// A community's own meters.
    Meters,
}

/// Part of the year of which the days are taken, by the month in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    /// April to September.
    Summer,
    /// October to March.
    Winter,
}

/// Measured files (`[data]`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSettings {
    /// How they are laid out.
    pub layout: Layout,
    /// The folder.
    pub dir: PathBuf,
    /// Part of the year; none prefers summer.
    #[serde(with = "or_none")]
    pub season: Option<Season>,
}

/// The verifier (`[verifier]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifierSettings {
    /// Bytes proved in one go.
    pub slice_bytes: u64,
    /// Whether signatures are proved again too.
    pub signature_sweep: bool,
    /// Threads of their own that the verifiers of the process sweep on, 1 to 256; under virtual time
    /// the arbiter's helps them. It changes nothing but the wall clock.
    pub threads: u32,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        Self { slice_bytes: 65_536, signature_sweep: true, threads: 1 }
    }
}
