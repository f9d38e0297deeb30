//! The bytes of version 2 of what SCAs say to each other and write to their journals, pinned in
//! `golden/v2.txt`: every message, and every variant of what a message can carry.
//!
//! Changing a line is a new version of the format. `BLESS=1` writes the file anew.

use std::fmt::Write as _;
use std::sync::Arc;

use gridpact_agents::local::door::Block;
use gridpact_agents::session::Phase;
use gridpact_agents::social::message::{
    About, Answer, Cancel, Claim, CoalitionReply, CoalitionRequest, Confirm, CounterResponse,
    Expired, Hold, NegotiationReply, NegotiationRequest, NeighbourQuery, NeighbourReply, Offer,
    OfferResponse, TaskId, TransactionRequest, Verdict,
};
use gridpact_agents::social::{Entry, Message, Reason};
use gridpact_chain::contract::{ContractBody, ContractId, SignedContract, commit_profile};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{decode_as, encode};
use gridpact_chain::sign::Signature;
use gridpact_chain::terms::{Energy, Interval, Money, PartyId, Power, Price, Profile, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

const PINNED: &str = include_str!("golden/v2.txt");
const COMMUNITY: Digest = Digest([7; 32]);
const ABOUT: About = About { epoch: Interval(48), task: TaskId([9; 16]) };
const SALT: [u8; 32] = [4; 32];

/// Encodes, checks that strict decoding gives the value back, and writes one line.
fn pin<T>(lines: &mut String, name: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = encode(value);
    let back: T = decode_as("golden", usize::MAX, &bytes).expect(name);
    assert_eq!(back, *value, "{name}");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(lines, "{name} {hex}").expect("a string takes any text");
}

fn profile() -> Arc<Profile> {
    Arc::new(Profile { start: Interval(50), wh: vec![300, 0, 70_000] })
}

fn block() -> Arc<Block> {
    let profile = Profile::clone(&profile());
    let (start, end, energy_wh) = (profile.start, profile.end(), profile.energy());
    Arc::new(Block { start, end, energy_wh, profile })
}

fn contract_id() -> ContractId {
    ContractId::new(&COMMUNITY, ABOUT.epoch, PartyId(1), PartyId(2), &ABOUT.task.0, 3)
}

fn body() -> ContractBody {
    let profile = profile();
    let (energy, unit_price) = (profile.energy(), Price(153_700));
    ContractBody {
        community: COMMUNITY,
        contract_id: contract_id(),
        epoch: ABOUT.epoch,
        buyer: PartyId(1),
        seller: PartyId(2),
        start: profile.start,
        end: profile.end(),
        energy,
        profile_commitment: commit_profile(&COMMUNITY, &SALT, &profile),
        unit_price,
        amount: Money::of(energy, unit_price).expect("small"),
        shortfall_price: Price(300_000),
        surplus_price: Price(-80_000),
        valid_until: Timestamp(86_460_000),
    }
}

fn confirm() -> Arc<Confirm> {
    let seller_sig = Signature([2; 64]);
    Arc::new(Confirm { about: ABOUT, body: body(), profile_final: profile(), seller_sig })
}

fn pin_coalition(lines: &mut String) {
    let about = ABOUT;
    let request = CoalitionRequest {
        about,
        block: block(),
        d1: Timestamp(86_405_000),
        d2: Timestamp(86_430_000),
        depth: 2,
        line_limit: Power(-15_000),
    };
    let reply = |declined| CoalitionReply { about, declined, available_energy: Energy(500) };
    let neighbours = vec![PartyId(3), PartyId(300)];
    for (name, message) in [
        ("coalition_request", Message::CoalitionRequest(request)),
        ("coalition_reply", Message::CoalitionReply(reply(None))),
        ("coalition_reply.declined", Message::CoalitionReply(reply(Some(Reason::GateClosed)))),
        ("neighbour_query", Message::NeighbourQuery(NeighbourQuery { about })),
        ("neighbour_reply", Message::NeighbourReply(NeighbourReply { about, neighbours })),
    ] {
        pin(lines, &format!("message.{name}"), &message);
    }
}

fn pin_negotiation(lines: &mut String) {
    let about = ABOUT;
    let (reason, unit_price) = (Reason::Saturated, Price(153_700));
    let request = NegotiationRequest { about, block: block(), energy: Energy(70_300) };
    let declined = Reason::CostAboveCeiling;
    let reply = NegotiationReply { about, declined, max_energy: Energy(12) };
    let offer = Offer {
        about,
        round: 3,
        profile: profile(),
        unit_price,
        surplus_price: Price(-80_000),
        valid_until: Timestamp(86_430_000),
    };
    pin(lines, "message.negotiation_request", &Message::NegotiationRequest(request));
    pin(lines, "message.negotiation_reply", &Message::NegotiationReply(reply));
    pin(lines, "message.offer", &Message::Offer(offer));
    for (name, answer) in [
        ("accept", Answer::Accept),
        ("reject", Answer::Reject { reason }),
        ("counter", Answer::Counter { unit_price }),
    ] {
        let message = Message::OfferResponse(OfferResponse { about, round: 3, answer });
        pin(lines, &format!("message.offer_response.{name}"), &message);
    }
    for (name, verdict) in [
        ("accept", Verdict::Accept),
        ("reject", Verdict::Reject { reason }),
        ("new_offer", Verdict::NewOffer { unit_price }),
    ] {
        let message = Message::CounterResponse(CounterResponse { about, round: 3, verdict });
        pin(lines, &format!("message.counter_response.{name}"), &message);
    }
}

fn pin_final(lines: &mut String) {
    let (about, contract_id) = (ABOUT, contract_id());
    let request = TransactionRequest {
        about,
        contract_id,
        round: 3,
        profile_final: profile(),
        unit_price: Price(153_700),
        salt: SALT,
        shortfall_price: Price(300_000),
    };
    pin(lines, "message.transaction_request", &Message::TransactionRequest(Box::new(request)));
    pin(lines, "message.confirm", &Message::Confirm(confirm()));
    for (name, reason) in [
        ("no_energy", Reason::NoEnergy),
        ("cost_above_ceiling", Reason::CostAboveCeiling),
        ("no_gain", Reason::NoGain),
        ("enough", Reason::Enough),
        ("saturated", Reason::Saturated),
        ("below_cost", Reason::BelowCost),
        ("unknown", Reason::Unknown),
        ("expired", Reason::Expired),
        ("mismatch", Reason::Mismatch),
        ("not_needed", Reason::NotNeeded),
        ("silent", Reason::Silent),
        ("gate_closed", Reason::GateClosed),
        ("too_small", Reason::TooSmall),
        ("not_fitting", Reason::NotFitting),
        ("limit", Reason::Limit),
    ] {
        let message = Message::Cancel(Cancel { about, contract_id, reason });
        pin(lines, &format!("message.cancel.{name}"), &message);
    }
    for (name, phase) in [
        ("coalition", Phase::Coalition),
        ("negotiation", Phase::Negotiation),
        ("final", Phase::Final),
    ] {
        let message = Message::Expired(Expired { about, phase });
        pin(lines, &format!("message.expired.{name}"), &message);
    }
}

fn pin_claims(lines: &mut String) {
    let claim = Claim { about: ABOUT, round: 3, profile: profile() };
    let hold = Hold { about: ABOUT, round: 3, profile: profile() };
    pin(lines, "message.claim", &Message::Claim(claim));
    pin(lines, "message.hold", &Message::Hold(hold));
}

fn pin_journal(lines: &mut String) {
    let contract = SignedContract {
        body: body(),
        buyer_sig: Signature([1; 64]),
        seller_sig: Signature([2; 64]),
    };
    let bought = Entry::Bought {
        contract: Box::new(contract),
        profile_final: profile(),
        share: Profile::clone(&profile()),
        salt: SALT,
    };
    let closed = |height| Entry::Closed { contract_id: contract_id(), height };
    for (name, entry) in [
        ("sold", Entry::Sold { confirm: confirm(), salt: SALT }),
        ("bought", bought),
        ("settled", closed(Some(5))),
        ("lapsed", closed(None)),
    ] {
        pin(lines, &format!("journal.{name}"), &entry);
    }
}

#[test]
fn every_message_and_journal_entry_has_the_bytes_of_version_2() {
    let mut lines = String::new();
    pin_coalition(&mut lines);
    pin_negotiation(&mut lines);
    pin_final(&mut lines);
    pin_journal(&mut lines);
    pin_claims(&mut lines);
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v2.txt");
        std::fs::write(path, &lines).expect("the golden file can be written");
        return;
    }
    for (now, pinned) in lines.lines().zip(PINNED.lines()) {
        assert_eq!(now, pinned);
    }
    assert_eq!(lines.lines().count(), PINNED.lines().count());
}

