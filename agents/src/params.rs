//! Parameters of the minds, with the defaults of the protocol (section 15).
//!
//! Plain data: `runtime/config.rs` fills it from files and calls [`Params::validate`] once; the
//! minds never check it again. Shares are parts per million, so that bargaining counts in integers.

mod negotiate;

use gridpact_chain::terms::{Energy, Timestamp};
use serde::{Deserialize, Serialize};

pub use negotiate::{Award, Curve, NegotiateParams, PricingName, TacticName};

use crate::local::forecast::MethodName;

/// One whole in parts per million.
pub const PPM: i64 = 1_000_000;

/// When deficits are offered to the neighbours (protocol, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tender {
    /// Window by window, in the epoch before each opens; the rest again until gate closure.
    Rolling,
    /// Interval by interval, each once, in the last epoch whose gate it lies behind. What is bought
    /// hours ahead follows the highest of many noisy quantiles, and waiting costs nothing where
    /// sellers' energy does not go elsewhere meanwhile.
    LastChance,
    /// The whole day at its first epoch.
    DayAhead,
}

/// The clock of one epoch (`[epoch]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EpochParams {
    /// Length of a market interval in minutes: 1, 5, 10, 15, 30 or 60.
    pub interval_min: u32,
    /// Planning horizon in hours, 1 to 48.
    pub horizon_h: u32,
    /// Length of a tender window in minutes, aligned to the local day; a multiple of the interval.
    pub trade_window_min: u32,
    /// A block is tendered again when its unfilled or changed energy exceeds this many Wh.
    pub retender_wh: u64,
    /// When deficits are tendered.
    pub tender: Tender,
    /// D1, end of coalition forming, in ms after the epoch's start.
    pub d1_ms: u64,
    /// D2, end of negotiation, in ms after the epoch's start.
    pub d2_ms: u64,
    /// D3, end of final determination, in ms after the epoch's start.
    pub d3_ms: u64,
    /// Settlement, in ms after the epoch's start; contracts are valid until then.
    pub settle_ms: u64,
    /// Whether an epoch may still settle while the next one plans and trades: then `settle_ms` may
    /// reach into the next interval, at most nine tenths of it.
    pub overlap: bool,
    /// Gate closure: only blocks starting this many minutes after D3 are traded.
    pub gate_min: u32,
    /// Whether a phase also ends when every task is quiescent.
    pub early_finish: bool,
}

impl Default for EpochParams {
    fn default() -> Self {
        Self {
            interval_min: 30,
            horizon_h: 24,
            trade_window_min: 240,
            retender_wh: 200,
            tender: Tender::Rolling,
            d1_ms: 5_000,
            d2_ms: 30_000,
            d3_ms: 45_000,
            settle_ms: 60_000,
            overlap: false,
            gate_min: 5,
            early_finish: true,
        }
    }
}

impl EpochParams {
    /// Seconds of one market interval.
    #[must_use]
    pub fn interval_s(&self) -> u32 {
        self.interval_min * 60
    }

    /// Intervals in the planning horizon.
    #[must_use]
    pub fn horizon(&self) -> u32 {
        self.horizon_h * 60 / self.interval_min
    }

    /// The deadlines of the epoch that starts at `start`: the smaller of the configured values and
    /// 1/6, 1/2, 3/4 and 9/10 of the interval (protocol, section 4), settlement under `overlap`
    /// 19/10. What is still being settled is not delivered yet, so the gate closes no earlier.
    #[must_use]
    pub fn deadlines(&self, start: Timestamp) -> Deadlines {
        let interval_ms = u64::from(self.interval_s()) * 1000;
        let gate_ms = (u64::from(self.gate_min) * 60_000).min(interval_ms);
        let d3 = start.after_ms(self.d3_ms.min(interval_ms * 3 / 4));
        let tenths = if self.overlap { 19 } else { 9 };
        let settle = start.after_ms(self.settle_ms.min(interval_ms * tenths / 10));
        let gate = d3.after_ms(gate_ms);
        Deadlines {
            start,
            d1: start.after_ms(self.d1_ms.min(interval_ms / 6)),
            d2: start.after_ms(self.d2_ms.min(interval_ms / 2)),
            d3,
            settle,
            gate: if self.overlap { gate.max(settle) } else { gate },
        }
    }
}

/// The points in time that bind one epoch, with or without the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// Start of the epoch.
    pub start: Timestamp,
    /// No member joins a coalition after this.
    pub d1: Timestamp,
    /// No offer is valid after this.
    pub d2: Timestamp,
    /// No transaction is requested after this.
    pub d3: Timestamp,
    /// Contracts of the epoch are valid until this (`t_settle`).
    pub settle: Timestamp,
    /// Only blocks starting at or after this are traded in the epoch.
    pub gate: Timestamp,
}

/// Whether a block carries energy per interval or only its sum (protocol 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockShape {
    /// Energy per interval; a kWh is peer-to-peer only where both meters see it.
    Profile,
    /// The source's bare (start, end, kWh).
    Energy,
}

