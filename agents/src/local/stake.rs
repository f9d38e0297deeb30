//! What a contract is worth to its party's own plan, for those who watch: the two questions between
//! which signing decided.
//!
//! A question holds everything the plan counts: grid prices, wear, the worth of stored energy,
//! departures, other contracts. What a buyer has asked for beyond its expectation, because a shortage
//! costs more than a surplus (protocol 3.1), counts as needed. It flows into no mind and no message.

use gridpact_chain::contract::ContractId;

use super::LocalAgent;
use super::door::Side;
use super::planning;
use super::schedule::Problem;

/// The plan's question without a contract and with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stake {
    /// The party's side.
    pub side: Side,
    /// With all that bound the party beside it.
    pub without: Problem,
    /// With the contract as well.
    pub with: Problem,
}

impl LocalAgent {
    /// What is at stake in a contract that this site holds; none without it or without a plan. Asked
    /// at signing it has what the party knew then: a seller has signed once it has reserved, a buyer
    /// once it has heard of its obligation.
    #[must_use]
    pub fn stake(&self, contract_id: &ContractId) -> Option<Stake> {
        let current = self.current.as_ref()?;
        let side = self.obligations.side(contract_id)?;
        let question = |obligations: &super::Obligations| {
            let mut problem = current.problem.clone();
            planning::oblige(&mut problem, obligations);
            if side == Side::Buyer {
                self.insure(&mut problem);
            }
            self.wishes.put(&mut problem, &current.roster, &self.readings, None);
            problem
        };
        let others = self.obligations.without(contract_id);
        Some(Stake { side, without: question(&others), with: question(&self.obligations) })
    }

    /// Adds what has been tendered beyond the plan to the need.
    fn insure(&self, problem: &mut Problem) {
        for (at, insured_wh) in &self.tendering {
            let t = at.0.checked_sub(problem.start.0).map(|t| t as usize);
            if let Some(load_wh) = t.and_then(|t| problem.load_wh.get_mut(t)) {
                *load_wh += insured_wh;
            }
        }
    }
}
