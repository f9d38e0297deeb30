//! `gridpact chain verify`: a chain proved from its bytes alone.

use gridpact_chain::digest::Digest;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::keyring::Keyring;
use gridpact_chain::registry::Registries;
use gridpact_chain::sign::{Claim, Verdicts as _};
use gridpact_chain::statement::Statement;
use gridpact_chain::verifier::audit_reading;

use crate::cli::{Failure, say};
use crate::store::archive::Archive;
use crate::store::{End, LogError};
use crate::verdicts::ProcessVerdicts;

pub(super) fn verify(
    archive: &Archive,
    end: &End,
    keys: &Keyring,
    community: Option<Digest>,
    tip: Option<Digest>,
) -> Result<(), Failure> {
    let verdicts = ProcessVerdicts::default();
    let report = audit_reading(&archive.genesis, &archive.pairs, None, keys, &verdicts);
    let found = archive.genesis.community();
    let mut wrong: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("height {}: {}", finding.height, finding.damage))
        .collect();
    if report.balances_sum != 0 {
        wrong.push(format!("balances sum to {} instead of 0", report.balances_sum));
    }
    // While a node runs, the newest pairs still wait for their votes.
    let (is_running, open) = (is_running(end), report.pairs - report.closed);
    if open > 0 && !is_running {
        wrong.push(format!("{open} pairs have no quorum of ledger votes"));
    }
    wrong.extend(cut_tail(end));
    if report.tip != archive.tip {
        wrong.push(format!("the end frame names {} as the tip", archive.tip));
    }
    if community.is_some_and(|community| community != found) {
        wrong.push(format!("this is community {found}"));
    }
    if tip.is_some_and(|tip| tip != report.tip) {
        wrong.push(format!("the chain ends with {}", report.tip));
    }
    let votes = check_own_votes(archive, &found, &verdicts, &mut wrong);
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

/// The votes that the writing node has cast itself carry its signature; returns how many there are.
fn check_own_votes(
    archive: &Archive,
    community: &Digest,
    verdicts: &ProcessVerdicts,
    wrong: &mut Vec<String>,
) -> u64 {
    let mut registries = Registries::founding(&archive.genesis);
    archive.pairs.iter().for_each(|(pair, proof)| registries.follow(pair, proof));
    let mut votes = 0;
    for record in &archive.records {
        let (voter, version, statement, signature): (_, _, Statement, _) = match record {
            JournalEntry::Approval { vote, .. } => {
                (vote.voter, vote.registry, vote.statement(), vote.signature)
            }
            JournalEntry::LedgerVote(vote) => {
                (vote.voter, vote.registry, vote.statement(), vote.signature)
            }
            JournalEntry::Keys(letter) => {
                votes += 1;
                if !letter.is_sound(&registries, verdicts) {
                    let number = letter.number();
                    wrong.push(format!("a letter of group key {number} is not its sequencer's"));
                }
                continue;
            }
            _ => continue,
        };
        votes += 1;
        let key = registries.version(version).and_then(|registry| registry.key(voter));
        let holds = key.is_some_and(|key| {
            let claim = Claim { key, message: statement.digest(community), signature };
            verdicts.check(claim.key, &claim.message, &claim.signature)
        });
        if !holds {
            wrong.push(format!("a vote of {voter} does not carry its signature"));
        }
    }
    votes
}
