//! From the plan's intended purchase to the blocks that are tendered (protocol 3.3 and 4).
//!
//! The one door from float to integer energy: within a block each watt-hour boundary is the rounded
//! running sum, so that the block's energy is its float sum to the nearest Wh and no interval is
//! off by more than one; but no interval ever gets more than the line has room for.

use std::collections::BTreeSet;

use gridpact_chain::terms::{Energy, Epoch, Interval, Price, Profile};

use super::door::{Block, Deficit};
use super::forecast::Calendar;
use super::schedule::Plan;
use super::tariff::Tariff;
use crate::params::{BuyQuantile, PPM, Params, Tender};

/// Purchases below this many Wh per interval are solver noise.
const NONE_WH: f64 = 0.5;

/// What a deal is expected to cost before any was seen: this part of the way from the feed-in to
/// the reservation price. Measured prices of the `reference` scenario lie about there.
const FIRST_DEAL: f64 = 0.25;

/// What the blocks are cut from.
pub(super) struct Needs<'a> {
    pub params: &'a Params,
    pub calendar: &'a dyn Calendar,
    pub tariff: &'a dyn Tariff,
    /// The fee of the newsvendor's quantile; prices are agreed net of each session's own.
    pub p2p_fee: Price,
    /// One past the last interval that is ever tendered.
    pub trade_until: Option<Interval>,
    pub plan: &'a Plan,
    /// Energy that may still be imported per interval of the plan, Wh.
    pub import_left_wh: &'a [f64],
    /// Intervals in which this site sells; it never buys in them as well.
    pub sold: &'a BTreeSet<Interval>,
    /// Price per kWh that recent deals had.
    pub deal_price: Option<f64>,
    /// By how much the quantile of the site's net load over `n` intervals exceeds its expectation.
    pub spread: &'a dyn Fn(Interval, usize, f64) -> f64,
    /// Whether a storage can carry energy from one interval of a block to another.
    pub has_storage: bool,
}

/// Remembers what has been tendered.
#[derive(Debug, Clone, Default)]
pub(super) struct Tenders {
    /// Local day and number of the window tendered last.
    opened: Option<(u32, u32)>,
    /// Local day tendered last, under [`Tender::DayAhead`].
    day: Option<u32>,
    /// Intervals ahead that have been tendered.
    asked: BTreeSet<Interval>,
}

impl Tenders {
    /// The deficits of `epoch`; `first` is the first interval that gate closure leaves open.
    pub fn tender(&mut self, epoch: Epoch, first: Interval, needs: &Needs<'_>) -> Vec<Deficit> {
        self.asked.retain(|at| *at > epoch);
        let Some((until, is_first)) = self.range(epoch, first, needs) else { return Vec::new() };
        let lca = &needs.params.lca;
        let block_max = (lca.max_block_min / needs.params.epoch.interval_min.max(1)).max(1);
        let least = if is_first { 0 } else { needs.params.epoch.retender_wh };
        let mut deficits = Vec::new();
        for (start, end) in runs(first, until, block_max, needs) {
            let profile = self::wanted(start, end, needs);
            let energy = profile.energy();
            if energy < needs.params.coalition.min_trade_wh || energy.0 <= least {
                continue;
            }
            let retender = (start.0..end.0).any(|t| self.asked.contains(&Interval(t)));
            self.asked.extend((start.0..end.0).map(Interval));
            let retail = weighted(&profile, |at| needs.tariff.retail(at));
            deficits.push(Deficit {
                block: Block { start, end, energy_wh: energy, profile },
                retail,
                retender,
            });
        }
        deficits
    }

    /// One past the last interval to be tendered, and whether it is the range's first tender.
    fn range(
        &mut self,
        epoch: Epoch,
        first: Interval,
        needs: &Needs<'_>,
    ) -> Option<(Interval, bool)> {
        let horizon_end = needs.plan.start.plus(needs.plan.import_wh.len() as u32);
        let end = needs.trade_until.map_or(horizon_end, |until| until.min(horizon_end));
        let day = |at| needs.calendar.day(at);
        let until = |inside: &dyn Fn(Interval) -> bool| {
            (first.0..end.0).map(Interval).find(|at| !inside(*at)).unwrap_or(end)
        };
        match needs.params.epoch.tender {
            Tender::Rolling => {
                let epochs = &needs.params.epoch;
                let slots = (epochs.trade_window_min / epochs.interval_min.max(1)).max(1);
                let window = |at| (day(at), needs.calendar.slot_of_day(at) / slots);
                let here = window(first);
                let is_first = self.opened != Some(here);
                self.opened = Some(here);
                Some((until(&|at| window(at) == here), is_first))
            }
            Tender::LastChance => Some((until(&|at| at == first), true)),
            Tender::DayAhead => {
                let today = day(epoch);
                if self.day == Some(today) {
                    return None;
                }
                self.day = Some(today);
                Some((until(&|at| day(at) == today), true))
            }
        }
    }
}

