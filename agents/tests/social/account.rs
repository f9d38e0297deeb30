//! Whole streets: what their SCAs tell of a round is what happened in it, and nothing that was asked
//! stays unexplained.

use gridpact_agents::params::{Award, Growth, Params, TacticName};
use gridpact_agents::social::{Filling, SalesOutcome};
use proptest::prelude::*;

use crate::laws::{CALM, STORM, assert_laws};
use crate::street::{Street, party};

/// Reasons and contracts in a seller's round.
fn answers(sales: &SalesOutcome) -> u32 {
    let finals = u32::try_from(sales.finals.len()).expect("few");
    finals + sales.refused.total() + sales.lost.total()
}

fn assert_told(street: &Street) {
    for (i, house) in street.houses.iter().enumerate() {
        let account = house.agent.as_ref().expect("alive").account();
        let mine = street.outcomes.iter().filter(|(buyer, _)| *buyer == party(i));
        assert!(mine.map(|(_, outcome)| outcome).eq(&account.bought), "as buyer the same");
        let mine = street.sales.iter().filter(|(seller, _)| *seller == party(i));
        assert!(mine.map(|(_, sales)| sales).eq(&account.sold), "as seller the same");
        let told: Vec<_> = account.sold.iter().flat_map(|sales| &sales.finals).collect();
        let sold = street.confirmed.values().filter(|body| body.seller == party(i));
        assert_eq!(told.len(), sold.clone().count(), "every sale is told");
        for body in sold {
            let of = |told: &&&gridpact_agents::social::Sold| told.contract_id == body.contract_id;
            let told = told.iter().find(of).expect("this one");
            assert_eq!((told.energy, told.unit_price), (body.energy, body.unit_price));
        }
        let lapsed: Vec<_> = account.lapsed.clone();
        assert!(lapsed.iter().all(|id| !street.published.contains_key(id)), "published, so not");
    }
    for (seller, sales) in &street.sales {
        assert!(answers(sales) >= sales.asked, "{seller} owes a reason: {sales:?}");
        assert!(sales.offered <= sales.asked && sales.offered_wh <= sales.asked_wh);
    }
    for (buyer, outcome) in &street.outcomes {
        let is_explained = !outcome.reasons.0.is_empty() || outcome.offers > 0;
        let none = outcome.filling == Filling::Unfilled;
        assert!(!none || is_explained, "{buyer} got nothing and no reason: {outcome:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_was_asked_stays_unexplained(
        seed in any::<u64>(), stormy in any::<bool>(), claims in any::<bool>(),
        late in any::<bool>(),
    ) {
        let mut params = Params::default();
        if claims {
            params.negotiate.award = Award::Cheapest;
            params.coalition.growth = Growth::All;
        }
        if late {
            params.negotiate.tactic = TacticName::Boulware;
            params.negotiate.max_rounds = 3;
        }
        let mut street = Street::new(24, params, if stormy { STORM } else { CALM }, seed);
        street.run();
        assert_laws(&street);
        assert_told(&street);
    }
}

#[test]
fn in_calm_every_question_has_exactly_one_answer() {
    for seed in 0..6 {
        let mut street = Street::new(30, Params::default(), CALM, seed);
        street.run();
        assert_told(&street);
        assert!(street.sales.iter().any(|(_, sales)| sales.lost.total() > 0));
        for (seller, sales) in &street.sales {
            assert_eq!(answers(sales), sales.asked, "{seller}: {sales:?}");
        }
    }
}

/// Letters of claims that overtake each other. In the first three storms a hold that was given up
/// before the delayed request for its contract came stayed reserved for ever; in the last two an offer
/// for what was wanted before was called a mismatch.
#[test]
fn overtaken_letters_of_claims_leave_nothing_reserved_and_no_mismatch() {
    for seed in [
        12_073_817_472_152_351_058,
        15_754_079_528_376_943_155,
        16_987_229_172_730_675_735,
        1_858_046_203_120_417_216,
        8_519_141_521_860_148_492,
    ] {
        let mut params = Params::default();
        params.negotiate.award = Award::Cheapest;
        params.coalition.growth = Growth::All;
        for late in [false, true] {
            if late {
                params.negotiate.tactic = TacticName::Boulware;
                params.negotiate.max_rounds = 3;
            }
            let mut street = Street::new(24, params.clone(), STORM, seed);
            street.run();
            assert_laws(&street);
        }
    }
}
