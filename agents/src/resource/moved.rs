//! Energy that was too little to switch on for: it moves on to the next interval.
//!
//! It is bounded by what a device switches on for, and gone if the next interval brings no setpoint
//! or one the other way: the plan has then been made anew from how the device stands.

use super::reading::Setpoint;
use super::realise::{PowerRanges, Realised};

/// What has moved into the interval last asked about, and out of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moved {
    into: Setpoint,
    onward: Setpoint,
}

impl Moved {
    /// A wish with what has moved into its interval; asked again about the same interval, the same
    /// is added. What was to be charged does not shorten what is now to be given, nor the reverse.
    pub fn add_to(&mut self, wish: Setpoint) -> Setpoint {
        if self.onward.interval == wish.interval {
            self.into = self.onward;
        }
        if self.into.interval != wish.interval {
            return wish;
        }
        let (mut consume_wh, mut produce_wh) = (self.into.consume_wh, self.into.produce_wh);
        if wish.consume_wh > wish.produce_wh {
            produce_wh = 0;
        } else if wish.produce_wh > wish.consume_wh {
            consume_wh = 0;
        }
        Setpoint {
            consume_wh: wish.consume_wh.saturating_add(consume_wh),
            produce_wh: wish.produce_wh.saturating_add(produce_wh),
            ..wish
        }
    }

    /// Keeps what the energies of `interval` have left over.
    pub fn keep(
        &mut self,
        interval: gridpact_chain::terms::Interval,
        consume: &Realised,
        produce: &Realised,
    ) {
        self.onward = Setpoint {
            interval: interval.plus(1),
            consume_wh: consume.carried_wh,
            produce_wh: produce.carried_wh,
        };
    }

    /// What a device of these ranges makes of a wish that nobody contradicts.
    pub fn realise(
        &mut self,
        wish: Setpoint,
        (consume, produce): (&PowerRanges, &PowerRanges),
        interval_s: u32,
    ) -> Setpoint {
        let wanted = self.add_to(wish);
        let consume = consume.realise(wanted.consume_wh, interval_s);
        let produce = produce.realise(wanted.produce_wh, interval_s);
        self.keep(wish.interval, &consume, &produce);
        Setpoint { consume_wh: consume.energy_wh, produce_wh: produce.energy_wh, ..wish }
    }
}
