//! What a Local Coordination Agent is given at birth.

use std::sync::Arc;

use gridpact_chain::terms::{Interval, PartyId, Price};

use super::forecast::{Calendar, Forecaster};
use super::manner::Manner;
use super::tariff::Tariff;
use crate::params::Params;
use crate::resource::nature::Nature;

/// Limits of the connection to the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Most it may import, W.
    pub import_w: u64,
    /// Most it may export, W.
    pub export_w: u64,
}

impl Default for Connection {
    fn default() -> Self {
        Self { import_w: 15_000, export_w: 5_000 }
    }
}

/// Everything a [`super::LocalAgent`] needs to know of its site.
pub struct LocalSetup {
    /// Whose mind it is.
    pub party: PartyId,
    /// Validated parameters.
    pub params: Params,
    /// The devices; a device's index is its position.
    pub devices: Vec<Nature>,
    /// The connection's limits.
    pub connection: Connection,
    /// Contracted grid prices.
    pub tariff: Arc<dyn Tariff>,
    /// Local time of the site.
    pub calendar: Arc<dyn Calendar>,
    /// The forecaster, with its history.
    pub forecaster: Box<dyn Forecaster>,
    /// Fee per kWh that how much to buy ahead is decided with: the lowest at which this site can
    /// trade with anybody ([`crate::network::Network::least_fee`]).
    pub p2p_fee: Price,
    /// Seed of all chance in this mind.
    pub seed: u64,
    /// Whether it tenders and sells; without, it only schedules.
    pub trading: bool,
    /// One past the last interval that is ever tendered; none = no end. A simulated community ends.
    pub trade_until: Option<Interval>,
    /// What it says of its cost and worth.
    pub manner: Manner,
}
