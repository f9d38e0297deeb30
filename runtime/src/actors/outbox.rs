//! The outbox of a body: what follows a record leaves the house only when the record is durable.
//!
//! When the disk refuses, everything that waits goes on waiting and the journal is asked again, more
//! and more slowly. Want of room and a damaged store are waited out for as long as they last, any
//! other trouble for a few tries; then the life fails, and the next one starts from the journal.

use std::time::Duration;

use crate::store::StoreError;

/// Tries of one commit before a life is given up for trouble that is not expected to pass.
const TRIES_MAX: u32 = 6;
/// First wait before the disk is asked again.
const WAIT_FIRST: Duration = Duration::from_millis(100);
/// Longest wait before the disk is asked again.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Effects that wait for the journal's commit.
#[derive(Debug)]
pub(crate) struct Outbox<E> {
    waiting: Vec<E>,
    is_dirty: bool,
    tries: u32,
}

/// What has become of a commit.
#[derive(Debug)]
pub(crate) enum Flushed<E> {
    /// It is durable: this may be spoken, in this order.
    Spoken(Vec<E>),
    /// Not yet; ask again after this time.
    Again(Duration),
    /// It will not be: give this life up.
    Failed(String),
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self { waiting: Vec::new(), is_dirty: false, tries: 0 }
    }
}

impl<E> Outbox<E> {
    /// From now on everything waits; whether a commit must be asked for, because none is due yet.
    #[must_use]
    pub fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.is_dirty, true)
    }

    /// Keeps an effect back if it must wait, else hands it back to be performed.
    #[must_use]
    pub fn pass(&mut self, effect: E) -> Option<E> {
        if self.is_dirty {
            self.waiting.push(effect);
            return None;
        }
        Some(effect)
    }

    /// Whether the disk has refused and was not yet asked with success.
    pub fn is_stuck(&self) -> bool {
        self.tries > 0
    }

    /// What is to be done after the journal was asked to commit.
    pub fn after(&mut self, commit: Result<(), StoreError>) -> Flushed<E> {
        match commit {
            Ok(()) => {
                (self.is_dirty, self.tries) = (false, 0);
                Flushed::Spoken(std::mem::take(&mut self.waiting))
            }
            Err(error) if error.is_waited_out() || self.tries + 1 < TRIES_MAX => {
                let wait = WAIT_FIRST.saturating_mul(1 << self.tries.min(10));
                self.tries = self.tries.saturating_add(1);
                Flushed::Again(wait.min(WAIT_MAX))
            }
            Err(error) => Flushed::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LogError;

    fn full() -> StoreError {
        LogError::NoRoom("0001.log".into()).into()
    }

    fn broken() -> StoreError {
        let source = std::io::Error::other("input/output error");
        LogError::Io { action: "flush", path: "0001.log".into(), source }.into()
    }

    #[test]
    fn nothing_behind_a_record_is_spoken_before_its_commit_and_all_of_it_in_order_then() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.pass("free"), Some("free"));
        assert!(outbox.begin());
        assert!(!outbox.begin(), "one commit serves all records before it");
        assert_eq!(outbox.pass("vote"), None);
        assert_eq!(outbox.pass("confirm"), None);
        let Flushed::Spoken(said) = outbox.after(Ok(())) else { panic!("durable") };
        assert_eq!(said, ["vote", "confirm"]);
        assert_eq!(outbox.pass("free"), Some("free"));
    }

    #[test]
    fn a_full_disk_is_waited_out_and_then_everything_is_spoken() {
        let mut outbox = Outbox::default();
        assert!(outbox.begin());
        assert_eq!(outbox.pass("vote"), None);
        let mut waits = Vec::new();
        for _ in 0..40 {
            let Flushed::Again(wait) = outbox.after(Err(full())) else {
                panic!("no reason to die")
            };
            assert!(outbox.is_stuck() && !outbox.begin());
            waits.push(wait);
        }
        assert!(waits.is_sorted() && waits[0] == WAIT_FIRST && waits[39] == WAIT_MAX);
        let Flushed::Spoken(said) = outbox.after(Ok(())) else { panic!("there is room") };
        assert!(said == ["vote"] && !outbox.is_stuck());
    }

    #[test]
    fn a_disk_that_goes_on_failing_ends_the_life_and_nothing_was_spoken() {
        let mut outbox = Outbox::default();
        assert!(outbox.begin());
        assert_eq!(outbox.pass("vote"), None);
        for _ in 1..TRIES_MAX {
            assert!(matches!(outbox.after(Err(broken())), Flushed::Again(_)));
        }
        let Flushed::Failed(why) = outbox.after(Err(broken())) else { panic!("enough") };
        assert!(why.contains("flush 0001.log"), "{why}");
    }
}
