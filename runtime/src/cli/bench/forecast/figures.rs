//! The rows of `gridpact bench forecast`.

use gridpact_agents::local::forecast::MethodName;

use super::super::row::Row;
use super::score::{BOUGHT, Score, TAUS};

/// Furthest that the expected energy may be from the actual (protocol 3.1).
const BIAS_MAX: f64 = 0.03;

/// Share that P10 to P90 shall cover, and how far from it the share may be.
const COVERED: (f64, f64) = (0.8, 0.05);

/// How one method did on all series.
pub(super) struct Judged {
    /// The method; none where every series chose its own.
    pub name: Option<MethodName>,
    /// Its sums.
    pub score: Score,
    /// What each series used in the end.
    pub chosen: Vec<MethodName>,
}

/// The figures of all methods, each beside the best naive one of the same run.
pub(super) fn rows(all: &[Judged]) -> Vec<Row> {
    let naive: Vec<&Score> =
        all.iter().filter(|r| r.name.is_some_and(is_naive)).map(|r| &r.score).collect();
    all.iter().flat_map(|result| of_method(result, &naive)).collect()
}

fn is_naive(name: MethodName) -> bool {
    use MethodName::{Persistence, SeasonalDay, SeasonalWeek};
    matches!(name, Persistence | SeasonalDay | SeasonalWeek)
}

fn of_method(result: &Judged, naive: &[&Score]) -> Vec<Row> {
    let word = result.name.map_or("auto", MethodName::word);
    let name = |figure: &str| format!("forecast.{word}.{figure}");
    let score = &result.score;
    let best = |of: &dyn Fn(&Score) -> f64| naive.iter().map(|s| of(s)).fold(f64::MAX, f64::min);
    let mut rows = Vec::new();
    for (h, figure) in ["mae_2h", "mae_24h"].into_iter().enumerate() {
        let mae = |score: &Score| score.mae_wh(h);
        let row = Row::plain(name(figure), score.n[h], mae(score), "Wh/half-hour");
        rows.push(row.beside("best naive", best(&mae)));
    }
    for (i, tau) in TAUS.into_iter().enumerate() {
        let loss = |score: &Score| score.pinball_wh[i] / score.n[1].max(1) as f64;
        let figure = name(&format!("pinball_p{:.0}", 100.0 * tau));
        let row = Row::plain(figure, score.n[1], loss(score), "Wh/half-hour");
        rows.push(row.beside("best naive", best(&loss)));
    }
    for (h, figure) in ["bias_2h", "bias_24h"].into_iter().enumerate() {
        let bias = score.bias(h);
        let row = Row::plain(name(figure), score.n[h], bias, "of energy");
        let row = row.beside("either way from 0", BIAS_MAX);
        rows.push(Row { ratio: Some(bias.abs() / BIAS_MAX), ..row });
    }
    for (figure, share) in [("covered", score.covered), ("covered_blocks", score.covered_blocks)] {
        let row = Row::plain(name(figure), share.n, share.of(), "of P10-P90");
        let (middle, most) = COVERED;
        let row = row.beside("0.75 to 0.85", middle);
        rows.push(Row { ratio: Some((share.of() - middle).abs() / most), ..row });
    }
    rows.extend(bought(score, &name));
    if result.name.is_none() {
        rows.extend(choices(result));
    }
    rows
}

/// What the newsvendor quantile costs beside the median: all of it, and what foresight would save.
fn bought(score: &Score, name: &dyn Fn(&str) -> String) -> [Row; 3] {
    let per_day = 48.0 / BOUGHT as f64 / score.bought.max(1) as f64;
    let [newsvendor, median, known] = score.cost.map(|cost| cost * per_day);
    let row = |figure, value| Row::plain(name(figure), score.bought, value, "GBP/home/day");
    [
        row("bought_cost", newsvendor).beside("buying the median", median),
        row("bought_regret", newsvendor - known).beside("buying the median", median - known),
        Row::plain(
            name("newsvendor_saving"),
            score.bought,
            1.0 - newsvendor / median.max(f64::MIN_POSITIVE),
            "of the cost of buying the median",
        ),
    ]
}

fn choices(result: &Judged) -> Vec<Row> {
    let count = |name: &MethodName| result.chosen.iter().filter(|n| *n == name).count();
    let series = result.chosen.len() as u64;
    MethodName::available()
        .iter()
        .map(|name| {
            let figure = format!("forecast.auto.chooses_{}", name.word());
            Row::plain(figure, series, count(name) as f64, "series")
        })
        .collect()
}
