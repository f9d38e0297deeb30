//! Energy that was too little to switch on for: it moves on to the next interval.
//!
//! It is bounded by what a device switches on for, and gone if the next interval brings no setpoint.

use gridpact_chain::terms::Interval;

use super::reading::Setpoint;
use super::realise::{PowerRanges, Realised};

/// What has moved into the interval last asked about, and out of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moved {
    into: Setpoint,
    /// Of that, what is added to the wish.
    added: Setpoint,
    /// Of that, what goes the other way than the wish and waits.
    waiting: Setpoint,
    onward: Setpoint,
}

impl Moved {
    /// A wish with what has moved into its interval; asked again about the same interval, the same
    /// is added. What was to be charged does not shorten what is now to be given, nor the reverse: it
    /// waits. So does all of it where a sale depends on the wish.
    pub fn add_to(&mut self, wish: Setpoint) -> Setpoint {
        let nothing = Setpoint { interval: wish.interval, ..Setpoint::default() };
        if self.onward.interval == wish.interval {
            self.into = self.onward;
        }
        if self.into.interval != wish.interval {
            self.into = nothing;
        }
        let mut added = if wish.is_firm { nothing } else { self.into };
        if wish.consume_wh > wish.produce_wh {
            added.produce_wh = 0;
        } else if wish.produce_wh > wish.consume_wh {
            added.consume_wh = 0;
        }
        self.added = added;
        self.waiting = Setpoint {
            consume_wh: self.into.consume_wh - added.consume_wh,
            produce_wh: self.into.produce_wh - added.produce_wh,
            ..nothing
        };
        Setpoint {
            consume_wh: wish.consume_wh.saturating_add(added.consume_wh),
            produce_wh: wish.produce_wh.saturating_add(added.produce_wh),
            ..wish
        }
    }

    /// Keeps what the energies of `interval` have left over.
    pub fn keep(&mut self, interval: Interval, consume: &Realised, produce: &Realised) {
        let of = |part: Setpoint| match part.interval == interval {
            true => part,
            false => Setpoint::default(),
        };
        let (added, waiting) = (of(self.added), of(self.waiting));
        // What moved in and found no power moves on.
        let left = |run: &Realised, added_wh: u64, waiting_wh: u64| {
            run.carried_wh.saturating_add(run.clipped_wh.min(added_wh)).saturating_add(waiting_wh)
        };
        self.onward = Setpoint {
            interval: interval.plus(1),
            consume_wh: left(consume, added.consume_wh, waiting.consume_wh),
            produce_wh: left(produce, added.produce_wh, waiting.produce_wh),
            is_firm: false,
        };
    }

    /// Nothing is given later that was to be given now.
    pub fn drop_giving(&mut self) {
        self.onward.produce_wh = 0;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHARGER_W: u64 = 7_400;

    fn wish(at: u32, consume_wh: u64, produce_wh: u64) -> Setpoint {
        Setpoint { interval: Interval(at), consume_wh, produce_wh, is_firm: false }
    }

    fn told(moved: &mut Moved, wish: Setpoint) -> (u64, u64) {
        let (charger, any) = (PowerRanges::charger(CHARGER_W), PowerRanges::up_to(CHARGER_W));
        let told = moved.realise(wish, (&charger, &any), 1_800);
        (told.consume_wh, told.produce_wh)
    }

    #[test]
    fn too_little_waits_behind_a_sale_and_is_gone_after_an_interval_without_a_word() {
        let mut moved = Moved::default();
        assert_eq!(told(&mut moved, wish(1, 60, 0)), (0, 0));
        assert_eq!(told(&mut moved, wish(2, 0, 500)), (0, 500), "the sale is served whole");
        assert_eq!(told(&mut moved, wish(2, 0, 400)), (0, 400), "told again");
        assert_eq!(told(&mut moved, wish(3, 60, 0)), (120, 0));
        assert_eq!(told(&mut moved, wish(4, 60, 0)), (0, 0));
        assert_eq!(told(&mut moved, wish(6, 60, 0)), (0, 0));
        assert_eq!(told(&mut moved, wish(7, 60, 0)), (120, 0));
    }

    #[test]
    fn nothing_is_added_where_a_sale_depends_on_the_wish() {
        let mut moved = Moved::default();
        assert_eq!(told(&mut moved, wish(1, 100, 0)), (0, 0));
        let firm = Setpoint { is_firm: true, ..wish(2, 500, 0) };
        assert_eq!(told(&mut moved, firm), (500, 0), "a sale of the site's sun goes first");
        assert_eq!(told(&mut moved, wish(3, 500, 0)), (600, 0), "it has waited");
    }

    proptest! {
        #[test]
        fn what_a_charger_draws_over_a_stay_is_what_was_wished_within_one_least_run(
            wishes in proptest::collection::vec((0_u64..3_700, 0_u64..4_000), 1..60),
        ) {
            let least_wh = PowerRanges::charger(CHARGER_W).least_wh(1_800);
            let (mut moved, mut wished, mut drawn) = (Moved::default(), 0, 0);
            for (at, (consume_wh, produce_wh)) in (0..).zip(wishes) {
                // Every third interval it gives back; the others charge a little or a lot.
                let (consume_wh, produce_wh) = match at % 3 {
                    2 => (0, produce_wh),
                    _ => (consume_wh / if consume_wh % 2 == 0 { 40 } else { 1 }, 0),
                };
                let (took, gave) = told(&mut moved, wish(at, consume_wh, produce_wh));
                prop_assert!(took == 0 || took >= least_wh, "{took} Wh");
                prop_assert!(took == 0 || gave == 0);
                wished += consume_wh;
                drawn += took;
                prop_assert!(drawn <= wished && wished - drawn < least_wh, "{drawn} of {wished}");
            }
        }
    }
}
