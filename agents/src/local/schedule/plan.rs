//! What the local scheduling model answers (protocol 3.2).

use gridpact_chain::terms::Interval;

/// The schedule of one storage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StorePlan {
    /// Energy taken from the site per interval, Wh at the meter.
    pub charge_wh: Vec<f64>,
    /// Energy given to the site per interval, Wh at the meter.
    pub discharge_wh: Vec<f64>,
    /// Stored energy at the START of each interval, and at the end of the horizon: one more entry
    /// than there are intervals, Wh.
    pub stored_wh: Vec<f64>,
    /// What a stored kWh counts at the end of the horizon, micro-currency (`v_s`).
    pub terminal_value: f64,
}

/// What a missing kWh counts in the objective, micro-currency, by rank: grid limit before driver's
/// need before contract (protocol 3.2).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PenaltyRates {
    /// Import above the connection's limit.
    pub overload: f64,
    /// Trip energy that is not in the battery.
    pub trip: f64,
    /// Energy missing at a departure.
    pub departure: f64,
    /// Energy missing under the floor, at the end of each interval in which it could charge.
    pub floor: f64,
    /// Energy of a job that finds no place in its window.
    pub job: f64,
    /// Sold energy not delivered, or bought energy not taken.
    pub sale: f64,
}

/// What could not be had, in Wh; all zero in an ordinary plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shortfall {
    /// Sold energy that will not be delivered, per interval.
    pub sale_wh: Vec<f64>,
    /// Part of the pooled sale that will not be delivered.
    pub pooled_wh: f64,
    /// Bought energy that finds no use and no way out, per interval.
    pub purchase_wh: Vec<f64>,
    /// Import above the connection's limit, per interval.
    pub overload_wh: Vec<f64>,
    /// Energy missing at departures, over all storages.
    pub departure_wh: f64,
    /// Trip energy that is not in the battery, over all storages.
    pub trip_wh: f64,
    /// Energy missing under the floor, summed over intervals and storages.
    pub floor_wh: f64,
    /// Job energy that finds no place in its window.
    pub job_wh: f64,
}

impl Shortfall {
    /// Whether this lacks more than `base` does in any respect, by more than `slack_wh`.
    #[must_use]
    pub fn exceeds(&self, base: &Self, slack_wh: f64) -> bool {
        let sum = |v: &[f64]| v.iter().sum::<f64>();
        sum(&self.sale_wh) + self.pooled_wh > sum(&base.sale_wh) + base.pooled_wh + slack_wh
            || sum(&self.purchase_wh) > sum(&base.purchase_wh) + slack_wh
            || sum(&self.overload_wh) > sum(&base.overload_wh) + slack_wh
            || self.departure_wh > base.departure_wh + slack_wh
            || self.trip_wh > base.trip_wh + slack_wh
            || self.floor_wh > base.floor_wh + slack_wh
            || self.job_wh > base.job_wh + slack_wh
    }

    /// Everything that is missing, Wh.
    #[must_use]
    pub fn total_wh(&self) -> f64 {
        let series = [&self.sale_wh, &self.purchase_wh, &self.overload_wh];
        series.into_iter().flatten().sum::<f64>()
            + self.pooled_wh
            + self.departure_wh
            + self.trip_wh
            + self.floor_wh
            + self.job_wh
    }
}

/// How a plan was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// Nothing to decide: each interval stands alone.
    #[default]
    ClosedForm,
    /// The dynamic programme of one storage.
    Dynamic,
    /// The linear programme.
    Linear,
    /// The integer programme, because the linear one did two opposite things at once.
    Integer,
}

/// A schedule. All series have the problem's horizon as their length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// First interval of the horizon.
    pub start: Interval,
    /// Energy bought from the grid (`g_t`): the intended purchase, Wh.
    pub import_wh: Vec<f64>,
    /// Surplus given to the grid (`x_t`): what could be sold directly, Wh.
    pub export_wh: Vec<f64>,
    /// Generation not taken (`z_t`), Wh.
    pub curtailed_wh: Vec<f64>,
    /// Pooled sale leaving per interval, Wh; empty without one.
    pub pooled_wh: Vec<f64>,
    /// One schedule per storage, in the problem's order.
    pub stores: Vec<StorePlan>,
    /// Energy per job and interval, in the problem's order, Wh.
    pub jobs_wh: Vec<Vec<f64>>,
    /// What could not be had.
    pub shortfall: Box<Shortfall>,
    /// Worth of one more kWh at the meter per interval, micro-currency per kWh.
    pub marginal: Vec<f64>,
    /// Grid cost plus wear less the terminal value, at true prices, micro-currency.
    pub cost: f64,
    /// What the solver minimised: `cost` with tilted prices and penalties, micro-currency.
    pub objective: f64,
    /// What a missing kWh counted in `objective`.
    pub penalty_rates: PenaltyRates,
    /// How it was found.
    pub method: Method,
    /// How far the objective may lie above the optimum, as a share of one plus its size in units of
    /// the largest price; 0 where optimality is proved.
    pub gap: f64,
}

impl Plan {
    /// Index of `at` in the series, if the horizon covers it.
    #[must_use]
    pub fn index_of(&self, at: Interval) -> Option<usize> {
        let i = at.0.checked_sub(self.start.0)? as usize;
        (i < self.import_wh.len()).then_some(i)
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SolveError {
    /// The series of the question differ in length, or hold something that is no number.
    #[error("malformed problem: {0}")]
    Malformed(&'static str),
    /// The solver gave up; ordinary input never causes it.
    #[error("solver: {0}")]
    Solver(String),
}
