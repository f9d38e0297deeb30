//! The closed form against the exact re-plan (protocol 3.4): how often the screen and the exact
//! answer disagree, over random sites and requests.

use super::sites::{Draw, site};
use super::*;
use crate::local::reservation;
use crate::local::stock::Stock;
use crate::local::valuation::Valuation;
use crate::params::BlockShape;

const SITES: u64 = 600;
const REQUESTS: u32 = 6;

/// What a probe asks for where the screen offers nothing, Wh: the least that is traded.
const PROBE_WH: u64 = 50;

/// A cost is off when it differs by more than this, micro-currency per kWh: half a cent.
const OFF: i64 = 5_000;

/// What was counted.
#[derive(Debug, Default)]
struct Count {
    /// Quotes of something, and how many of them the exact answer refuses for want of energy.
    quoted: usize,
    refused: usize,
    /// By how much the exact cost lies above or below the quoted one, where it is off.
    above: Vec<i64>,
    below: Vec<i64>,
    /// Of those below: the quote is not below the retail price, but the exact cost is.
    lost: usize,
    /// The screen offers nothing; of these, the exact answer sells below the retail price.
    silent: usize,
    missed: usize,
}

/// Median, 95th of a hundred, largest.
fn spread(off: &mut [i64]) -> [i64; 3] {
    off.sort_unstable();
    let last = off.len().saturating_sub(1);
    [last / 2, last * 95 / 100, last].map(|i| off.get(i).copied().unwrap_or(0))
}

/// A tariff read from a problem's own series.
struct Series<'a>(&'a Problem);

impl tariff::Tariff for Series<'_> {
    fn retail(&self, at: Interval) -> Price {
        Price(self.0.retail[(at.0 - self.0.start.0) as usize % 48] as i64)
    }
    fn feed_in(&self, at: Interval) -> Price {
        Price(self.0.feed_in[(at.0 - self.0.start.0) as usize % 48] as i64)
    }
}

/// The exact answer to a sale of `profile`: its unit cost, or why not.
fn exact(problem: &Problem, plan: &Plan, profile: &Profile) -> Result<Price, CancelReason> {
    let with = reservation::with_sale(problem, plan, profile, BlockShape::Profile);
    let sold = schedule::solve(&with).expect("solves");
    let request = ReserveRequest {
        contract_id: ContractId(gridpact_chain::digest::Digest([0; 32])),
        profile: profile.clone(),
        unit_price: Price(i64::MAX),
    };
    reservation::judge(&request, plan, &sold, true)
}

/// Asks for one thing and counts what the screen and the exact answer say.
fn ask(valuation: &Valuation<'_>, wanted: Profile, count: &mut Count) {
    let (problem, plan) = (valuation.problem, valuation.plan);
    let quote = valuation.quote(&QuoteRequest { ticket: 0, wanted: wanted.clone(), beside: None });
    assert!(quote.available.energy() <= quote.capacity, "whole Wh are rounded down");
    assert!(wanted.iter().all(|(at, wh)| quote.available.at(at) <= wh), "no more than wanted");
    if quote.available.energy() >= Energy(PROBE_WH) {
        count.quoted += 1;
        let Ok(cost) = exact(problem, plan, &quote.available) else {
            count.refused += 1;
            return;
        };
        let off = cost.0 - quote.unit_cost.0;
        if off > OFF {
            count.above.push(off);
        } else if off < -OFF {
            count.below.push(-off);
            let is_lost = quote.unit_cost >= quote.ceiling && cost.0 + OFF < quote.ceiling.0;
            count.lost += usize::from(is_lost);
        }
    } else if !wanted.iter().all(|(at, _)| (valuation.barred)(at)) {
        count.silent += 1;
        let open = |at| if (valuation.barred)(at) { 0 } else { PROBE_WH };
        let wh = wanted.iter().map(|(at, _)| open(at)).collect();
        let probe = Profile { start: wanted.start, wh };
        let cost = exact(problem, plan, &probe);
        count.missed += usize::from(cost.is_ok_and(|cost| cost.0 + OFF < quote.ceiling.0));
    }
}

/// Measured: of 2 345 quotes none refused for want of energy; the exact cost more than half a cent
/// above the quoted one in 14 (0.6 %; 2.3 c in the middle, 14 c at most, all where a narrow line makes
/// stored energy worth more than at the horizon's end), and below it in 1 077 (46 %; 5.2 c in the
/// middle), since the closed form prices stored energy at what it counts at the end, the exact answer
/// at what refills it. In 119 (5 %) that hides a deal that could be had. Of 1 229 requests for which
/// the screen has nothing, the exact answer could serve 123 (10 %) by charging more before.
///
/// Before what is kept for a sale was cut where the storage fills up, and counted once where it is
/// also sold directly, 4 of 2 348 were refused and 59 (2.5 %) cost up to 50 c more than quoted. With
/// the plan's marginal value as unit cost 784 (33 %) would cost more than quoted (4 c in the middle)
/// and 36 less: it holds for the first Wh only, and a price below cost is refused when it is reserved.
#[test]
fn the_screen_and_the_exact_answer_seldom_disagree() {
    let mut count = Count::default();
    for seed in 0..SITES {
        let (problem, mut draw) = (site(seed), Draw::new(seed ^ 0xabcd));
        let plan = schedule::solve(&problem).expect("solves");
        let valuation = Valuation {
            problem: &problem,
            plan: &plan,
            stock: &Stock::of(&problem, &plan),
            tariff: &Series(&problem),
            shape: BlockShape::Profile,
            barred: &|at| problem.bought_wh[(at.0 - problem.start.0) as usize] > 0.0,
        };
        for _ in 0..REQUESTS {
            let (from, n) = (1 + draw.below(40), 1 + draw.below(8));
            let most = draw.between(100.0, 2_000.0);
            let wh = (0..n).map(|_| draw.between(50.0, most) as u64).collect();
            ask(&valuation, Profile { start: problem.start.plus(from), wh }, &mut count);
        }
    }
    let Count { quoted, refused, lost, silent, missed, .. } = count;
    let (above, below) = (count.above.len(), count.below.len());
    println!(
        "{quoted} quoted: {refused} refused, {above} dearer by {:?}, {below} cheaper by {:?}, {lost} lost; \
         {silent} silent, {missed} missed",
        spread(&mut count.above),
        spread(&mut count.below),
    );
    assert!(quoted > 2_000 && silent > 1_000, "enough of each to tell");
    assert!(refused * 1_000 <= quoted, "refused");
    assert!(above * 100 <= quoted, "dearer than quoted");
    assert!(below * 100 <= quoted * 50 && lost * 100 <= quoted * 6, "cheaper than quoted");
    assert!(missed * 100 <= silent * 12, "missed");
}
