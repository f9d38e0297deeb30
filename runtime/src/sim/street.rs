//! A community's households in shards, with the clerk that goes to the chain for them.
//!
//! The other way to raise a community; the minds are the same. Only homes that vote have a node of
//! the chain.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_agents::local::LocalAgent;
use gridpact_agents::resource::ResourceAgent;
use gridpact_agents::social::SocialAgent;
use gridpact_chain::terms::PartyId;

use super::clerk::Clerk;
use super::founding::{Founding, SEQUENCER};
use super::homes::{Nursery, drivers, setups};
use super::household::{Household, Letter, Means};
use crate::actors::{Door, EpochStarted, PhaseEnded};
use crate::device::Driver;
use crate::device::simulated::Field;
use crate::keys::Signer;
use crate::node::{Commons, HomeDoors};
use crate::shards::{self, District, MAILBOX, SHARDS};
use crate::supervise::{ChildSpec, Overflow, spawn};

/// What the coordinator speaks to.
#[derive(Default)]
pub struct Street {
    /// Where epochs are announced.
    pub starts: Vec<Door<EpochStarted>>,
    /// Where ends of phases are announced.
    pub phases: Vec<Door<PhaseEnded>>,
    actors: Vec<Box<dyn Any>>,
}

impl Street {
    /// Raises the clerk and all shards; the sequencer's node takes the contracts of all.
    #[must_use]
    pub fn raise(
        nursery: &Rc<Nursery>,
        founding: &Founding,
        field: &Rc<RefCell<Field>>,
        nodes: &[HomeDoors],
        commons: &Commons,
    ) -> Self {
        let parties = u32::try_from(nursery.community.sites.len()).unwrap_or(u32::MAX);
        let district: District<Letter> = District::new(parties, SHARDS);
        let mut street = Self::default();
        let publish = street.open_clerk(parties, &district, &nodes[SEQUENCER.0 as usize]);
        let means = Means {
            district: district.clone(),
            workshop: commons.workshop.clone(),
            publish,
            quiescent: commons.quiescent.clone(),
            members: commons.members.clone(),
            verdicts: Arc::clone(&commons.verdicts),
            observer: commons.observer.clone(),
        };
        for (number, homes) in district.shards(parties).enumerate() {
            let maker = Maker {
                nursery: Rc::clone(nursery),
                founding: founding.clone(),
                field: Rc::clone(field),
                means: means.clone(),
            };
            street.open_shard(number, homes, &district, maker, commons);
        }
        street
    }

    fn open_clerk(
        &mut self,
        parties: u32,
        district: &District<Letter>,
        node: &HomeDoors,
    ) -> Door<crate::actors::replica::Publish> {
        let (district, to_chain) = (district.clone(), node.replica.publish.clone());
        let spec = ChildSpec::of("clerk", move |_| {
            Clerk::new(parties, district.clone(), to_chain.clone())
        });
        let clerk = spawn(spec.mailbox(MAILBOX, Overflow::Refuse));
        let publish = Door::shut();
        publish.open(clerk.port());
        node.social.settled.open(clerk.port());
        node.social.time.open(clerk.port());
        self.actors.push(Box::new(clerk));
        publish
    }

    fn open_shard(
        &mut self,
        number: usize,
        homes: std::ops::Range<u32>,
        district: &District<Letter>,
        maker: Maker,
        commons: &Commons,
    ) {
        let first = PartyId(homes.start);
        let cells = move || {
            let all: Option<Vec<Household>> =
                homes.clone().map(|home| maker.household(PartyId(home))).collect();
            all.ok_or("a home without a setup")
        };
        let shard = shards::raise(number, first, district, commons.clock, cells);
        let (start, phase) = (Door::shut(), Door::shut());
        start.open(shard.port());
        phase.open(shard.port());
        self.starts.push(start);
        self.phases.push(phase);
        self.actors.push(Box::new(shard));
    }
}

/// Makes households.
struct Maker {
    nursery: Rc<Nursery>,
    founding: Founding,
    field: Rc<RefCell<Field>>,
    means: Means,
}

impl Maker {
    fn household(&self, party: PartyId) -> Option<Household> {
        let (founding, nursery) = (&self.founding, &self.nursery);
        let cap = founding.genesis.imbalance_cap;
        let local = LocalAgent::new(nursery.local(party, true)?);
        let social = SocialAgent::new(nursery.social(party, founding.community, cap, 1)?);
        let site = nursery.community.site(party)?;
        let driver = drivers(&self.field, party);
        let with_driver = |(device, setup)| -> (ResourceAgent, Box<dyn Driver>) {
            (ResourceAgent::new(setup), driver(device))
        };
        let resources =
            setups(site, nursery.community.interval_s).into_iter().enumerate().map(with_driver);
        let signer = Signer {
            key: Arc::clone(founding.keys.get(party.0 as usize)?),
            community: founding.community,
            workshop: self.means.workshop.clone(),
        };
        Some(Household::new(
            party,
            (local, social),
            resources.collect(),
            signer,
            self.means.clone(),
        ))
    }
}
