//! Streets under every weather, and the laws that hold in all of them.

use std::collections::BTreeMap;

use gridpact_agents::params::{
    Award, BlockShape, Curve, FinalOrder, Growth, Params, PricingName, TacticName,
};
use gridpact_agents::session::Phase;
use gridpact_agents::social::message::Answer;
use gridpact_agents::social::{Entry, Filling, Message, Reason};
use gridpact_chain::terms::PartyId;

use crate::street::{EPOCH, Fault, Net, Street};

pub const CALM: Net = Net { delay_min_ms: 0, delay_max_ms: 0, drop_ppm: 0, repeat_ppm: 0 };
const FAIR: Net = Net { delay_min_ms: 5, delay_max_ms: 120, drop_ppm: 0, repeat_ppm: 0 };
pub const STORM: Net =
    Net { delay_min_ms: 1, delay_max_ms: 900, drop_ppm: 150_000, repeat_ppm: 200_000 };

/// Watches every letter as it leaves: none may begin something after its deadline.
fn punctual(street: &Street, _from: PartyId, _to: PartyId, message: &Message) {
    let (now, deadlines) = (street.now, &street.deadlines);
    match message {
        Message::CoalitionRequest(_) | Message::NeighbourQuery(_) => assert!(now < deadlines.d1),
        Message::NegotiationRequest(_) | Message::Claim(_) => assert!(now < deadlines.d2),
        Message::Hold(_) => assert!(now < deadlines.d3),
        Message::Offer(offer) => assert!(offer.valid_until <= deadlines.d2),
        Message::OfferResponse(response) if response.answer == Answer::Accept => {
            // A repeated offer may be told its earlier verdict later on.
            assert!(now < deadlines.d3);
        }
        Message::CounterResponse(_) => assert!(now < deadlines.d3),
        Message::TransactionRequest(_) | Message::Confirm(_) => assert!(now < deadlines.d3),
        _ => {}
    }
}

fn run(n: usize, params: Params, net: Net, seed: u64, faults: &[(u64, Fault)]) -> Street {
    let mut street = Street::new(n, params, net, seed);
    street.transcript = Some(0xcbf2_9ce4_8422_2325);
    street.watch = Some(punctual);
    for (ms, fault) in faults {
        street.at(*ms, *fault);
    }
    street.run();
    street
}

/// The laws of the house that no weather may break.
pub fn assert_laws(street: &Street) {
    assert!(street.epoch_ended.is_some_and(|at| at <= street.deadlines.settle), "on time");
    for ((party, phase), times) in &street.quiescent {
        let lives = u32::from(street.houses[party.0 as usize].lives);
        assert!(*times <= lives, "{party} reported {phase:?} {times} times");
    }
    let outcomes: BTreeMap<_, _> =
        street.outcomes.iter().map(|(buyer, outcome)| (outcome.task, (*buyer, outcome))).collect();
    assert_eq!(outcomes.len(), street.outcomes.len(), "each task ends once");
    for (buyer, outcome) in outcomes.values() {
        let sold: u64 = outcome.finals.iter().map(|deal| deal.energy.0).sum();
        assert_eq!(sold + outcome.residual.0, outcome.block.energy_wh.0, "conserved");
        assert_eq!(outcome.reasons.of(Reason::Mismatch), 0, "both sides hold the same");
        for deal in &outcome.finals {
            let fee = street.network.fee(*buyer, deal.seller);
            assert!(deal.unit_price.0 < outcome.retail.0 - fee.0, "below R less its own fee");
        }
        let least = outcome.finals.is_empty();
        assert_eq!(outcome.filling == Filling::Unfilled, least);
    }
    for (id, contract) in &street.published {
        assert_eq!(street.confirmed.get(id), Some(&contract.body), "both hold the same body");
        let seller = &street.houses[contract.body.seller.0 as usize];
        assert!(contract.body.unit_price.0 >= seller.local.unit_cost, "never below cost");
        let still = seller.local.reserved.get(id).map(|profile| profile.energy());
        assert_eq!(still, Some(contract.body.energy), "the seller owes what was published");
        assert!(contract.body.valid_until == street.deadlines.settle);
    }
    for (i, house) in street.houses.iter().enumerate() {
        assert_shares(street, i);
        let owed = house.local.reserved.len();
        let own = |c: &&gridpact_chain::contract::SignedContract| c.body.seller.0 as usize == i;
        let sold = street.published.values().filter(own).count();
        assert_eq!(owed, sold, "nothing stays reserved that nobody bought");
    }
}

