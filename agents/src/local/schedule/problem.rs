//! What the local scheduling model is asked (protocol 3.2): plain data, made anew for each solve.
//!
//! Energies are Wh per interval, prices micro-currency per kWh, both as floats: this is the one
//! corner of the house where they may be. It knows no contract, no device and no clock.

use gridpact_chain::terms::Interval;

use crate::params::Terminal;

/// A vehicle's departure inside the horizon, as seen by the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Departure {
    /// Index of the first interval in which it is gone; energy is due at its start. The horizon's
    /// length is the end of the horizon; what leaves later is not planned.
    pub at: usize,
    /// Energy due in the battery at that moment, Wh.
    pub due_wh: f64,
    /// Energy the trip takes out of the battery, Wh; booked at the departure.
    pub trip_wh: f64,
}

/// A storage as the model sees it: stationary battery or vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// Usable capacity, Wh.
    pub capacity_wh: f64,
    /// Most it can take from the site in one interval, Wh at the meter.
    pub charge_wh: f64,
    /// Most it can give to the site in one interval, Wh at the meter; 0 = may not discharge.
    pub discharge_wh: f64,
    /// Stored over drawn energy, above 0 and at most 1.
    pub eta_charge: f64,
    /// Delivered over stored energy, above 0 and at most 1.
    pub eta_discharge: f64,
    /// Energy never given away, Wh.
    pub floor_wh: f64,
    /// Wear, micro-currency per kWh discharged.
    pub wear: f64,
    /// Stored energy at the start of the horizon, Wh.
    pub stored_wh: f64,
    /// Whether it is plugged in, per interval; empty = always.
    pub plugged: Vec<bool>,
    /// Departures inside the horizon, in order.
    pub departures: Vec<Departure>,
    /// What else binds it; the default binds nothing.
    pub rules: StoreRules,
}

/// What binds a storage beside its physics.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreRules {
    /// Worth of a stored kWh at the end, micro-currency; none = what [`Problem::terminal`] says.
    pub terminal: Option<f64>,
    /// Whether it may discharge, per interval; empty = whenever it is plugged in.
    pub may_discharge: Vec<bool>,
    /// Stored energy below which nothing is discharged, Wh; driving may go below it.
    pub sale_floor_wh: f64,
    /// Most that is discharged within ranges of intervals.
    pub rations: Vec<Ration>,
    /// Until this interval (index) it is to be full as soon as can be, and gives nothing; 0 = never.
    pub full_until: usize,
}

/// A bound on what is discharged within a range of intervals, a day for instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ration {
    /// First interval (index).
    pub from: usize,
    /// One past the last interval (index).
    pub until: usize,
    /// Most discharged in the range, Wh at the meter.
    pub energy_wh: f64,
}

/// Storages behind one line: what they take less what they give stays within it, either way.
#[derive(Debug, Clone, PartialEq)]
pub struct Station {
    /// Indices into [`Problem::stores`].
    pub stores: Vec<usize>,
    /// Most through the line in one interval, Wh.
    pub limit_wh: f64,
}

impl Store {
    /// Whether it can exchange energy in interval `t`.
    #[must_use]
    pub fn is_plugged(&self, t: usize) -> bool {
        self.plugged.is_empty() || self.plugged.get(t).copied().unwrap_or(false)
    }

    /// The interval with whose end the first trip's energy is gone, if there is a trip.
    #[must_use]
    pub fn trip(&self) -> Option<usize> {
        self.departures.iter().filter(|d| d.trip_wh > 0.0).map(|d| d.at).min()
    }

    /// Stored energy at the start of interval `t` that no sale may take, Wh: the floor, what a
    /// departure then owes, and until its first trip what is never sold. That is there for driving:
    /// after a trip it may be gone.
    #[must_use]
    pub fn kept_wh(&self, t: usize) -> f64 {
        let due = self.departures.iter().filter(|d| d.at == t).map(|d| d.due_wh);
        let is_present = self.trip().is_none_or(|at| t <= at);
        let sale_floor = if is_present { self.rules.sale_floor_wh } else { 0.0 };
        due.fold(self.floor_wh.max(sale_floor), f64::max)
    }

