use gridpact_agents::social::{SalesOutcome, Tally};
use gridpact_chain::terms::Energy;

use super::*;
use crate::report::sample::a_run;

fn reasoned(device: u16, consume_wh: u64, why: Why) -> Reasoned {
    Reasoned { device, consume_wh, produce_wh: 0, why, bound: None }
}

/// A run whose first prosumer owns a battery and a car and said why.
fn run_with(reasons: &[&[Reasoned]]) -> Run {
    let mut run = a_run(4, 1, 7);
    let first = run.calendar.first_interval;
    run.sites[0].devices = vec!["battery", "vehicle"];
    run.sites[0].reasons =
        (first..).zip(reasons).map(|(at, reasons)| (at, reasons.to_vec())).collect();
    run
}

fn explained(run: Run) -> (Report, Explanation) {
    let name = run.sites[0].name.clone();
    let report = Report::new(run).expect("the sample is consistent");
    let explanation = Explanation::of(&report, &name).expect("the first prosumer");
    (report, explanation)
}

const CHEAP: Why = Why::Dear { now: Price(520_000) };

#[test]
fn what_goes_on_for_one_reason_is_one_move() {
    let (_, said) = explained(run_with(&[
        &[reasoned(0, 100, Why::Contract { sold_wh: 5 }), reasoned(1, 0, Why::Away)],
        &[reasoned(0, 150, Why::Contract { sold_wh: 9 }), reasoned(1, 0, Why::Away)],
        &[reasoned(0, 50, CHEAP), reasoned(1, 0, Why::Away)],
    ]));
    let told: Vec<(usize, u32, u64)> =
        said.moves.iter().map(|m| (m.device, m.end - m.start, m.consume_wh)).collect();
    assert_eq!(told, [(0, 2, 250), (1, 3, 0), (0, 1, 50)]);
}

#[test]
fn an_interval_without_a_plan_ends_a_move() {
    let still = reasoned(0, 10, CHEAP);
    let (_, said) = explained(run_with(&[&[still], &[], &[still]]));
    assert_eq!(said.moves.len(), 2);
}

#[test]
fn every_reason_has_words_and_every_line_fits() {
    let (at, price) = (Interval(0), Price(123_456));
    let reasons = [
        Why::Away,
        Why::Contract { sold_wh: 1 },
        Why::Surplus { feed_in: price },
        Why::Need { at, due_wh: 9_000 },
        Why::Later { at, then: price, now: price },
        Why::Stock { worth: price, now: price },
        Why::Dear { now: price },
        Why::FedIn { now: price },
        Why::Full,
        Why::Floor { floor_wh: 1_000 },
        Why::Kept { at, due_wh: 9_000 },
        Why::NoGain,
        Why::Runs { now: price, until: at },
        Why::Waits { at, then: price },
        Why::Free,
        Why::Negative { feed_in: Price(-10_000) },
        Why::NoRoom { limit_wh: 2_500 },
    ];
    let lists: Vec<Vec<Reasoned>> =
        reasons.iter().map(|why| vec![reasoned(0, 1_234, *why)]).collect();
    let lists: Vec<&[Reasoned]> = lists.iter().map(Vec::as_slice).collect();
    let (report, said) = explained(run_with(&lists));
    assert_eq!(said.moves.len(), reasons.len());
    let text = said.text(&report);
    for word in ["away", "contract", "surplus", "leaves", "floor", "curtailed", "waits", "full"] {
        assert!(text.contains(word), "{word} is missing from\n{text}");
    }
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(longest <= 130, "{longest} columns:\n{text}");
}

#[test]
fn a_buyer_earns_against_the_grid_and_a_seller_above_its_cost() {
    let (report, _) = explained(a_run(4, 1, 7));
    let mut sides = [0_i64; 2];
    for site in &report.run().sites {
        let said = Explanation::of(&report, &site.name).expect("a prosumer");
        for deal in &said.deals {
            let contract = report.run().contracts.iter().find(|c| c.height == deal.height);
            let fee = contract.expect("on the chain").fee_microcurrency_per_kwh;
            let margin = match deal.bought {
                true => {
                    deal.otherwise_microcurrency_per_kwh - deal.price_microcurrency_per_kwh - fee
                }
                false => deal.price_microcurrency_per_kwh - deal.otherwise_microcurrency_per_kwh,
            };
            sides[usize::from(deal.bought)] += 1;
            if deal.delivered_wh == deal.contracted_wh {
                let exact = margin * i64::try_from(deal.delivered_wh).expect("small") / 1000;
                assert!((deal.earned_microcurrency - exact).abs() <= 2, "{deal:?}");
            }
        }
    }
    assert_eq!(sides, [report.run().contracts.len() as i64; 2], "each contract has two sides");
}