/// Interval by interval, what a buyer took for a task stays within what it asked for.
fn assert_shares(street: &Street, i: usize) {
    let house = &street.houses[i];
    let mut need: BTreeMap<u32, u64> = BTreeMap::new();
    for deficit in &house.local.deficits {
        for (at, wh) in deficit.block.profile.iter() {
            *need.entry(at.0).or_default() += wh;
        }
    }
    for entry in &house.journal {
        if let Entry::Bought { share, .. } = entry {
            for (at, wh) in share.iter() {
                let left = need.entry(at.0).or_default();
                assert!(wh <= *left, "bought more than needed in {at}");
                *left -= wh;
            }
        }
    }
}

fn assert_all_ended(street: &Street) {
    let tasks: usize = street.houses.iter().map(|house| house.local.deficits.len()).sum();
    assert_eq!(street.outcomes.len(), tasks, "every task ends by D3");
    for phase in [Phase::Coalition, Phase::Negotiation, Phase::Final] {
        let reports: u32 =
            street.quiescent.iter().filter(|((_, p), _)| *p == phase).map(|(_, n)| n).sum();
        assert_eq!(reports as usize, street.houses.len(), "each reports {phase:?} once");
    }
}

/// Parameter sets that between them turn every switch.
fn variants() -> Vec<Params> {
    let mut claiming = Params::default();
    claiming.coalition.growth = Growth::All;
    claiming.negotiate.award = Award::Cheapest;
    let mut all = vec![Params::default(), claiming];
    let mut literal = Params::default();
    literal.finals.order = FinalOrder::DearestFirst;
    literal.finals.trim_last = false;
    literal.epoch.early_finish = false;
    literal.lca.block_shape = BlockShape::Energy;
    all.push(literal);
    let mut wide = Params::default();
    wide.finals.window = 4;
    wide.negotiate.pricing = PricingName::Bounded;
    wide.negotiate.overbook_ppm = 4_000_000;
    wide.coalition.coverage_target_ppm = Some(1_500_000);
    all.push(wide);
    let mut sums = Params::default();
    sums.lca.block_shape = BlockShape::Energy;
    sums.coalition.depth_max = 6;
    sums.finals.window = 2;
    all.push(sums);
    all.extend(many_rounds());
    all
}

/// Every tactic with several rounds.
fn many_rounds() -> Vec<Params> {
    [
        (TacticName::Resource, 3),
        (TacticName::Boulware, 8),
        (TacticName::Linear, 4),
        (TacticName::Conceder, 2),
        (TacticName::ZeroIntelligence, 5),
    ]
    .map(|(tactic, max_rounds)| {
        let mut params = Params::default();
        params.negotiate.tactic = tactic;
        params.negotiate.max_rounds = max_rounds;
        params.negotiate.kappa_ppm = 300_000;
        if max_rounds > 4 {
            params.negotiate.curve = Curve::Exponential;
        }
        params
    })
    .to_vec()
}

#[test]
fn rounds_are_used_and_never_exceeded() {
    for params in many_rounds() {
        let negotiate = &params.negotiate;
        let (tactic, most) = (negotiate.tactic, negotiate.max_rounds);
        let street = run(40, params.clone(), FAIR, 4, &[]);
        assert_laws(&street);
        let rounds = || street.outcomes.iter().map(|(_, outcome)| outcome.rounds);
        assert!(rounds().all(|rounds| rounds <= most));
        let later = street.outcomes.iter().flat_map(|(_, outcome)| &outcome.finals);
        let later = later.filter(|deal| deal.round > 0).count();
        if tactic == TacticName::Resource {
            // Its prices do not move with time; what it gains is an answer to an offer too dear.
            assert_eq!(later, 0);
        } else {
            assert!(rounds().any(|rounds| rounds > 1) && later > 0, "{tactic:?}: {later}");
        }
        let offers: u64 = street.sent["offer"] + street.sent["counter response"];
        assert!(street.sent["offer response"] <= offers, "one answer to each price in calm");
        let bound = u64::from(2 * most + 1) * street.sent["negotiation request"];
        let said = offers + street.sent["offer response"];
        assert!(said <= bound, "{tactic:?}: {said} letters, bound {bound}");
    }
}

