//! Changes of the members that the operator proposes while the days run (`[[scenario.members]]`).

use gridpact_chain::membership::Change;
use gridpact_chain::terms::PartyId;
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use super::file::range;

/// What happens to the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It leaves: its contracts are refused from then on.
    Remove,
    /// It votes from then on.
    Vote,
    /// It trades, and votes no more.
    Silence,
}

/// One proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// Trading round of the run with whose start it is proposed, from 0.
    pub at_epoch: u32,
    /// Number of the home, from 0.
    pub home: u32,
    /// What happens to it.
    pub change: Fate,
}

impl MemberChange {
    /// As the chain is asked for it.
    #[must_use]
    pub fn change(&self) -> Change {
        let member = PartyId(self.home);
        match self.change {
            Fate::Remove => Change::Remove(member),
            Fate::Vote => Change::SetVoter { member, voter: true },
            Fate::Silence => Change::SetVoter { member, voter: false },
        }
    }
}

/// Checks proposals among themselves; `homes` is 0 where measured files say how many there are.
pub(super) fn check(changes: &[MemberChange], homes: u32) -> Result<(), ScenarioError> {
    let unknown = |change: &&MemberChange| homes > 0 && change.home >= homes;
    if let Some(change) = changes.iter().find(unknown) {
        let allowed = format!("numbers of homes, 0 to {}", homes - 1);
        return Err(range("scenario.members.home", change.home, &allowed));
    }
    let orders = |change: &MemberChange| change.home == 0 && change.change == Fate::Remove;
    if changes.iter().any(orders) {
        return Err(ScenarioError::Conflict(
            "scenario.members: home 0 orders the records and cannot be removed".to_owned(),
        ));
    }
    // Each makes the version after the one before, which must be on the chain by then.
    if changes.windows(2).any(|two| two[0].at_epoch + 1 >= two[1].at_epoch) {
        return Err(ScenarioError::Conflict(
            "scenario.members: list changes by at_epoch, ascending and at least two rounds apart"
                .to_owned(),
        ));
    }
    Ok(())
}
