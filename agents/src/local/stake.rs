//! What a contract is worth to its party's own plan, for those who watch: the two questions between
//! which signing decided.
//!
//! A question holds everything the plan counts: grid prices, wear, the worth of stored energy,
//! departures, other contracts. It flows into no mind and no message.

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
            self.wishes.put(&mut problem, &current.roster, &self.readings, None);
            problem
        };
        let others = self.obligations.without(contract_id);
        Some(Stake { side, without: question(&others), with: question(&self.obligations) })
    }
}
