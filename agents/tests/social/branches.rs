//! All branches of protocol 6.4 and every reason to cancel are reachable: a market whose rules
//! never bite is a market nobody has tested.

use std::collections::BTreeMap;

use gridpact_agents::params::Params;
use gridpact_agents::social::message::{Answer, Verdict};
use gridpact_agents::social::{Message, Reason};
use gridpact_chain::terms::PartyId;

use crate::street::{Net, Street};

thread_local! {
    static SEEN: std::cell::RefCell<BTreeMap<String, u32>> = const {
        std::cell::RefCell::new(BTreeMap::new())
    };
}

fn note(_street: &Street, _from: PartyId, _to: PartyId, message: &Message) {
    let branch = match message {
        Message::OfferResponse(response) => match response.answer {
            Answer::Accept => "buyer accepts".to_owned(),
            Answer::Counter { .. } => "buyer counters".to_owned(),
            Answer::Reject { reason } => format!("buyer rejects: {reason:?}"),
        },
        Message::CounterResponse(response) => match response.verdict {
            Verdict::Accept => "seller accepts".to_owned(),
            Verdict::Reject { reason } => format!("seller rejects: {reason:?}"),
            Verdict::NewOffer { .. } => "seller offers anew".to_owned(),
        },
        Message::NegotiationReply(reply) => format!("seller declines: {:?}", reply.declined),
        Message::Cancel(cancel) => format!("cancelled: {:?}", cancel.reason),
        _ => return,
    };
    SEEN.with_borrow_mut(|seen| *seen.entry(branch).or_default() += 1);
}

#[test]
fn all_branches_of_the_decision_rules_are_reached() {
    let net = Net { delay_min_ms: 1, delay_max_ms: 400, ..Net::default() };
    for (seed, overbook, omega) in
        (0..6).map(|s| (s, 4_000_000, 500_000)).chain([(9, 2_000_000, 1_000_000)])
    {
        let mut params = Params::default();
        params.negotiate.overbook_ppm = overbook;
        params.negotiate.omega_ppm = omega;
        params.finals.window = 4;
        let mut street = Street::new(60, params, net, seed);
        // Some sellers are dear, and one is dearer than the grid.
        for (i, house) in street.houses.iter_mut().enumerate() {
            match i % 12 {
                0 => house.local.unit_cost = 250_000,
                1 => house.local.unit_cost = 400_000,
                _ => {}
            }
        }
        street.watch = Some(note);
        street.run();
    }
    let seen = SEEN.take();
    for branch in [
        "buyer accepts".to_owned(),
        "buyer counters".to_owned(),
        format!("buyer rejects: {:?}", Reason::NoGain),
        format!("buyer rejects: {:?}", Reason::Enough),
        "seller accepts".to_owned(),
        format!("seller rejects: {:?}", Reason::Saturated),
        format!("seller rejects: {:?}", Reason::BelowCost),
        format!("seller declines: {:?}", Reason::CostAboveCeiling),
        format!("cancelled: {:?}", Reason::NoEnergy),
        format!("cancelled: {:?}", Reason::NotNeeded),
    ] {
        assert!(seen.contains_key(&branch), "never reached: {branch}; seen {seen:?}");
    }
}