/// What stored energy is worth at the end of the horizon (protocol 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Terminal {
    /// What putting it back costs.
    Replacement,
    /// The storage ends at least as full as it began.
    Hold,
    /// What the grid pays for it.
    FeedIn,
}

/// Which quantile of the uncertain deficit is bought ahead (protocol 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuyQuantile {
    /// The newsvendor's critical ratio, but never more than the plan buys: nothing is insured.
    Plan,
    /// The newsvendor's critical ratio: against a shortage, which costs more than a surplus, more may
    /// be asked for than is expected.
    Newsvendor,
    /// A fixed quantile in parts per million, above 0 and below 1 000 000.
    #[serde(untagged)]
    FixedPpm(u32),
}

/// Where expectations come from (protocol 12.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// From readings; each series by the method that its own rolling backtest prefers.
    Auto,
    /// From readings, every series by [`MethodName::Persistence`].
    Persistence,
    /// The same by [`MethodName::SeasonalDay`].
    SeasonalDay,
    /// The same by [`MethodName::SeasonalWeek`].
    SeasonalWeek,
    /// The same by [`MethodName::Profile`].
    Profile,
    /// The same by [`MethodName::Exponential`].
    Exponential,
    /// The same by [`MethodName::Weekday`].
    Weekday,
    /// The same by [`MethodName::Similar`].
    Similar,
    /// The same by [`MethodName::Mstl`], in builds that have it.
    Mstl,
    /// From the future itself; for experiments.
    Perfect,
}

impl Forecast {
    /// The one method that every series shall use; none where they choose, or know.
    #[must_use]
    pub fn method(self) -> Option<MethodName> {
        match self {
            Self::Auto | Self::Perfect => None,
            Self::Persistence => Some(MethodName::Persistence),
            Self::SeasonalDay => Some(MethodName::SeasonalDay),
            Self::SeasonalWeek => Some(MethodName::SeasonalWeek),
            Self::Profile => Some(MethodName::Profile),
            Self::Exponential => Some(MethodName::Exponential),
            Self::Weekday => Some(MethodName::Weekday),
            Self::Similar => Some(MethodName::Similar),
            Self::Mstl => Some(MethodName::Mstl),
        }
    }
}

/// Planning (`[lca]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LcaParams {
    /// Longest block in minutes.
    pub max_block_min: u32,
    /// What a block carries.
    pub block_shape: BlockShape,
    /// Worth of stored energy at the horizon.
    pub terminal: Terminal,
    /// How much of an uncertain deficit is bought ahead.
    pub buy_quantile: BuyQuantile,
    /// Which forecaster the body gives the mind.
    pub forecast: Forecast,
}

impl Default for LcaParams {
    fn default() -> Self {
        Self {
            max_block_min: 240,
            block_shape: BlockShape::Profile,
            terminal: Terminal::Replacement,
            buy_quantile: BuyQuantile::Newsvendor,
            forecast: Forecast::Auto,
        }
    }
}

/// How a coalition grows (protocol 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// One random member a step is asked for its neighbours: the source's rule.
    One,
    /// Every member nearer than the depth is asked: all who can be reached are invited.
    All,
}

/// Forming coalitions (`[coalition]`, protocol 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoalitionParams {
    /// Propagation steps at most.
    pub depth_max: u32,
    /// Picks in a row that may bring no unseen member.
    pub max_dry_picks: u32,
    /// Smallest energy worth a task or an offer.
    pub min_trade_wh: Energy,
    /// Stop early when the available energy reaches this share (ppm) of the block; none = never.
    pub coverage_target_ppm: Option<u64>,
    /// Whom the propagation asks.
    pub growth: Growth,
}

impl Default for CoalitionParams {
    fn default() -> Self {
        Self {
            depth_max: 3,
            max_dry_picks: 3,
            min_trade_wh: Energy(50),
            coverage_target_ppm: None,
            growth: Growth::One,
        }
    }
}

/// Order in which a buyer turns temporary contracts into final ones (protocol 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalOrder {
    /// Our reading of the source's stack.
    CheapestFirst,
    /// The source read literally.
    DearestFirst,
}

/// Final determination (`[final]`, protocol 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinalParams {
    /// Order of requests.
    pub order: FinalOrder,
    /// Requests under way at once.
    pub window: u32,
    /// A request unanswered for this long after its last resend is dropped.
    pub resp_timeout_ms: u64,
    /// Whether the last contract is trimmed to the residual.
    pub trim_last: bool,
}

impl Default for FinalParams {
    fn default() -> Self {
        Self {
            order: FinalOrder::CheapestFirst,
            window: 1,
            resp_timeout_ms: 1_000,
            trim_last: true,
        }
    }
}

/// All parameters of the minds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The clock.
    pub epoch: EpochParams,
    /// Planning.
    pub lca: LcaParams,
    /// Coalitions.
    pub coalition: CoalitionParams,
    /// Bargaining.
    pub negotiate: NegotiateParams,
    /// Final determination.
    #[serde(rename = "final")]
    pub finals: FinalParams,
}