/// Maximal runs with a deficit, cut at `block_max` intervals and where the retail price changes.
fn runs(
    first: Interval,
    until: Interval,
    block_max: u32,
    needs: &Needs<'_>,
) -> Vec<(Interval, Interval)> {
    let mut runs: Vec<(Interval, Interval)> = Vec::new();
    for at in (first.0..until.0).map(Interval) {
        if needs.sold.contains(&at) || deficit(at, needs) <= NONE_WH {
            continue;
        }
        match runs.last_mut() {
            Some((start, end))
                if *end == at
                    && at.0 - start.0 < block_max
                    && needs.tariff.retail(*start) == needs.tariff.retail(at) =>
            {
                *end = at.plus(1);
            }
            _ => runs.push((at, at.plus(1))),
        }
    }
    runs
}

/// Planned purchase in `at`; without a storage, the quantile of what will be missing. Where the plan
/// buys nothing there is no deficit, however uncertain the interval is: who buys in it may not sell.
fn deficit(at: Interval, needs: &Needs<'_>) -> f64 {
    let Some(t) = needs.plan.index_of(at) else { return 0.0 };
    if needs.plan.import_wh[t] < NONE_WH {
        return 0.0;
    }
    let wanted = if needs.has_storage {
        needs.plan.import_wh[t]
    } else {
        let plan = needs.plan;
        let taken = plan.import_wh[t] - plan.export_wh[t] - plan.curtailed_wh[t];
        taken + capped((needs.spread)(at, 1, quantile(at, at.plus(1), needs)), needs)
    };
    wanted.max(0.0).min(needs.import_left_wh[t])
}

/// What is asked for beyond the plan's purchase; where the plan is the measure, only below it.
fn capped(more: f64, needs: &Needs<'_>) -> f64 {
    match needs.params.lca.buy_quantile {
        BuyQuantile::Plan => more.min(0.0),
        BuyQuantile::Newsvendor | BuyQuantile::FixedPpm(_) => more,
    }
}

/// The profile to ask for. With a storage only the block's sum is uncertain, for it evens out the
/// rest; sums have quantiles of their own.
fn wanted(start: Interval, end: Interval, needs: &Needs<'_>) -> Profile {
    let mut wh: Vec<f64> = (start.0..end.0).map(|t| deficit(Interval(t), needs)).collect();
    if needs.has_storage {
        let planned: f64 = wh.iter().sum();
        let tau = quantile(start, end, needs);
        let more = capped((needs.spread)(start, wh.len(), tau), needs).clamp(-planned, planned);
        for wh in &mut wh {
            *wh *= 1.0 + more / planned;
        }
    }
    let left = |t| needs.plan.index_of(Interval(t)).map_or(0.0, |i| needs.import_left_wh[i]);
    let left: Vec<f64> = (start.0..end.0).map(left).collect();
    Profile { start, wh: whole(&wh, &left) }
}

/// Which quantile to buy: the newsvendor's critical ratio (protocol 3.1), at the lowest fee at
/// which this site can trade; who will sell is not known yet.
fn quantile(start: Interval, end: Interval, needs: &Needs<'_>) -> f64 {
    if let BuyQuantile::FixedPpm(ppm) = needs.params.lca.buy_quantile {
        return f64::from(ppm) / PPM as f64;
    }
    let n = f64::from(end.0 - start.0).max(1.0);
    let mean = |price: &dyn Fn(Interval) -> Price| {
        (start.0..end.0).map(|t| price(Interval(t)).0 as f64).sum::<f64>() / n
    };
    let retail = mean(&|at| needs.tariff.retail(at));
    let feed_in = mean(&|at| needs.tariff.feed_in(at));
    let reservation = retail - needs.p2p_fee.0 as f64;
    let price = needs.deal_price.unwrap_or(feed_in + FIRST_DEAL * (reservation - feed_in));
    if retail <= feed_in {
        0.5
    } else {
        ((reservation - price) / (retail - feed_in)).clamp(0.0, 1.0)
    }
}

/// Floats to whole Wh whose sum is the float sum, rounded; but no interval gets more than the whole
/// Wh of its limit, and what a limit cuts off is left out.
pub(super) fn whole(wh: &[f64], most: &[f64]) -> Vec<u64> {
    let (mut exact, mut given) = (0.0_f64, 0_u64);
    wh.iter()
        .zip(most)
        .map(|(wh, most)| {
            exact += wh.max(0.0);
            let wanted = (exact.round() as u64).saturating_sub(given);
            let here = wanted.min(within(*most));
            given += here;
            if here < wanted {
                exact = given as f64;
            }
            here
        })
        .collect()
}

/// Whole Wh within a limit: never rounded up, the solver's round-off apart.
pub(super) fn within(most: f64) -> u64 {
    (most.max(0.0) + 1e-6).floor() as u64
}

/// Energy-weighted price of a profile, rounded down; the plain mean when it is empty.
pub(super) fn weighted(profile: &Profile, price: impl Fn(Interval) -> Price) -> Price {
    let flat = profile.energy() == Energy::ZERO;
    let (mut sum, mut weights) = (0_i128, 0_i128);
    for (at, wh) in profile.iter() {
        let weight = if flat { 1 } else { i128::from(wh) };
        sum += weight * i128::from(price(at).0);
        weights += weight;
    }
    // A division of 128 bits takes longer than all the rest, and prices hardly ever need it.
    Price(match (i64::try_from(sum), i64::try_from(weights)) {
        (Ok(sum), Ok(weights)) => sum.div_euclid(weights.max(1)),
        _ => i64::try_from(sum.div_euclid(weights.max(1))).unwrap_or(i64::MAX),
    })
}
