//! `gridpact chain verify`: a chain proved from its bytes alone.

use std::sync::Arc;

use gridpact_chain::digest::Digest;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::keyring::{KeyLetter, Keyring};
use gridpact_chain::registry::Registries;
use gridpact_chain::sign::Verdicts as _;
use gridpact_chain::statement::Statement;
use gridpact_chain::verifier::Audit;

use super::unproved;
use super::used::Used;
use crate::cli::{Failure, say};
use crate::store::stream::{Item, Stream};
use crate::store::{End, LogError};
use crate::verdicts::ProcessVerdicts;

/// Own votes that may wait for the members they were cast among, and that are named as wrong.
const OWN_MAX: usize = 65_536;

pub(super) fn verify(
    mut items: Stream,
    keys: &Keyring,
    community: Option<Digest>,
    tip: Option<Digest>,
) -> Result<(), Failure> {
    let verdicts = ProcessVerdicts::default();
    let genesis = items.genesis().clone();
    let found = genesis.community();
    let mut audit = Audit::new(&genesis, None, keys, &verdicts);
    let mut used = Used::new().map_err(Failure::input)?;
    let mut own = Own::of(found, &verdicts);
    for item in &mut items {
        match item.map_err(unproved)? {
            Item::Pair(pair, proof) => {
                if let Some(id) = audit.take(&pair, &proof) {
                    used.take(id, audit.height()).map_err(Failure::input)?;
                }
            }
            Item::Closed(height, votes) => audit.close(height, &votes),
            Item::Record(record) => own.take(record, audit.registries()),
            Item::Contract(_) | Item::Hidden => {}
        }
    }
    let (named, end) = items.finish().map_err(unproved)?;
    let votes = own.finish(audit.registries());
    let report = audit.finish(used.repeated().map_err(Failure::input)?);
    let mut wrong: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("height {}: {}", finding.height, finding.damage))
        .collect();
    if report.unlisted > 0 {
        wrong.push(format!("{} more findings", report.unlisted));
    }
    if report.balances_sum != 0 {
        wrong.push(format!("balances sum to {} instead of 0", report.balances_sum));
    }
    // While a node runs, the newest pairs still wait for their votes.
    let (is_running, open) = (is_running(&end), report.pairs - report.closed);
    if open > 0 && !is_running {
        wrong.push(format!("{open} pairs have no quorum of ledger votes"));
    }
    wrong.extend(cut_tail(&end));
    if report.tip != named {
        wrong.push(format!("the end frame names {named} as the tip"));
    }
    if community.is_some_and(|community| community != found) {
        wrong.push(format!("this is community {found}"));
    }
    if tip.is_some_and(|tip| tip != report.tip) {
        wrong.push(format!("the chain ends with {}", report.tip));
    }
    wrong.extend(own.wrong);
    if !wrong.is_empty() {
        return Err(Failure::FoundWrong(wrong.join("\ngridpact: ")));
    }
    let anchor = match (community, tip) {
        (Some(_), Some(_)) => "proved against the given community and tip",
        (None, None) => "consistent in itself; not anchored",
        (Some(_), None) => "proved for the given community; its end is not anchored",
        (None, Some(_)) => "proved up to the given tip; its community is not anchored",
    };
    let unread = match report.unread {
        0 => String::new(),
        unread => format!(
            "\nunread      {unread}: sealed; their links, order and votes are proved, amounts, \
             conservation and roots are not"
        ),
    };
    let state = if is_running {
        format!("not closed: the node runs or crashed; proved up to height {}\n", report.pairs)
    } else {
        String::new()
    };
    say(&format!(
        "{state}{anchor}\ncommunity   {found}\ntip         {}\npairs       {} (closed {})\nsignatures  {}\nenergy      {}{unread}",
        report.tip,
        report.pairs,
        report.closed,
        report.signatures + votes,
        report.energy,
    ))
}

fn is_running(end: &End) -> bool {
    matches!(end, End::Open { is_running: true, .. })
}

/// A log that nobody has in hand must end with the end frame of a clean stop.
fn cut_tail(end: &End) -> Option<String> {
    match end {
        End::Closed | End::Open { is_running: true, .. } => None,
        End::Open { tail: LogError::Damage { file, offset, height, what }, .. } => Some(format!(
            "cut tail: {}, from byte {offset} on: {what}; proved up to height {height}",
            file.display()
        )),
        End::Open { tail, .. } => Some(format!("cut tail: {tail}")),
    }
}

/// What the writing node has signed itself: votes, and letters with group keys.
struct Own<'a> {
    community: Digest,
    verdicts: &'a ProcessVerdicts,
    /// How many there are.
    votes: u64,
    /// What names members that are not known yet.
    early: Vec<JournalEntry>,
    /// Letters so far: as many as there are changes of the members.
    letters: Vec<Arc<KeyLetter>>,
    wrong: Vec<String>,
}

impl<'a> Own<'a> {
    fn of(community: Digest, verdicts: &'a ProcessVerdicts) -> Self {
        let (early, letters, wrong) = (Vec::new(), Vec::new(), Vec::new());
        Self { community, verdicts, votes: 0, early, letters, wrong }
    }

    /// Checks what carries a signature.
    fn take(&mut self, record: JournalEntry, registries: &Registries) {
        let fault = self.fault_of(&record, registries);
        if let JournalEntry::Keys(letter) = &record
            && self.letters.len() < OWN_MAX
        {
            self.letters.push(Arc::clone(letter));
        }
        match fault {
            Some(_) if self.early.len() < OWN_MAX => self.early.push(record),
            fault => self.blame(fault),
        }
    }

    /// Checks what came early once more, with all members known; returns how many signatures there are.
    fn finish(&mut self, registries: &Registries) -> u64 {
        for record in std::mem::take(&mut self.early) {
            self.votes -= 1;
            let fault = self.fault_of(&record, registries);
            self.blame(fault);
        }
        self.votes
    }

    fn blame(&mut self, fault: Option<String>) {
        if self.wrong.len() < OWN_MAX {
            self.wrong.extend(fault);
        }
    }

    /// Why a record does not carry the signature it must; counts those that must carry one.
    fn fault_of(&mut self, record: &JournalEntry, registries: &Registries) -> Option<String> {
        let (voter, version, statement, signature): (_, _, Statement, _) = match record {
            JournalEntry::Approval { vote, .. } => {
                (vote.voter, vote.registry, vote.statement(), vote.signature)
            }
            JournalEntry::LedgerVote(vote) => {
                (vote.voter, vote.registry, vote.statement(), vote.signature)
            }
            JournalEntry::Keys(letter) => {
                self.votes += 1;
                let number = letter.number();
                if self.letters.iter().any(|other| other.is_rival_of(letter)) {
                    return Some(format!("two group keys are signed under number {number}"));
                }
                let fault = || format!("a letter of group key {number} is not its sequencer's");
                return (!letter.is_sound(registries, self.verdicts)).then(fault);
            }
            _ => return None,
        };
        self.votes += 1;
        let key = registries.version(version).and_then(|registry| registry.key(voter));
        let message = statement.digest(&self.community);
        let holds = key.is_some_and(|key| self.verdicts.check(key, &message, &signature));
        (!holds).then(|| format!("a vote of {voter} does not carry its signature"))
    }
}
