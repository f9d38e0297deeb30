//! Pairs with everything that proves them, ascending: each waits for its ledger votes, which lie behind
//! it, and no more than so many wait.

use std::collections::VecDeque;

use super::archive::{ArchiveError, Height, with_votes};
use super::read::End;
use super::stream::{Item, Stream};
use gridpact_chain::digest::Digest;
use gridpact_chain::genesis::Genesis;

/// Pairs that wait for ledger votes before the oldest is handed out without any.
pub const WAITING_MAX: usize = 16_384;

/// The heights of one log.
#[derive(Debug)]
pub struct Heights {
    items: Stream,
    waiting: VecDeque<Height>,
    /// Height of the first that waits.
    first: u64,
    most: usize,
    is_over: bool,
}

impl Heights {
    /// Those of `items`, whose other items are passed over.
    #[must_use]
    pub fn of(items: Stream) -> Self {
        Self::waiting_for(items, WAITING_MAX)
    }

    /// The same, where so many may wait.
    pub(super) fn waiting_for(items: Stream, most: usize) -> Self {
        Self { items, waiting: VecDeque::new(), first: 1, most, is_over: false }
    }

    /// The founding document.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        self.items.genesis()
    }

    /// As [`Stream::finish`].
    ///
    /// # Errors
    /// As there.
    pub fn finish(self) -> Result<(Digest, End), ArchiveError> {
        self.items.finish()
    }

    fn read_on(&mut self) -> Result<Option<Height>, ArchiveError> {
        while !self.is_over && !self.may_go() {
            match self.items.next().transpose()? {
                Some(Item::Pair(pair, proof)) => self.waiting.push_back((pair, proof)),
                Some(Item::Closed(height, votes)) => {
                    let at = height.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
                    let Some((_, proof)) = at.and_then(|at| self.waiting.get_mut(at)) else {
                        let most = self.most;
                        let late =
                            format!("the votes of height {height} lie {most} heights above it");
                        return Err(ArchiveError::Missing(late));
                    };
                    *proof = with_votes(proof, votes);
                }
                Some(Item::Record(_) | Item::Contract(_) | Item::Hidden) => {}
                None => self.is_over = true,
            }
        }
        let next = self.waiting.pop_front();
        self.first += u64::from(next.is_some());
        Ok(next)
    }

    fn may_go(&self) -> bool {
        let is_closed = |(_, proof): &Height| proof.ledger_votes.is_some();
        self.waiting.len() > self.most || self.waiting.front().is_some_and(is_closed)
    }
}

impl Iterator for Heights {
    type Item = Result<Height, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.read_on();
        if next.is_err() {
            self.is_over = true;
            self.waiting.clear();
        }
        next.transpose()
    }
}
