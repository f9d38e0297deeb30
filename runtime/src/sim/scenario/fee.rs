//! `tariff.p2p_fee` as written: one number for all energy that crosses the network, or a table by
//! relation. Within one site nothing is due unless the table says so.

use std::fmt;

use gridpact_agents::network::NetworkFees;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decimal::{Decimal, Millionths};

/// The fees of `[tariff]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeeFile(NetworkFees);

/// The table; both feeder relations are asked for, so that none is free by oversight.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByRelation {
    #[serde(default)]
    same_site: Millionths,
    same_feeder: Option<Millionths>,
    other: Option<Millionths>,
}

/// What is said when the table leaves one of them out.
const BOTH: &str = "tariff.p2p_fee needs both same_feeder and other, 0 to 100 per kWh each, such as \
     { same_feeder = 0.03, other = 0.08 }; same_site is 0 unless given";

/// What may stand after `p2p_fee =`.
const ALLOWED: &str = "a decimal number with at most 6 digits after the point, or { same_feeder = 0.03, other = 0.08 }";

impl From<FeeFile> for NetworkFees {
    fn from(FeeFile(fees): FeeFile) -> Self {
        fees
    }
}

impl From<NetworkFees> for FeeFile {
    fn from(fees: NetworkFees) -> Self {
        Self(fees)
    }
}

impl Serialize for FeeFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NetworkFees { same_site, same_feeder, other } = self.0;
        if self.0 == NetworkFees::uniform(other) {
            return Millionths::from(other).serialize(serializer);
        }
        let table = ByRelation {
            same_site: same_site.into(),
            same_feeder: Some(same_feeder.into()),
            other: Some(other.into()),
        };
        table.serialize(serializer)
    }
}

struct NumberOrTable;

impl<'de> Visitor<'de> for NumberOrTable {
    type Value = NetworkFees;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ALLOWED)
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<NetworkFees, E> {
        Decimal.visit_f64(v).map(uniform)
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<NetworkFees, E> {
        Decimal.visit_i64(v).map(uniform)
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<NetworkFees, E> {
        Decimal.visit_u64(v).map(uniform)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NetworkFees, A::Error> {
        let table = ByRelation::deserialize(MapAccessDeserializer::new(map))?;
        let (Some(same_feeder), Some(other)) = (table.same_feeder, table.other) else {
            return Err(serde::de::Error::custom(BOTH));
        };
        let [same_site, same_feeder, other] =
            [table.same_site, same_feeder, other].map(Millionths::price);
        Ok(NetworkFees { same_site, same_feeder, other })
    }
}

fn uniform(fee: Millionths) -> NetworkFees {
    NetworkFees::uniform(fee.price())
}

impl<'de> Deserialize<'de> for FeeFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrTable).map(Self)
    }
}