    /// Whether it may give energy in interval `t`.
    #[must_use]
    pub fn may_discharge(&self, t: usize) -> bool {
        let allowed = &self.rules.may_discharge;
        let is_allowed = allowed.is_empty() || allowed.get(t).copied().unwrap_or(false);
        self.is_plugged(t) && t >= self.rules.full_until && is_allowed
    }
}

/// A job that may run at any time of its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    /// First interval (index) in which it may run.
    pub from: usize,
    /// One past the last interval (index); may lie beyond the horizon.
    pub until: usize,
    /// Energy it still needs, Wh.
    pub energy_wh: f64,
    /// Most it takes in one interval, Wh.
    pub power_wh: f64,
    /// Whether, once started, it runs at full power until its energy is spent.
    pub is_run_once: bool,
}

/// A sale whose energy may leave in any interval of its range (`block_shape = "energy"`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledSale {
    /// First interval (index).
    pub from: usize,
    /// One past the last interval (index).
    pub until: usize,
    /// Energy to deliver in the range, Wh.
    pub energy_wh: f64,
}

/// One scheduling question. All series have the same length, the horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// First interval of the horizon.
    pub start: Interval,
    /// Length of an interval in seconds.
    pub interval_s: u32,
    /// Expected fixed load, Wh.
    pub load_wh: Vec<f64>,
    /// Expected photovoltaic output, Wh.
    pub solar_wh: Vec<f64>,
    /// Expected wind output, Wh.
    pub wind_wh: Vec<f64>,
    /// Retail price, micro-currency per kWh.
    pub retail: Vec<f64>,
    /// Feed-in price, micro-currency per kWh.
    pub feed_in: Vec<f64>,
    /// Purchases already signed (`B_t`), Wh.
    pub bought_wh: Vec<f64>,
    /// Sales already signed or reserved (`S_t`), Wh.
    pub sold_wh: Vec<f64>,
    /// A sale that may leave anywhere in its range; none under `block_shape = "profile"`.
    pub pooled: Option<PooledSale>,
    /// Storages.
    pub stores: Vec<Store>,
    /// Jobs that can wait.
    pub jobs: Vec<Job>,
    /// Most the connection imports in one interval, Wh (`P_imp`).
    pub import_limit_wh: f64,
    /// Most the connection exports in one interval, Wh (`P_exp`).
    pub export_limit_wh: f64,
    /// Import not to be exceeded per interval, Wh; empty = only the connection's limit. A seller's
    /// exact cost is asked for with the base plan's import inside the block (protocol 3.4).
    pub import_cap_wh: Vec<f64>,
    /// What stored energy is worth at the end.
    pub terminal: Terminal,
    /// Seed of the tilt that breaks ties between equal prices.
    pub tilt_seed: u64,
    /// Whether ties are broken by a tilt at all: a community wants it, a lone optimum does not.
    pub is_tilted: bool,
    /// Lines that several storages share.
    pub stations: Vec<Station>,
}

impl Problem {
    /// A question of `n` intervals without load, generation, devices or contracts, to be filled.
    #[must_use]
    pub fn empty(start: Interval, interval_s: u32, n: usize) -> Self {
        let zeros = vec![0.0; n];
        Self {
            start,
            interval_s,
            load_wh: zeros.clone(),
            solar_wh: zeros.clone(),
            wind_wh: zeros.clone(),
            retail: zeros.clone(),
            feed_in: zeros.clone(),
            bought_wh: zeros.clone(),
            sold_wh: zeros,
            pooled: None,
            stores: Vec::new(),
            jobs: Vec::new(),
            import_limit_wh: f64::INFINITY,
            export_limit_wh: f64::INFINITY,
            import_cap_wh: Vec::new(),
            terminal: Terminal::Replacement,
            tilt_seed: 0,
            is_tilted: true,
            stations: Vec::new(),
        }
    }

    /// Number of intervals in the horizon.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.load_wh.len()
    }

    /// Fixed load less generation in interval `t`, Wh; negative is surplus.
    #[must_use]
    pub fn net_wh(&self, t: usize) -> f64 {
        self.load_wh[t] - self.solar_wh[t] - self.wind_wh[t]
    }
}