#[test]
fn the_chart_shows_a_day_and_its_bars_carry_their_energy() {
    let (report, said) = explained(a_run(4, 2, 7));
    let text = said.text(&report);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains('|')).collect();
    assert_eq!(lines.len(), 24);
    assert!(lines.iter().any(|line| line.contains('l')));
}

#[test]
fn nobody_by_that_name_is_an_error_that_names_somebody() {
    let report = Report::new(a_run(4, 1, 7)).expect("the sample is consistent");
    let error = Explanation::of(&report, "home-99").expect_err("nobody").to_string();
    assert!(error.contains("home-99") && error.contains(&report.run().sites[0].name), "{error}");
    assert!(Explanation::of(&report, "3").is_ok(), "a number will do");
    assert!(Explanation::of(&report, "4").is_err());
}

#[test]
fn what_was_not_bought_is_told_with_the_reasons() {
    let mut run = a_run(4, 1, 7);
    let end = |buyer, residual_wh| TaskEnd {
        epoch: run.calendar.first_interval,
        buyer,
        start: run.calendar.first_interval + 4,
        need_wh: vec![300, 500],
        residual_wh,
        members: 6,
        available: 2,
        offers: 2,
        reasons: [(Reason::NoEnergy, 4), (Reason::NoGain, 2)].into(),
        ..TaskEnd::default()
    };
    run.ends = vec![end(0, 700), end(0, 0), end(1, 700)];
    let (report, said) = explained(run);
    assert_eq!(said.unfilled.len(), 1, "its own, and only what is left of it");
    let text = said.text(&report);
    for words in ["0.70 kWh of 0.80 kWh left", "6 asked, 2 could sell", "4 x nothing left to sell"]
    {
        assert!(text.contains(words), "{words} is missing from\n{text}");
    }
}

#[test]
fn a_generator_that_gives_all_it_can_is_not_called_idle() {
    let (report, said) = explained(run_with(&[&[reasoned(0, 0, Why::Free)]]));
    let text = words::moves(&report, &said.moves);
    assert!(text.contains("gives all it can") && !text.contains("idle"), "{text}");
}

#[test]
fn what_was_not_sold_is_told_with_the_reasons_of_both_sides() {
    let mut run = a_run(4, 1, 7);
    let tally = |reason, times| {
        let mut tally = Tally::default();
        tally.note_times(reason, times);
        tally
    };
    let none = |epoch| SalesOutcome {
        epoch: Interval(epoch),
        asked: 3,
        refused: tally(Reason::NoEnergy, 3),
        ..SalesOutcome::default()
    };
    let first = run.calendar.first_interval;
    let offers = SalesOutcome {
        epoch: Interval(first + 4),
        asked: 9,
        asked_wh: Energy(8_000),
        offered: 4,
        offered_wh: Energy(2_500),
        lowest_ask: Some(Price(115_000)),
        highest_bid: Some(Price(100_000)),
        refused: tally(Reason::BelowCost, 5),
        lost: tally(Reason::NotNeeded, 4),
        ..SalesOutcome::default()
    };
    run.sales = vec![(0, none(first)), (1, offers.clone()), (0, none(first + 2)), (0, offers)];
    let (report, said) = explained(run);
    assert_eq!(said.sales.len(), 3, "its own alone");
    let text = said.text(&report);
    for words in [
        "asked 9 times for 8.00 kWh; offered 2.50 kWh to 4 from 0.115 on, sold 0.00 kWh to 0; \
         lost: 4 x bought elsewhere (highest bid 0.100); refused: 5 x below the seller's cost",
        "It was asked 6 times in 2 rounds and offered nothing: 6 x nothing left to sell",
    ] {
        assert!(text.contains(words), "{words} is missing from\n{text}");
    }
}
