//! The community whose chain is proven again: its keys, its genesis, its contracts.

use gridpact_chain::contract::{ContractBody, ContractId, SignedContract, commit_profile};
use gridpact_chain::digest::Digest;
use gridpact_chain::genesis::{Genesis, Limits, Member, Quorum, Role, VERSION};
use gridpact_chain::sign::KeyError;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{
    Energy, Epoch, Interval, Money, PartyId, Power, Price, Profile, Timestamp,
};

use crate::keys::SecretKey;

/// Seconds of an interval.
const INTERVAL_S: u32 = 1_800;

/// A community with all its keys in one hand.
pub(super) struct Founding {
    pub genesis: Genesis,
    pub keys: Vec<SecretKey>,
    pub community: Digest,
}

impl Founding {
    /// `homes` members, the first `voters` of which vote.
    pub fn new(homes: u32, voters: u32) -> Result<Self, KeyError> {
        let keys: Vec<_> = (0..homes).map(|i| SecretKey::simulated(7, PartyId(i))).collect();
        let member = |(i, key): (u32, &SecretKey)| {
            Ok(Member {
                id: PartyId(i),
                name: format!("home {i}"),
                sign_key: key.public()?,
                seal_key: [0; 32],
                roles: vec![Role::Prosumer],
                voter: i < voters,
                line_limit_w: Power(1_000_000_000),
                not_after: Timestamp(u64::MAX),
            })
        };
        let genesis = Genesis {
            version: VERSION,
            name: "bench".to_owned(),
            operator_key: SecretKey::simulated(7, PartyId(u32::MAX)).public()?,
            members: (0..).zip(&keys).map(member).collect::<Result<_, KeyError>>()?,
            quorum: Quorum::Majority,
            sequencer: PartyId(0),
            interval_s: INTERVAL_S,
            currency: "AUD".to_owned(),
            limits: Limits { contracts_per_buyer: 1 << 20, pool_max: 1 << 20, ..Limits::default() },
            grace_s: 3_600,
            tolerance_wh: Energy(50),
            imbalance_cap: Price(1_000_000),
            correction_days: 10,
        };
        let community = genesis.community();
        Ok(Self { genesis, keys, community })
    }

    /// When epoch `epoch` settles.
    pub fn settles(epoch: Epoch) -> Timestamp {
        epoch.plus(1).starts_at(INTERVAL_S)
    }

    /// The contract numbered `i`, made in `epoch`, signed by both parties.
    pub fn contract(&self, i: u64, epoch: Epoch) -> SignedContract {
        let homes = self.keys.len() as u64;
        let home = |i: u64| PartyId(u32::try_from(i % homes).unwrap_or(0));
        let (buyer, seller) = (home(i), home(i + 1 + i / homes % (homes - 1)));
        let (start, end) = (epoch.plus(1), epoch.plus(2));
        let (energy, unit_price) = (Energy(400 + i % 1_100), Price(150_000 + (i % 211) as i64 * 7));
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&i.to_be_bytes());
        let profile = Profile { start, wh: vec![energy.0] };
        let mut salt = [9; 32];
        salt[..8].copy_from_slice(&i.to_be_bytes());
        let body = ContractBody {
            community: self.community,
            contract_id: ContractId::new(&self.community, epoch, buyer, seller, &nonce, 0),
            epoch,
            buyer,
            seller,
            start,
            end,
            energy,
            profile_commitment: commit_profile(&self.community, &salt, &profile),
            unit_price,
            amount: Money::of(energy, unit_price).unwrap_or_default(),
            shortfall_price: Price(300_000),
            surplus_price: Price(50_000),
            valid_until: Self::settles(epoch),
        };
        let statement = Statement::Contract(Box::new(body.clone()));
        let signed = |party: PartyId| self.keys[party.0 as usize].sign(&statement, &self.community);
        let (buyer_sig, seller_sig) = (signed(buyer), signed(seller));
        SignedContract { body, buyer_sig, seller_sig }
    }

    /// The first trading round.
    pub fn first_epoch() -> Epoch {
        Interval(900_000)
    }
}
