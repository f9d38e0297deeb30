//! What is settled: a community and its signed contracts, made before the watch starts.

use std::sync::Arc;

use gridpact_agents::params::Deadlines;
use gridpact_chain::contract::{ContractBody, ContractId, SignedContract};
use gridpact_chain::digest::Digest;
use gridpact_chain::genesis::{Genesis, Limits, Member, Quorum, Role, VERSION};
use gridpact_chain::registry::Registry;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Energy, Epoch, Interval, Money, PartyId, Power, Price, Timestamp};

use crate::actors::EpochStarted;
use crate::keys::SecretKey;
use crate::sim::founding::{Founding, FoundingError, SEQUENCER};

/// Seed of all keys.
const SEED: u64 = 1;
/// Length of an interval, s.
const INTERVAL_S: u32 = 1_800;
/// The first epoch.
const FIRST: Epoch = Interval(900_000);
/// From an epoch's start to its settlement, ms.
const SETTLE_MS: u64 = 60_000;

/// One epoch and the contracts that were made in it.
pub(super) struct Day {
    /// What its actors are told.
    pub start: EpochStarted,
    /// Its contracts, by buyer in turn.
    pub contracts: Vec<SignedContract>,
}

/// A community and its contracts.
pub(super) struct Deals {
    /// The community; its first members vote.
    pub founding: Founding,
    /// Voting nodes.
    pub nodes: u32,
    /// Its epochs.
    pub days: Vec<Day>,
}

impl Deals {
    /// `nodes` voters who trade `contracts` times in each of so many epochs.
    pub(super) fn new(nodes: u32, contracts: u32, epochs: u32) -> Result<Self, FoundingError> {
        let founding = founded(nodes, contracts)?;
        let days = (0..epochs).map(|n| day(&founding, nodes, Interval(FIRST.0 + n), contracts));
        Ok(Self { days: days.collect(), founding, nodes })
    }

    /// All contracts.
    pub(super) fn count(&self) -> usize {
        self.days.iter().map(|day| day.contracts.len()).sum()
    }
}

/// A contract needs two, so there is at least one member beside a lone voter.
fn founded(nodes: u32, contracts: u32) -> Result<Founding, FoundingError> {
    let parties = 0..nodes.max(2);
    let keys: Vec<Arc<SecretKey>> =
        parties.clone().map(|party| Arc::new(SecretKey::simulated(SEED, PartyId(party)))).collect();
    let members = parties.zip(&keys).map(|(party, key)| {
        Ok(Member {
            id: PartyId(party),
            name: format!("home-{party:03}"),
            sign_key: key.public()?,
            seal_key: [0; 32],
            roles: vec![Role::Prosumer],
            voter: party < nodes,
            line_limit_w: Power(20_000),
            not_after: Timestamp(u64::MAX),
        })
    });
    let genesis = Genesis {
        version: VERSION,
        name: "settle".to_owned(),
        operator_key: SecretKey::simulated(SEED, PartyId(u32::MAX)).public()?,
        members: members.collect::<Result<_, FoundingError>>()?,
        quorum: Quorum::Majority,
        sequencer: SEQUENCER,
        interval_s: INTERVAL_S,
        currency: "EUR".to_owned(),
        limits: Limits { contracts_per_buyer: contracts, ..Limits::default() },
        grace_s: 3_600,
        tolerance_wh: Energy(50),
        imbalance_cap: Price(5_000_000),
        correction_days: 7,
    };
    genesis.check()?;
    let registry = Registry::founding(&genesis);
    Ok(Founding { community: genesis.community(), genesis: Arc::new(genesis), registry, keys })
}

fn day(founding: &Founding, nodes: u32, epoch: Epoch, contracts: u32) -> Day {
    let start = epoch.starts_at(INTERVAL_S);
    let settle = start.after_ms(SETTLE_MS);
    let deadlines = Deadlines { start, d1: settle, d2: settle, d3: settle, settle, gate: settle };
    let parties = founding.registry.members().len() as u32;
    let contract = |n: u32| {
        let (buyer, seller) = (n % nodes, (n % nodes + 1) % parties);
        signed(founding, a_body(&founding.community, epoch, settle, [buyer, seller, n]))
    };
    Day {
        start: EpochStarted { epoch, deadlines },
        contracts: (0..contracts).map(contract).collect(),
    }
}

fn a_body(
    community: &Digest,
    epoch: Epoch,
    valid_until: Timestamp,
    [buyer, seller, n]: [u32; 3],
) -> ContractBody {
    let (buyer, seller) = (PartyId(buyer), PartyId(seller));
    let mut nonce = [0; 16];
    nonce[..4].copy_from_slice(&n.to_be_bytes());
    // 1 kWh at 0.15: the amount is the price.
    let (energy, unit_price, amount) = (Energy(1_000), Price(150_000), Money(150_000));
    ContractBody {
        community: *community,
        contract_id: ContractId::new(community, epoch, buyer, seller, &nonce, 0),
        epoch,
        buyer,
        seller,
        start: Interval(epoch.0 + 2),
        end: Interval(epoch.0 + 4),
        energy,
        profile_commitment: *community,
        unit_price,
        amount,
        shortfall_price: Price(300_000),
        surplus_price: Price(50_000),
        valid_until,
    }
}

fn signed(founding: &Founding, body: ContractBody) -> SignedContract {
    let sign = |party: PartyId| {
        let statement = Statement::Contract(Box::new(body.clone()));
        founding.keys[party.0 as usize].sign(&statement, &founding.community)
    };
    let (buyer_sig, seller_sig) = (sign(body.buyer), sign(body.seller));
    SignedContract { body, buyer_sig, seller_sig }
}
