//! The resend rule of protocol section 2: a request is said again, unchanged, until it is
//! answered or its phase ends; a peer that stays silent blocks nobody for long.

use gridpact_chain::terms::Timestamp;

/// Shortest wait before a request is said again, in ms.
pub const RESEND_MIN_MS: u64 = 250;
/// Longest wait between two resends, in ms: a dead peer costs little until the deadline.
pub const RESEND_MAX_MS: u64 = 4_000;
/// Resends after which `resp_timeout_ms` without an answer counts as silence.
pub const RESENDS_BEFORE_SILENCE: u32 = 3;

/// The observed round trip, smoothed over eight answers.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    smoothed_ms: Option<u64>,
}

impl RoundTrip {
    /// Takes in one answer to a request that was said only once.
    fn observe(&mut self, ms: u64) {
        self.smoothed_ms = Some(self.smoothed_ms.map_or(ms, |old| (old * 7 + ms) / 8));
    }

    /// How long to wait before saying it again: max(250 ms, twice the round trip).
    pub(crate) fn patience_ms(&self) -> u64 {
        self.smoothed_ms.map_or(RESEND_MIN_MS, |ms| (2 * ms).max(RESEND_MIN_MS))
    }
}

/// What a look at an unanswered request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing yet.
    Nothing,
    /// Say it again.
    Again,
    /// Say it again, and stop waiting for it.
    Silent,
}

/// One unanswered request.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    first: Timestamp,
    due: Timestamp,
    resends: u32,
}

impl Attempt {
    /// A request that leaves now.
    pub(crate) fn new(now: Timestamp, round_trip: &RoundTrip) -> Self {
        Self { first: now, due: now.after_ms(round_trip.patience_ms()), resends: 0 }
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Timestamp {
        self.due
    }

    /// Whether others have stopped waiting for it.
    pub(crate) fn is_silent(&self) -> bool {
        self.resends > RESENDS_BEFORE_SILENCE
    }

    /// Looks at the clock; the first [`RESENDS_BEFORE_SILENCE`] resends keep the rule's pace, then
    /// the response timeout runs from the last of them, then the pace halves each time.
    pub(crate) fn look(&mut self, now: Timestamp, round_trip: &RoundTrip, timeout_ms: u64) -> Due {
        if now < self.due {
            return Due::Nothing;
        }
        self.resends += 1;
        let patience = round_trip.patience_ms();
        let over = self.resends.saturating_sub(RESENDS_BEFORE_SILENCE);
        let wait = match over {
            0 if self.resends < RESENDS_BEFORE_SILENCE => patience,
            0 => timeout_ms.max(1),
            _ => patience.saturating_mul(1 << over.min(16)).min(RESEND_MAX_MS.max(patience)),
        };
        self.due = now.after_ms(wait);
        if over == 1 { Due::Silent } else { Due::Again }
    }

    /// Takes the answer in; only an unrepeated request measures the round trip.
    pub(crate) fn answered(&self, now: Timestamp, round_trip: &mut RoundTrip) {
        if self.resends == 0 {
            round_trip.observe(now.ms_since(self.first));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_resends_then_the_timeout_then_ever_rarer() {
        let round_trip = RoundTrip::default();
        let mut attempt = Attempt::new(Timestamp(0), &round_trip);
        let mut seen = Vec::new();
        while attempt.due() < Timestamp(12_000) {
            let at = attempt.due();
            seen.push((at.0, attempt.look(at, &round_trip, 1_000)));
        }
        let again = |ms| (ms, Due::Again);
        assert_eq!(
            seen,
            [
                again(250),
                again(500),
                again(750),
                (1_750, Due::Silent),
                again(2_250),
                again(3_250),
                again(5_250),
                again(9_250),
            ]
        );
        assert!(attempt.is_silent());
    }

    #[test]
    fn a_slow_peer_is_given_twice_its_round_trip() {
        let mut round_trip = RoundTrip::default();
        let attempt = Attempt::new(Timestamp(0), &round_trip);
        attempt.answered(Timestamp(400), &mut round_trip);
        assert_eq!(round_trip.patience_ms(), 800);
        let mut next = Attempt::new(Timestamp(1_000), &round_trip);
        assert_eq!(next.look(Timestamp(1_799), &round_trip, 1_000), Due::Nothing);
        assert_eq!(next.look(Timestamp(1_800), &round_trip, 1_000), Due::Again);
        next.answered(Timestamp(9_000), &mut round_trip);
        assert_eq!(round_trip.patience_ms(), 800, "a repeated request measures nothing");
    }
}
