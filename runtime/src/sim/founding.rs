//! How a simulated community is founded: its keys, its genesis, its registry.

use std::sync::Arc;

use gridpact_chain::digest::Digest;
use gridpact_chain::genesis::{Genesis, GenesisError, Limits, Member, Quorum, Role, VERSION};
use gridpact_chain::registry::Registry;
use gridpact_chain::sign::{KeyError, PublicKey};
use gridpact_chain::terms::{Energy, PartyId, Power, Price, Timestamp};

use super::community::Community;
use super::scenario::{self, Scenario};
use crate::keys::SecretKey;

/// Largest price of a shortfall or a surplus, micro-currency per kWh: ten times a dear retail price.
const IMBALANCE_CAP: Price = Price(5_000_000);
/// The member that orders records, and in whose house the coordinator lives.
pub const SEQUENCER: PartyId = PartyId(0);

/// A founded community.
#[derive(Debug, Clone)]
pub struct Founding {
    /// The founding document.
    pub genesis: Arc<Genesis>,
    /// Its digest.
    pub community: Digest,
    /// Members and voters.
    pub registry: Arc<Registry>,
    /// The members' keys, by number.
    pub keys: Vec<Arc<SecretKey>>,
}

/// Why a community cannot be founded.
#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    /// A key nobody should register.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A genesis that contradicts itself.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
}

impl Founding {
    /// Founds the community of a scenario: every prosumer is a member, the first
    /// `validators` of them vote (all by default).
    ///
    /// # Errors
    /// When a drawn key is unfit or the genesis is refused; ordinary scenarios cause neither.
    pub fn new(scenario: &Scenario, community: &Community) -> Result<Self, FoundingError> {
        let keys: Vec<Arc<SecretKey>> = (0..)
            .zip(&community.sites)
            .map(|(number, _)| Arc::new(SecretKey::simulated(scenario.seed, PartyId(number))))
            .collect();
        let voters = scenario.validators.unwrap_or(u32::MAX);
        let members = (0..)
            .zip(&community.sites)
            .zip(&keys)
            .map(|((number, site), key)| {
                member(PartyId(number), &site.name, key, number < voters, site.import_w)
            })
            .collect::<Result<Vec<Member>, FoundingError>>()?;
        let operator_key = operator(scenario.seed).public()?;
        let genesis = genesis(scenario, community, members, operator_key);
        genesis.check()?;
        let registry = Registry::founding(&genesis);
        Ok(Self { community: genesis.community(), genesis: Arc::new(genesis), registry, keys })
    }
}

/// Number under which the operator's key is drawn; no member has it.
const OPERATOR: PartyId = PartyId(u32::MAX);

/// The operator's key of a simulated community.
#[must_use]
pub fn operator(seed: u64) -> SecretKey {
    SecretKey::simulated(seed, OPERATOR)
}

fn member(
    id: PartyId,
    name: &str,
    key: &SecretKey,
    voter: bool,
    import_w: u64,
) -> Result<Member, FoundingError> {
    let line_limit_w = Power(i64::try_from(import_w).unwrap_or(i64::MAX));
    Ok(Member {
        id,
        name: name.to_owned(),
        sign_key: key.public()?,
        seal_key: key.seal_public(),
        roles: vec![Role::Prosumer],
        voter,
        line_limit_w,
        not_after: Timestamp(u64::MAX),
    })
}

fn genesis(
    scenario: &Scenario,
    community: &Community,
    members: Vec<Member>,
    operator_key: PublicKey,
) -> Genesis {
    let batch_bytes = u32::try_from(scenario.chain.batch_bytes).unwrap_or(u32::MAX);
    Genesis {
        version: VERSION,
        name: scenario.name.clone(),
        operator_key,
        members,
        quorum: match scenario.chain.quorum {
            scenario::Quorum::Majority => Quorum::Majority,
            scenario::Quorum::TwoThirds => Quorum::TwoThirds,
        },
        sequencer: SEQUENCER,
        interval_s: community.interval_s,
        currency: community.currency.clone(),
        limits: Limits { batch_bytes, ..Limits::default() },
        grace_s: 3600,
        tolerance_wh: Energy(50),
        imbalance_cap: IMBALANCE_CAP,
        correction_days: 7,
    }
}
