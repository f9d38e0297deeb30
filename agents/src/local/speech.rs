//! What an LCA can be told, wants done, and shows of itself.

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Epoch, Interval, PartyId, Price, Profile};

use super::door::{
    Obligation, PurchaseBlocks, Quote, QuoteRequest, ReserveReply, ReserveRequest, Side,
};
use super::missing::Missing;
use super::schedule::{Method, Plan, Problem, Shortfall, SolveError};
use super::why::Reasoned;
use super::wish::Wish;
use crate::params::Deadlines;
use crate::resource::nature::FullNow;
use crate::resource::reading::{DeviceIndex, Reading, Setpoint};

/// Names one question to the solver; answers to older tickets are dropped.
pub type Ticket = u64;

/// What an LCA can be told.
#[derive(Debug, Clone)]
pub enum LocalInput {
    /// From the coordinator: an epoch begins, in the interval of the same number.
    EpochStart {
        /// The epoch.
        epoch: Epoch,
        /// Its deadlines.
        deadlines: Deadlines,
    },
    /// From an RA: what its device did in the interval that has ended.
    Reading {
        /// The device.
        device: DeviceIndex,
        /// Its reading.
        reading: Reading,
    },
    /// From a driver: he wants his vehicle full now, or no longer.
    FullNow {
        /// The vehicle.
        device: DeviceIndex,
        /// What he wants; none withdraws it.
        want: Option<FullNow>,
    },
    /// From the body: the answer to [`LocalEffect::Solve`].
    Solved {
        /// The question's ticket.
        ticket: Ticket,
        /// What [`super::schedule::solve`] returned.
        plan: Result<Plan, SolveError>,
    },
    /// From the SCA: what could be sold of this, at what cost?
    Quote(QuoteRequest),
    /// From the SCA: reserve this sale if an exact re-plan carries it.
    Reserve(ReserveRequest),
    /// From the SCA: an obligation came or went.
    Obligation(Obligation),
    /// From the SCA: the price of a purchase that was signed; teaches what deals cost.
    Deal {
        /// Agreed price.
        unit_price: Price,
    },
    /// From the body: the time asked for by `wake_at` has come.
    Wake,
}

/// What an LCA wants done, in order.
#[derive(Debug, Clone)]
pub enum LocalEffect {
    /// Run [`super::schedule::solve`] on this, anywhere, and answer [`LocalInput::Solved`].
    Solve {
        /// To be returned with the answer.
        ticket: Ticket,
        /// The question.
        problem: Box<Problem>,
    },
    /// To the SCA: the tasks of this epoch; exactly once per epoch while trading.
    Blocks(PurchaseBlocks),
    /// To the SCA: the answer to a quote request.
    Quote(Quote),
    /// To the SCA: the answer to a reserve request.
    Reserved(ReserveReply),
    /// To an RA: what its device shall do in the current interval.
    Setpoint {
        /// The device.
        device: DeviceIndex,
        /// The setpoint.
        setpoint: Setpoint,
    },
    /// To a driver, and to the store that later lives are rebuilt from: how his wish stands now.
    Wish {
        /// The vehicle.
        device: DeviceIndex,
        /// The wish; none when there is none or it has ended.
        wish: Option<Wish>,
    },
    /// To whoever watches: there is a new plan.
    Planned(Box<Planned>),
    /// To whoever watches: this device did not report in time; its forecast stands in.
    Stale {
        /// The device.
        device: DeviceIndex,
    },
    /// To whoever watches: there is no new plan this time; devices fall back to their safe state.
    Unplanned(SolveError),
}

/// A new plan, as others may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The epoch it was made in.
    pub epoch: Epoch,
    /// The plan.
    pub plan: Plan,
    /// Expected load less generation per interval of the horizon, Wh.
    pub net_wh: Vec<f64>,
    /// Whether it was made to confirm a sale, not at the start of the epoch.
    pub replanned: bool,
    /// Why each device does what it does in the plan's first interval.
    pub reasons: Vec<Reasoned>,
    /// What the plan could not have; empty in an ordinary plan.
    pub missing: Vec<Missing>,
}

/// An obligation as others may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The contract.
    pub contract_id: ContractId,
    /// This prosumer's side.
    pub side: Side,
    /// Energy per interval.
    pub profile: Profile,
    /// Whether both have signed; a reservation has not come that far.
    pub is_signed: bool,
}

/// What an LCA shows of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalSnapshot {
    /// Whose mind it is.
    pub party: PartyId,
    /// The epoch it is in, if any has begun.
    pub epoch: Option<Epoch>,
    /// First interval of the current plan.
    pub planned_from: Option<Interval>,
    /// Intended purchases of the plan, Wh.
    pub import_wh: Vec<f64>,
    /// Planned surplus, Wh.
    pub export_wh: Vec<f64>,
    /// Planned stored energy per storage.
    pub stored_wh: Vec<Vec<f64>>,
    /// What the plan could not have.
    pub shortfall: Shortfall,
    /// The same one by one: what, how much, when, why, and what would mend it.
    pub missing: Vec<Missing>,
    /// Cost of the plan, micro-currency.
    pub cost: f64,
    /// How the plan was found.
    pub method: Method,
    /// Contracts and reservations that bind later plans.
    pub obligations: Vec<Held>,
    /// Devices whose last reading is missing.
    pub stale: Vec<DeviceIndex>,
    /// What drivers wish, by vehicle.
    pub wishes: Vec<(DeviceIndex, Wish)>,
}
