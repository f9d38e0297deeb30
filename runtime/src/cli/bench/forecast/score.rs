//! How well one forecaster served one series: learnt on its first weeks, asked and scored on the
//! later ones.

use gridpact_agents::local::forecast::{Forecaster, SeriesId};
use gridpact_chain::terms::Interval;

/// Half-hours of the two horizons that are scored.
pub const HORIZONS: [usize; 2] = [4, 48];

/// Quantiles that are scored: P10, P50, P90.
pub const TAUS: [f64; 3] = [0.1, 0.5, 0.9];

/// Blocks whose sums are scored: length in half-hours, and half-hours from the newest reading to
/// their start.
const BLOCKS: [(usize, u32); 4] = [(4, 1), (8, 1), (8, 17), (4, 33)];

/// Half-hours of a bought block: the longest there is by default, four hours.
pub const BOUGHT: usize = 8;

/// The series that is asked for.
pub const LOAD: SeriesId = SeriesId::Device(0);

/// One measured or generated series.
#[derive(Debug, Clone)]
pub struct Series {
    /// Interval of the first value.
    pub first: Interval,
    /// Energies, Wh.
    pub wh: Vec<f64>,
}

/// What is bought ahead, per kWh.
#[derive(Debug, Clone, Copy)]
pub struct Prices {
    /// Grid price of what was not bought.
    pub retail: f64,
    /// Paid for what was bought and not used.
    pub feed_in: f64,
    /// Price of a deal.
    pub deal: f64,
}

impl Prices {
    /// The newsvendor's critical ratio (protocol 3.1).
    pub fn newsvendor(&self) -> f64 {
        ((self.retail - self.deal) / (self.retail - self.feed_in)).clamp(0.0, 1.0)
    }

    /// Cost of `used_wh` when `bought_wh` was bought ahead.
    fn cost(&self, bought_wh: f64, used_wh: f64) -> f64 {
        let missing = (used_wh - bought_wh).max(0.0);
        let left = (bought_wh - used_wh).max(0.0);
        (self.deal * bought_wh + self.retail * missing - self.feed_in * left) / 1e3
    }
}

/// A share of hits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Share {
    /// Hits.
    pub hits: u64,
    /// Trials.
    pub n: u64,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.n += 1;
    }

    /// Hits over trials.
    pub fn of(self) -> f64 {
        self.hits as f64 / self.n.max(1) as f64
    }
}

/// Sums over everything that was scored; they add up over series.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    /// Half-hours scored per horizon.
    pub n: [u64; 2],
    /// Absolute error of the P50 per horizon, Wh.
    pub error_wh: [f64; 2],
    /// Expected energy per horizon, Wh.
    pub expected_wh: [f64; 2],
    /// Actual energy per horizon, Wh.
    pub actual_wh: [f64; 2],
    /// Pinball loss at each of [`TAUS`] over the longer horizon, Wh.
    pub pinball_wh: [f64; 3],
    /// Half-hours between P10 and P90.
    pub covered: Share,
    /// Sums over blocks between their own P10 and P90.
    pub covered_blocks: Share,
    /// Blocks bought ahead.
    pub bought: u64,
    /// Cost of those blocks by the newsvendor quantile, by the median, and with the future known.
    pub cost: [f64; 3],
}

impl Score {
    /// Adds the sums of another series.
    pub fn add(&mut self, other: &Self) {
        for h in 0..2 {
            self.n[h] += other.n[h];
            self.error_wh[h] += other.error_wh[h];
            self.expected_wh[h] += other.expected_wh[h];
            self.actual_wh[h] += other.actual_wh[h];
        }
        for i in 0..3 {
            self.pinball_wh[i] += other.pinball_wh[i];
            self.cost[i] += other.cost[i];
        }
        for (own, other) in
            [(&mut self.covered, &other.covered), (&mut self.covered_blocks, &other.covered_blocks)]
        {
            own.hits += other.hits;
            own.n += other.n;
        }
        self.bought += other.bought;
    }

    /// Mean absolute error of the P50 over a horizon, Wh per half-hour.
    pub fn mae_wh(&self, horizon: usize) -> f64 {
        self.error_wh[horizon] / self.n[horizon].max(1) as f64
    }

    /// Expected over actual energy, less one.
    pub fn bias(&self, horizon: usize) -> f64 {
        self.expected_wh[horizon] / self.actual_wh[horizon].max(1.0) - 1.0
    }

    /// Asks for what follows `now`; `actual` is what came.
    fn ask(&mut self, forecaster: &dyn Forecaster, now: Interval, actual: &[f64], prices: Prices) {
        let expected = forecaster.expect(LOAD, now, HORIZONS[1]);
        for (lead, (expected, wh)) in expected.iter().zip(actual).enumerate() {
            let at = now.plus(lead as u32);
            let quantiles = forecaster.quantiles(LOAD, at, 1, &TAUS);
            let [low, median, high] = quantiles[..] else { return };
            for h in (0..2).filter(|h| lead < HORIZONS[*h]) {
                self.n[h] += 1;
                self.error_wh[h] += (median - wh).abs();
                self.expected_wh[h] += expected;
                self.actual_wh[h] += wh;
            }
            for (sum, (tau, q)) in self.pinball_wh.iter_mut().zip(TAUS.iter().zip(&quantiles)) {
                *sum += if wh > q { tau * (wh - q) } else { (1.0 - tau) * (q - wh) };
            }
            self.covered.count((low..=high).contains(wh));
        }
        for (n, ahead) in BLOCKS {
            let block = &actual[ahead as usize..ahead as usize + n];
            let quantiles = forecaster.quantiles(LOAD, now.plus(ahead), n, &TAUS);
            let sum: f64 = block.iter().sum();
            self.covered_blocks.count((quantiles[0]..=quantiles[2]).contains(&sum));
        }
        // The next interval is past its gate; what follows it can be bought.
        let used: f64 = actual[1..=BOUGHT].iter().sum();
        let taus = [prices.newsvendor(), 0.5];
        let bought = forecaster.quantiles(LOAD, now.plus(1), BOUGHT, &taus);
        for (cost, bought) in self.cost.iter_mut().zip(bought.iter().chain([&used])) {
            *cost += prices.cost(*bought, used);
        }
        self.bought += 1;
    }
}

/// Lets `forecaster` learn the first `learn` values of `series`, and from then on asks it every
/// `every` values and tells it each.
pub fn score(
    forecaster: &mut dyn Forecaster,
    series: &Series,
    learn: usize,
    every: usize,
    prices: Prices,
) -> Score {
    let learn = learn.min(series.wh.len());
    forecaster.preload(LOAD, series.first, &series.wh[..learn]);
    let mut score = Score::default();
    for (number, actual) in series.wh[learn..].windows(HORIZONS[1]).enumerate() {
        let now = series.first.plus((learn + number) as u32);
        if number % every == 0 {
            score.ask(forecaster, now, actual, prices);
        }
        forecaster.observe(LOAD, now, actual[0]);
    }
    score
}
