//! Which method a series should use: each says now and then what it expects, and is judged by what
//! comes. Readings pay for it: a few guesses once a day, so that it costs next to nothing.

use super::method::{Method, View};
use super::scenario;

/// Half-hours between two rounds of guesses; prime to a day's, so that all times of day have their
/// turn.
const EVERY: u32 = 47;

/// Half-hours ahead that are guessed: as many within two hours as within the day after.
const LEADS: [u32; 8] = [1, 2, 3, 4, 8, 16, 32, 48];

/// What is left of a loss after each later verdict: some two hundred of them, four weeks of guesses, count.
const FORGET: f64 = 0.995;

/// Verdicts before which nobody is replaced.
const VERDICTS_MIN: u32 = 80;

/// A challenger has to lose less by this many standard errors: the best of many in a few weeks is
/// often just lucky, and the methods come in the order of what they did on other homes.
const SURE: f64 = 3.0;

/// Most guesses that wait; more would be of intervals that never came.
const PENDING_MAX: usize = 64;

/// Guesses of all methods for one interval.
#[derive(Debug, Clone)]
struct Guesses {
    due: u32,
    wh: Vec<f64>,
}

/// A rolling backtest between the methods of one series.
#[derive(Debug, Clone)]
pub(super) struct Contest {
    pending: Vec<Guesses>,
    /// By method, how much less it has lost than the one in use: sum, and sum of squares.
    gains: Vec<(f64, f64)>,
    verdicts: u32,
    chosen: usize,
    next: u32,
}

impl Contest {
    /// A contest of this many methods; the first one leads until another has proved better.
    pub fn new(methods: usize) -> Self {
        Self {
            pending: Vec::new(),
            gains: vec![(0.0, 0.0); methods],
            verdicts: 0,
            chosen: 0,
            next: 0,
        }
    }

    /// The method in use.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// Judges the guesses of `at`, which was `wh`.
    pub fn judge(&mut self, at: u32, wh: f64) {
        for guesses in self.pending.iter().filter(|guesses| guesses.due == at) {
            let lost = |guess: f64| (guess - wh).abs();
            let own = guesses.wh.get(self.chosen).map_or(0.0, |guess| lost(*guess));
            for ((sum, squares), guess) in self.gains.iter_mut().zip(&guesses.wh) {
                let gain = own - lost(*guess);
                *sum = FORGET * *sum + gain;
                *squares = FORGET * *squares + gain * gain;
            }
            self.verdicts = self.verdicts.saturating_add(1);
        }
        self.pending.retain(|guesses| guesses.due > at);
        if self.verdicts < VERDICTS_MIN {
            return;
        }
        let sure = |(sum, squares): (f64, f64)| sum / squares.sqrt().max(f64::MIN_POSITIVE);
        let all = self.gains.iter().map(|gain| sure(*gain)).enumerate();
        if let Some((best, sureness)) = all.max_by(|a, b| a.1.total_cmp(&b.1))
            && sureness > SURE
        {
            self.chosen = best;
            // The others are now measured by this one.
            let (sum, _) = self.gains[best];
            self.gains.iter_mut().for_each(|gain| gain.0 -= sum);
        }
    }

    /// Takes new guesses, when it is time for them; `at` is the newest reading.
    pub fn guess(&mut self, view: &View<'_>, at: u32, methods: &[Box<dyn Method>]) {
        if at < self.next {
            return;
        }
        let half_hour = view.clock.half_hour();
        self.next = at.saturating_add(EVERY * half_hour);
        for lead in LEADS {
            let due = at.saturating_add(lead * half_hour);
            let wh = methods.iter().map(|method| p50(&**method, view, due)).collect();
            if self.pending.len() < PENDING_MAX {
                self.pending.push(Guesses { due, wh });
            }
        }
    }
}

/// The method's P50 of one interval; cold, the newest value.
fn p50(method: &dyn Method, view: &View<'_>, at: u32) -> f64 {
    let of_scenarios = || {
        let mut scenarios = Vec::new();
        method.walk(*view)(at, &mut scenarios);
        scenario::quantile(&mut scenarios, 0.5)
    };
    let wh = method.point(view, at).or_else(of_scenarios);
    wh.or_else(|| view.past.last()).unwrap_or(0.0)
}
