//! Who has the last word on what a device does: grid-operator limit > device's refusal > driver's
//! need > contract > local optimum.
//!
//! A trade never overrides the first three; what it then lacks is settled as imbalance. Energies are
//! those of one interval.

use gridpact_chain::terms::Timestamp;
use serde::{Deserialize, Serialize};

use super::reading::Setpoint;

/// Who may speak, the mightiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The grid operator's limit of power.
    GridLimit,
    /// What the device itself can or will not do.
    DeviceRefusal,
    /// What the driver needs at departure.
    DriverNeed,
    /// What was sold or bought.
    Contract,
    /// What is cheapest for the site.
    LocalOptimum,
}

impl Claim {
    /// The claim in a word, as summaries say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::GridLimit => "grid_limit",
            Self::DeviceRefusal => "device_refusal",
            Self::DriverNeed => "driver_need",
            Self::Contract => "contract",
            Self::LocalOptimum => "local_optimum",
        }
    }
}

/// A grid operator's limit on one device; it lapses by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GridLimit {
    /// Most power it may take, W; none where only feeding in is limited.
    pub consume_w: Option<u64>,
    /// Most power it may give, W; none where only taking is limited.
    pub produce_w: Option<u64>,
    /// From here on it no longer binds.
    pub valid_until: Timestamp,
}

/// The most a device may take and give in an interval, Wh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most energy to take.
    pub consume_wh: u64,
    /// Most energy to give.
    pub produce_wh: u64,
}

/// What a driver's departure asks of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Energy that must be taken now, since the rest of the stay is too short for it; Wh.
    pub consume_least_wh: u64,
    /// Most energy that may be given away without missing the departure; Wh.
    pub produce_most_wh: u64,
}

/// Everything that is claimed of one device in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// By the grid operator.
    pub limit: Option<Bounds>,
    /// By the device.
    pub refusal: Option<Bounds>,
    /// By the driver.
    pub need: Option<Need>,
    /// By contracts, where they are told apart from the local plan.
    pub contract: Option<Setpoint>,
    /// By the local plan.
    pub local: Setpoint,
}

/// What the device shall do, and whose word that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub setpoint: Setpoint,
    /// The mightiest claim that has changed it, or the one it started from.
    pub by: Claim,
}

/// Settles the claims: starts from the contract, or without one from the local optimum, and lets
/// each mightier claim take back what contradicts it. So the limit is obeyed whatever else is
/// claimed, the device is never told what it refuses, and so on down.
#[must_use]
pub fn decide(claims: &Claims) -> Decision {
    let mut decision = match claims.contract {
        Some(setpoint) => Decision { setpoint, by: Claim::Contract },
        None => Decision { setpoint: claims.local, by: Claim::LocalOptimum },
    };
    if let Some(need) = claims.need {
        let mut told = decision.setpoint;
        told.produce_wh = told.produce_wh.min(need.produce_most_wh);
        if told.consume_wh < need.consume_least_wh {
            (told.consume_wh, told.produce_wh) = (need.consume_least_wh, 0);
        }
        decision.yields(told, Claim::DriverNeed);
    }
    for (bounds, by) in [(claims.refusal, Claim::DeviceRefusal), (claims.limit, Claim::GridLimit)] {
        if let Some(bounds) = bounds {
            let mut told = decision.setpoint;
            told.consume_wh = told.consume_wh.min(bounds.consume_wh);
            told.produce_wh = told.produce_wh.min(bounds.produce_wh);
            decision.yields(told, by);
        }
    }
    decision
}

impl Decision {
    fn yields(&mut self, told: Setpoint, by: Claim) {
        if told != self.setpoint {
            *self = Self { setpoint: told, by };
        }
    }
}

#[cfg(test)]
mod tests {
    use gridpact_chain::terms::Interval;

    use super::*;

    fn setpoint(consume_wh: u64, produce_wh: u64) -> Setpoint {
        Setpoint { interval: Interval(7), consume_wh, produce_wh, is_firm: false }
    }

    fn bounds(consume_wh: u64, produce_wh: u64) -> Option<Bounds> {
        Some(Bounds { consume_wh, produce_wh })
    }

    #[test]
    fn the_mightier_claim_wins_every_pair_of_neighbours() {
        let need =
            |consume_least_wh, produce_most_wh| Some(Need { consume_least_wh, produce_most_wh });
        let base = Claims {
            limit: None,
            refusal: None,
            need: None,
            contract: None,
            local: setpoint(900, 0),
        };
        // (what is claimed, what is done, whose word it is)
        let table = [
            ("local alone", base, (900, 0), Claim::LocalOptimum),
            (
                "contract over local",
                Claims { contract: Some(setpoint(0, 800)), ..base },
                (0, 800),
                Claim::Contract,
            ),
            (
                "need over contract",
                Claims { contract: Some(setpoint(0, 800)), need: need(600, 0), ..base },
                (600, 0),
                Claim::DriverNeed,
            ),
            (
                "need lets go what it can spare",
                Claims { contract: Some(setpoint(0, 800)), need: need(0, 300), ..base },
                (0, 300),
                Claim::DriverNeed,
            ),
            (
                "a need that is met changes nothing",
                Claims { need: need(600, 0), ..base },
                (900, 0),
                Claim::LocalOptimum,
            ),
            (
                "refusal over need",
                Claims { need: need(1_500, 0), refusal: bounds(400, 0), ..base },
                (400, 0),
                Claim::DeviceRefusal,
            ),
            (
                "limit over refusal",
                Claims { refusal: bounds(400, 0), limit: bounds(100, 0), ..base },
                (100, 0),
                Claim::GridLimit,
            ),
            (
                "limit over need and contract at once",
                Claims {
                    contract: Some(setpoint(0, 800)),
                    need: need(1_500, 0),
                    limit: bounds(0, 0),
                    ..base
                },
                (0, 0),
                Claim::GridLimit,
            ),
            (
                "a wide limit changes nothing",
                Claims { limit: bounds(9_999, 9_999), ..base },
                (900, 0),
                Claim::LocalOptimum,
            ),
        ];
        for (name, claims, (consume_wh, produce_wh), by) in table {
            let wanted = Decision { setpoint: setpoint(consume_wh, produce_wh), by };
            assert_eq!(decide(&claims), wanted, "{name}");
        }
        assert!(Claim::GridLimit < Claim::DeviceRefusal && Claim::DriverNeed < Claim::Contract);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_claimed_the_limit_and_then_the_device_are_obeyed(
            limit in (0_u64..3_000, 0_u64..3_000),
            refusal in (0_u64..3_000, 0_u64..3_000),
            need in (0_u64..3_000, 0_u64..3_000),
            contract in proptest::option::of((0_u64..3_000, 0_u64..3_000)),
            local in (0_u64..3_000, 0_u64..3_000),
        ) {
            let claims = Claims {
                limit: bounds(limit.0, limit.1),
                refusal: bounds(refusal.0, refusal.1),
                need: Some(Need { consume_least_wh: need.0, produce_most_wh: need.1 }),
                contract: contract.map(|(c, p)| setpoint(c, p)),
                local: setpoint(local.0, local.1),
            };
            let told = decide(&claims).setpoint;
            assert!(told.consume_wh <= limit.0.min(refusal.0));
            assert!(told.produce_wh <= limit.1.min(refusal.1).min(need.1));
            assert!(told.consume_wh >= need.0.min(refusal.0).min(limit.0), "need is next");
        }
    }
}
