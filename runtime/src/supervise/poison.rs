//! Poison: a kind of letter on which one life after another breaks. After so many panics in a row the supervisor
//! parks letters of that kind (from that sender, where letters name one) instead of restarting for ever. They are
//! counted in a record of dead letters; asks are answered `Parked`. After a while one letter is let through again: if
//! it is handled well the kind is trusted again, if not it is parked at once.
use std::sync::Arc;
use std::time::Duration;

use super::policy::Fault;
use super::timers::Instant;

/// Kinds of letters one actor suspects or remembers as dead; beyond them the oldest is forgotten.
const KINDS_MAX: usize = 16;

/// When letters are parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Panics in a row, with no letter of the kind handled well in between. 0 never parks. With more than
    /// [`super::Intensity::max`] the actor escalates first.
    pub in_a_row: u32,
    /// How long, before one letter is let through again.
    pub term: Duration,
}

impl Default for Poison {
    fn default() -> Self {
        Self { in_a_row: 3, term: Duration::from_secs(60) }
    }
}

/// What is remembered of a poisonous kind of letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The type of the letter.
    pub letter: &'static str,
    /// Its sender, if it names one ([`super::Message::sender`]).
    pub sender: Option<u64>,
    /// Panics in a row when it was last parked; one letter was lost with each.
    pub panics: u32,
    /// Letters parked since, unhandled.
    pub parked: u64,
    /// The last of the panics. The text is the panic's own.
    pub fault: Arc<str>,
}

/// Puts a record in, in the place of what was known of the same kind; its parked letters are added up.
pub(crate) fn keep(record: &mut Vec<DeadLetter>, mut dead: DeadLetter) {
    let same = |known: &DeadLetter| (known.letter, known.sender) == (dead.letter, dead.sender);
    if let Some(at) = record.iter().position(same) {
        dead.parked += record[at].parked;
        record[at] = dead;
        return;
    }
    if record.len() == KINDS_MAX {
        record.remove(0);
    }
    record.push(dead);
}

/// What is being handled: a letter, or something else in which a life can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) at: &'static str,
    pub(crate) sender: Option<u64>,
    pub(crate) is_letter: bool,
}

impl Subject {
    pub(crate) const STARTED: Self = Self::place("started");

    #[inline]
    pub(crate) const fn letter(at: &'static str, sender: Option<u64>) -> Self {
        Self { at, sender, is_letter: true }
    }

    pub(crate) const fn place(at: &'static str) -> Self {
        Self { at, sender: None, is_letter: false }
    }
}

struct Suspect {
    subject: Subject,
    panics: u32,
    fault: Arc<str>,
    parked_until: Option<Instant>,
}

impl Suspect {
    fn dead(&self, parked: u64) -> DeadLetter {
        let Subject { at, sender, .. } = self.subject;
        DeadLetter {
            letter: at,
            sender,
            panics: self.panics,
            parked,
            fault: Arc::clone(&self.fault),
        }
    }
}

/// The kinds of letters on which recent lives have broken; it outlives them.
#[derive(Default)]
pub(crate) struct Suspects(Vec<Suspect>);

impl Suspects {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A life broke on this. Yields a record if such letters are parked from now on.
    pub(crate) fn broke(
        &mut self,
        policy: Poison,
        subject: Subject,
        fault: &Fault,
        now: Instant,
    ) -> Option<DeadLetter> {
        if policy.in_a_row == 0 || !subject.is_letter {
            return None;
        }
        let at = self.0.iter().position(|known| known.subject == subject).unwrap_or_else(|| {
            if self.0.len() == KINDS_MAX {
                self.0.remove(0);
            }
            let fault = Arc::clone(&fault.text);
            self.0.push(Suspect { subject, panics: 0, fault, parked_until: None });
            self.0.len() - 1
        });
        let suspect = &mut self.0[at];
        suspect.panics = suspect.panics.saturating_add(1);
        suspect.fault = Arc::clone(&fault.text);
        if suspect.panics < policy.in_a_row {
            return None;
        }
        suspect.parked_until = Some(now + policy.term);
        Some(suspect.dead(0))
    }

    /// Whether a letter is to be parked; if so, the record of it.
    pub(crate) fn park(&mut self, subject: Subject, now: Instant) -> Option<DeadLetter> {
        let suspect = self.0.iter().find(|known| known.subject == subject)?;
        (now < suspect.parked_until?).then(|| suspect.dead(1))
    }

    /// A letter was handled to its end.
    pub(crate) fn went_well(&mut self, subject: Subject) {
        self.0.retain(|known| known.subject != subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Poison = Poison { in_a_row: 2, term: Duration::from_secs(1) };
    const OFFER: Subject = Subject::letter("Offer", None);

    fn fault() -> Fault {
        Fault { at: "Offer", text: "broken".into() }
    }

    #[test]
    fn a_kind_is_parked_at_the_limit_and_not_before() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        assert_eq!(suspects.broke(POLICY, OFFER, &fault(), now), None);
        assert_eq!(suspects.park(OFFER, now), None);
        let dead = suspects.broke(POLICY, OFFER, &fault(), now).expect("the second is enough");
        assert_eq!((dead.panics, dead.parked), (2, 0));
        assert_eq!(suspects.park(OFFER, now).map(|dead| dead.parked), Some(1));
        assert_eq!(suspects.park(Subject::letter("Other", None), now), None);
    }

    #[test]
    fn one_letter_handled_well_breaks_the_row() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        suspects.broke(POLICY, OFFER, &fault(), now);
        suspects.went_well(OFFER);
        assert!(suspects.is_empty());
        assert_eq!(suspects.broke(POLICY, OFFER, &fault(), now), None);
    }

    #[test]
    fn after_its_term_a_kind_is_tried_and_one_more_panic_parks_it_again() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        suspects.broke(POLICY, OFFER, &fault(), now);
        suspects.broke(POLICY, OFFER, &fault(), now);
        let later = now + POLICY.term;
        assert_eq!(suspects.park(OFFER, later), None);
        assert!(suspects.broke(POLICY, OFFER, &fault(), later).is_some());
        assert!(suspects.park(OFFER, later).is_some());
    }

    #[test]
    fn what_is_no_letter_is_never_parked_and_zero_parks_nothing() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        let never = Poison { in_a_row: 0, ..POLICY };
        for _ in 0..10 {
            assert_eq!(suspects.broke(POLICY, Subject::STARTED, &fault(), now), None);
            assert_eq!(suspects.broke(never, OFFER, &fault(), now), None);
        }
        assert!(suspects.is_empty());
    }

    #[test]
    fn suspects_and_records_are_bounded_and_the_oldest_is_forgotten() {
        let (mut suspects, mut record, now) = (Suspects::default(), Vec::new(), Instant::now());
        let once = Poison { in_a_row: 1, ..POLICY };
        for sender in 0..=KINDS_MAX as u64 {
            let subject = Subject::letter("Offer", Some(sender));
            let dead = suspects.broke(once, subject, &fault(), now).expect("one is enough");
            keep(&mut record, dead);
        }
        assert_eq!((suspects.0.len(), record.len()), (KINDS_MAX, KINDS_MAX));
        assert_eq!(record[0].sender, Some(1));
        let again = suspects.park(Subject::letter("Offer", Some(5)), now).expect("still parked");
        keep(&mut record, again.clone());
        keep(&mut record, again);
        assert_eq!((record.len(), record[4].parked), (KINDS_MAX, 2));
    }
}