#[test]
fn a_street_of_late_conceders_trades_only_because_it_has_rounds() {
    let published = |rounds| {
        let mut params = Params::default();
        params.negotiate.tactic = TacticName::Linear;
        params.negotiate.max_rounds = rounds;
        // A first price that gives almost nothing: sellers ask the ceiling, buyers bid half.
        params.negotiate.kappa_ppm = 1;
        params.negotiate.floor_b_ppm = 100_000;
        let street = run(40, params, CALM, 6, &[]);
        assert_laws(&street);
        street.published.len()
    };
    let (one, eight) = (published(1), published(8));
    assert!(one == 0 && eight > 10, "{one} with one round, {eight} with eight");
}

#[test]
fn a_calm_street_keeps_the_laws_and_trades() {
    for (k, params) in variants().into_iter().enumerate() {
        for seed in 0..3 {
            let street = run(40, params.clone(), CALM, seed, &[]);
            assert_laws(&street);
            assert_all_ended(&street);
            assert!(street.published.len() > 10, "variant {k}: {}", street.published.len());
        }
    }
}

#[test]
fn delays_change_nothing_that_matters() {
    for params in variants() {
        for seed in 10..13 {
            let street = run(40, params.clone(), FAIR, seed, &[]);
            assert_laws(&street);
            assert_all_ended(&street);
            assert!(street.published.len() > 10);
        }
    }
}

#[test]
fn a_storm_breaks_no_law_and_deals_still_happen() {
    let mut deals = 0;
    for params in variants() {
        for seed in 20..26 {
            let street = run(30, params.clone(), STORM, seed, &[]);
            assert_laws(&street);
            assert_all_ended(&street);
            deals += street.published.len();
        }
    }
    assert!(deals > 100, "{deals}");
}

#[test]
fn early_finish_ends_a_calm_epoch_in_a_moment_and_the_paper_waits() {
    let ended = |street: &Street| street.last_outcome.ms_since(street.deadlines.start);
    let early = run(30, Params::default(), FAIR, 1, &[]);
    assert!(ended(&early) < 3_000, "{} ms", ended(&early));
    let mut params = Params::default();
    params.epoch.early_finish = false;
    let patient = run(30, params, FAIR, 1, &[]);
    assert!(ended(&patient) >= 30_000, "{} ms", ended(&patient));
    assert_all_ended(&patient);
    assert_laws(&patient);
}

#[test]
fn killing_any_mind_in_mid_phase_ends_the_epoch_on_time_with_the_laws_intact() {
    for seed in 30..38 {
        let mut faults = Vec::new();
        for k in 0..12_u64 {
            // Strikes spread over all three phases of a slow epoch.
            let at = 40 + (seed * 7919 + k * 3571) % 44_000;
            let house = ((seed * 31 + k * 17) % 30) as usize;
            if k % 3 == 0 {
                faults.push((at, Fault::KillLocal(house)));
                faults.push((at + 700, Fault::ReviveLocal(house)));
            } else {
                faults.push((at, Fault::KillSocial(house)));
            }
        }
        let mut params = Params::default();
        params.epoch.early_finish = false;
        let slow = Net { delay_min_ms: 20, delay_max_ms: 1_500, ..Net::default() };
        assert_laws(&run(30, params, slow, seed, &faults));
        let storm = run(30, Params::default(), STORM, seed, &faults);
        assert_laws(&storm);
    }
}

#[test]
fn a_street_without_a_coordinator_trades_by_its_own_clock() {
    let mut street = Street::new(20, Params::default(), FAIR, 5);
    street.coordinator = None;
    street.watch = Some(punctual);
    street.run();
    street.epoch_ended = Some(street.deadlines.settle);
    assert_laws(&street);
    assert_all_ended(&street);
    assert!(!street.published.is_empty());
}

#[test]
fn same_seed_same_transcript() {
    let hash = |seed| run(30, Params::default(), STORM, seed, &[]).transcript;
    assert_eq!(hash(77), hash(77));
    assert_ne!(hash(77), hash(78));
}

#[test]
fn a_reborn_seller_repeats_its_confirm_and_keeps_its_energy() {
    let mut street = run(20, Params::default(), CALM, 3, &[]);
    let contract = street.published.values().next().cloned().expect("a calm street trades");
    let seller = contract.body.seller.0 as usize;
    let before = street.houses[seller].local.reserved.clone();
    street.houses[seller].local.reserved.clear();
    street.houses[seller].journal.retain(|entry| !matches!(entry, Entry::Closed { .. }));
    street.now = EPOCH.starts_at(1800);
    street.rebirth(seller);
    assert_eq!(street.houses[seller].local.reserved, before, "told its LCA everything");
}