/// A parameter outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {found} is out of range: {allowed}")]
pub struct ParamsError {
    /// The key as written in the configuration.
    pub key: &'static str,
    /// What was found.
    pub found: String,
    /// What is allowed.
    pub allowed: &'static str,
}

impl Params {
    /// Checks every range once, so that no mind has to.
    ///
    /// # Errors
    /// The first key whose value is out of range, with what is allowed.
    pub fn validate(&self) -> Result<(), ParamsError> {
        let e = &self.epoch;
        let checks: [(&'static str, i128, bool, &'static str); 9] = [
            (
                "epoch.interval_min",
                e.interval_min.into(),
                [1, 5, 10, 15, 30, 60].contains(&e.interval_min),
                "1, 5, 10, 15, 30 or 60 minutes",
            ),
            (
                "epoch.horizon_h",
                e.horizon_h.into(),
                (1..=48).contains(&e.horizon_h),
                "1 to 48 hours",
            ),
            (
                "epoch.trade_window_min",
                e.trade_window_min.into(),
                e.interval_min > 0
                    && e.trade_window_min >= e.interval_min
                    && e.trade_window_min.is_multiple_of(e.interval_min)
                    && 1440_u32.is_multiple_of(e.trade_window_min),
                "a multiple of interval_min that divides a day",
            ),
            ("epoch.d1_ms", e.d1_ms.into(), e.d1_ms > 0, "more than 0 ms"),
            ("epoch.d2_ms", e.d2_ms.into(), e.d2_ms > e.d1_ms, "later than epoch.d1_ms"),
            ("epoch.d3_ms", e.d3_ms.into(), e.d3_ms > e.d2_ms, "later than epoch.d2_ms"),
            (
                "epoch.settle_ms",
                e.settle_ms.into(),
                e.settle_ms > e.d3_ms,
                "later than epoch.d3_ms",
            ),
            (
                "lca.max_block_min",
                self.lca.max_block_min.into(),
                self.lca.max_block_min >= e.interval_min,
                "at least epoch.interval_min",
            ),
            (
                "coalition.depth_max",
                self.coalition.depth_max.into(),
                (1..=32).contains(&self.coalition.depth_max),
                "1 to 32",
            ),
        ];
        for (key, found, ok, allowed) in checks {
            if !ok {
                return Err(ParamsError { key, found: found.to_string(), allowed });
            }
        }
        self.negotiate.validate()?;
        if self.negotiate.award == Award::Cheapest && self.lca.block_shape == BlockShape::Energy {
            let (key, found) = ("negotiate.award", "cheapest".to_owned());
            let allowed = "first_come; what is still needed is claimed interval by interval, \
                           which takes lca.block_shape = profile";
            return Err(ParamsError { key, found, allowed });
        }
        let window = self.finals.window;
        if !(1..=64).contains(&window) {
            let (key, found) = ("final.window", window.to_string());
            return Err(ParamsError { key, found, allowed: "1 to 64" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_short_intervals_shrink_the_deadlines() {
        assert_eq!(Params::default().validate(), Ok(()));
        let minute = EpochParams { interval_min: 1, ..EpochParams::default() };
        let deadlines = minute.deadlines(Timestamp(0));
        assert_eq!(deadlines.d1, Timestamp(5_000));
        assert_eq!(deadlines.d2, Timestamp(30_000));
        assert_eq!(deadlines.settle, Timestamp(54_000));
    }

    #[test]
    fn an_epoch_settles_into_the_next_one_only_where_epochs_overlap_and_no_further() {
        let slow = EpochParams { settle_ms: 2_000_000, ..EpochParams::default() };
        assert_eq!(slow.deadlines(Timestamp(0)).settle, Timestamp(1_620_000));
        let overlapping = EpochParams { overlap: true, ..slow };
        let deadlines = overlapping.deadlines(Timestamp(0));
        assert_eq!(deadlines.settle, Timestamp(2_000_000));
        assert_eq!(deadlines.gate, deadlines.settle, "nothing is delivered before it is settled");
        let slower = EpochParams { settle_ms: u64::MAX, ..overlapping };
        assert_eq!(slower.deadlines(Timestamp(0)).settle, Timestamp(3_420_000));
    }

    #[test]
    fn claims_need_blocks_with_a_profile() {
        let mut params = Params::default();
        params.negotiate.award = Award::Cheapest;
        assert_eq!(params.validate(), Ok(()));
        params.lca.block_shape = BlockShape::Energy;
        let error = params.validate().expect_err("nothing to claim by the interval");
        assert_eq!(error.key, "negotiate.award");
        assert!(error.allowed.contains("block_shape = profile"), "{error}");
    }

    #[test]
    fn a_bad_value_is_named_with_its_limit() {
        let mut params = Params::default();
        params.epoch.interval_min = 7;
        let text = params.validate().err().map(|e| e.to_string());
        assert_eq!(
            text.as_deref(),
            Some("epoch.interval_min = 7 is out of range: 1, 5, 10, 15, 30 or 60 minutes")
        );
    }
}
