//! Account: what came of the latest rounds of trading, kept for whoever asks "why did I get no deal?".
//!
//! The same outcomes leave as effects for reports; here they stay with the mind for
//! [`ACCOUNT_EPOCHS`] epochs. They are not in the journal: a later life begins its account anew, and
//! says from when on it knows.

use std::collections::VecDeque;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Epoch, Interval, PartyId, Timestamp};
use serde::{Deserialize, Serialize};

use super::limits::ACCOUNT_EPOCHS;
use super::outcome::{SalesOutcome, TaskOutcome};
use super::task::TaskView;

/// What an SCA can tell of its latest trading, as buyer and as seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose SCA it is.
    pub party: PartyId,
    /// From here on the account is complete: what was tendered or asked earlier belongs to a former
    /// life of this SCA, or is forgotten. None before anything was heard.
    pub since: Option<Timestamp>,
    /// The epoch under way.
    pub epoch: Option<Epoch>,
    /// Own tasks of the epoch under way, ended ones included: these stand in `bought` as well.
    pub tasks: Vec<TaskView>,
    /// How own tasks ended, oldest first; what each lacked and why is in
    /// [`residual`](TaskOutcome::residual) and [`reasons`](TaskOutcome::reasons).
    pub bought: Vec<TaskOutcome>,
    /// Rounds in which others asked, oldest first.
    pub sold: Vec<SalesOutcome>,
    /// The round under way as seller, as far as it has come; none while nobody has asked in it.
    pub selling: Option<SalesOutcome>,
    /// Contracts named above that never came onto the chain: they bind nobody any more.
    pub lapsed: Vec<ContractId>,
}

/// What a mind keeps for its account.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    since: Option<Timestamp>,
    bought: VecDeque<TaskOutcome>,
    sold: VecDeque<SalesOutcome>,
    lapsed: VecDeque<(Epoch, ContractId)>,
    /// The round under way as seller.
    pub(crate) sales: SalesOutcome,
}

impl Diary {
    /// The first thing a life hears begins its account.
    pub(crate) fn hear(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// A round begins: the oldest one is forgotten. `starts_at` says when an epoch began.
    pub(crate) fn begin(&mut self, epoch: Epoch, starts_at: impl Fn(Epoch) -> Timestamp) {
        self.sales = SalesOutcome { epoch, ..SalesOutcome::default() };
        let Some(oldest) = (epoch.0.saturating_add(1)).checked_sub(ACCOUNT_EPOCHS) else { return };
        let oldest = Interval(oldest);
        self.bought.retain(|outcome| outcome.epoch >= oldest);
        self.sold.retain(|outcome| outcome.epoch >= oldest);
        self.lapsed.retain(|(epoch, _)| *epoch >= oldest);
        self.since = self.since.max(Some(starts_at(oldest)));
    }

    /// An own task ended.
    pub(crate) fn buy(&mut self, outcome: TaskOutcome) {
        self.bought.push_back(outcome);
    }

    /// The round is over for a seller; what came of it, if anybody asked.
    pub(crate) fn close(&mut self) -> Option<SalesOutcome> {
        let next = SalesOutcome { epoch: self.sales.epoch, ..SalesOutcome::default() };
        let sales = std::mem::replace(&mut self.sales, next);
        if !is_worth_telling(&sales) {
            return None;
        }
        self.sold.push_back(sales.clone());
        Some(sales)
    }

    /// A contract never came onto the chain.
    pub(crate) fn lapse(&mut self, epoch: Epoch, contract_id: ContractId) {
        self.lapsed.push_back((epoch, contract_id));
    }

    /// The account, with the tasks of the round under way.
    pub(crate) fn account(
        &self,
        party: PartyId,
        epoch: Option<Epoch>,
        tasks: Vec<TaskView>,
    ) -> Account {
        Account {
            party,
            since: self.since,
            epoch,
            tasks,
            bought: self.bought.iter().cloned().collect(),
            sold: self.sold.iter().cloned().collect(),
            selling: is_worth_telling(&self.sales).then(|| self.sales.clone()),
            lapsed: self.lapsed.iter().map(|(_, contract_id)| *contract_id).collect(),
        }
    }
}

fn is_worth_telling(sales: &SalesOutcome) -> bool {
    sales.asked > 0 || !sales.finals.is_empty()
}
