//! Members of one process: letters are handed over as they are, without bytes.

use gridpact_agents::social::message::Message as SocialMessage;
use gridpact_chain::message::Message as ChainMessage;
use gridpact_chain::terms::PartyId;

use super::Transport;
use crate::actors::Door;
use crate::actors::replica::FromReplica;
use crate::actors::social::FromPeer;

/// The doors of one member.
#[derive(Clone, Default)]
pub struct MemberDoors {
    /// Its SCA.
    pub social: Door<FromPeer>,
    /// Its replica.
    pub replica: Door<FromReplica>,
}

/// Hands letters to members of the same process; a member that is not here hears nothing.
pub struct Memory {
    members: Vec<MemberDoors>,
}

impl Memory {
    /// A transport between these members, by their number.
    #[must_use]
    pub fn new(members: Vec<MemberDoors>) -> Self {
        Self { members }
    }
}

impl Transport for Memory {
    fn social(&self, from: PartyId, to: PartyId, message: SocialMessage) {
        if let Some(doors) = self.members.get(to.0 as usize) {
            doors.social.tell(FromPeer { from, message });
        }
    }

    fn chain(&self, from: PartyId, to: PartyId, message: ChainMessage) {
        if let Some(doors) = self.members.get(to.0 as usize) {
            doors.replica.tell(FromReplica { from, message });
        }
    }
}