/// A message kind without a line in the golden file does not compile here.
#[test]
fn no_kind_of_message_is_missing() {
    let name = |message: &Message| match message {
        Message::CoalitionRequest(_) => "coalition_request",
        Message::CoalitionReply(_) => "coalition_reply",
        Message::NeighbourQuery(_) => "neighbour_query",
        Message::NeighbourReply(_) => "neighbour_reply",
        Message::NegotiationRequest(_) => "negotiation_request",
        Message::NegotiationReply(_) => "negotiation_reply",
        Message::Offer(_) => "offer",
        Message::OfferResponse(_) => "offer_response",
        Message::CounterResponse(_) => "counter_response",
        Message::TransactionRequest(_) => "transaction_request",
        Message::Confirm(_) => "confirm",
        Message::Cancel(_) => "cancel",
        Message::Expired(_) => "expired",
        Message::Claim(_) => "claim",
        Message::Hold(_) => "hold",
    };
    let mut found = std::collections::BTreeSet::new();
    for line in PINNED.lines().filter(|line| line.starts_with("message.")) {
        let (_, hex) = line.split_once(' ').expect("a name and bytes");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let message: Message = decode_as("golden", usize::MAX, &bytes).expect("a message");
        assert!(line.starts_with(&format!("message.{}", name(&message))), "{line}");
        found.insert(name(&message));
    }
    assert_eq!(found.len(), 15);
}
