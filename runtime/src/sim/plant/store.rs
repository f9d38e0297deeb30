//! Stored energy: exact to the micro-Wh, whole Wh at the meter.
//!
//! One Wh drawn at an efficiency of `e` ppm stores exactly `e` micro-Wh; what a delivered Wh takes out
//! is rounded up, so that nothing is ever made.

use gridpact_agents::resource::nature::Storage;
use gridpact_agents::resource::realise::PowerRanges;

/// Micro-Wh in a Wh, and ppm in a whole.
const MICRO: u64 = 1_000_000;

/// A storage and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    nature: Storage,
    interval_s: u64,
    held_uwh: u64,
    /// Most power it gives, W.
    discharge_w: u64,
    /// Charge below which it gives nothing, micro-Wh.
    kept_uwh: u64,
}

impl Store {
    /// A storage holding `held_wh`, at most its capacity.
    #[must_use]
    pub fn new(nature: Storage, held_wh: u64, interval_s: u32) -> Self {
        let held_uwh = held_wh.min(nature.capacity_wh) * MICRO;
        let kept_uwh = nature.capacity_wh * u64::from(nature.floor_ppm);
        let (discharge_w, interval_s) = (nature.discharge_w, interval_s.max(1).into());
        Self { nature, interval_s, held_uwh, discharge_w, kept_uwh }
    }

    /// The same behind a charger that gives at most `discharge_w`, and nothing below `kept_wh`.
    #[must_use]
    pub fn restrained(mut self, discharge_w: u64, kept_wh: u64) -> Self {
        self.discharge_w = self.discharge_w.min(discharge_w);
        self.kept_uwh = self.kept_uwh.max(kept_wh.saturating_mul(MICRO));
        self
    }

    /// Energy held, micro-Wh.
    #[must_use]
    pub fn held_uwh(&self) -> u64 {
        self.held_uwh
    }

    /// Energy held, whole Wh.
    #[must_use]
    pub fn held_wh(&self) -> u64 {
        self.held_uwh / MICRO
    }

    /// Draws up to `wh` from the site within one interval; returns what was drawn.
    pub fn charge(&mut self, wh: u64) -> u64 {
        let eta = u64::from(self.nature.eta_charge_ppm).max(1);
        let room = (self.nature.capacity_wh * MICRO).saturating_sub(self.held_uwh);
        let drawn = wh.min(self.in_interval(self.nature.charge_w)).min(room / eta);
        self.held_uwh += drawn * eta;
        drawn
    }

    /// Gives up to `wh` to the site within one interval, never below the floor; returns what was
    /// given.
    pub fn discharge(&mut self, wh: u64) -> u64 {
        let eta = u64::from(self.nature.eta_discharge_ppm).max(1);
        let spare = u128::from(self.held_uwh.saturating_sub(self.kept_uwh));
        let most = spare * u128::from(eta) / u128::from(MICRO * MICRO);
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let given = wh.min(self.in_interval(self.discharge_w)).min(most);
        let taken = (u128::from(given) * u128::from(MICRO * MICRO)).div_ceil(u128::from(eta));
        self.held_uwh -= u64::try_from(taken).unwrap_or(u64::MAX).min(self.held_uwh);
        given
    }

    /// Does both parts of a setpoint: one inverter does only their difference.
    pub fn follow(&mut self, consume_wh: u64, produce_wh: u64) -> (u64, u64) {
        if consume_wh >= produce_wh {
            (self.charge(consume_wh - produce_wh), 0)
        } else {
            (0, self.discharge(produce_wh - consume_wh))
        }
    }

    /// Energy to draw until `wh` are held; 0 when they are.
    #[must_use]
    pub fn missing_wh(&self, wh: u64) -> u64 {
        let target = wh.min(self.nature.capacity_wh) * MICRO;
        target.saturating_sub(self.held_uwh).div_ceil(u64::from(self.nature.eta_charge_ppm).max(1))
    }

    /// Uses up to `wh` on the road; returns what was missing.
    pub fn drive(&mut self, wh: u64) -> u64 {
        let wanted = wh * MICRO;
        let missing = wanted.saturating_sub(self.held_uwh);
        self.held_uwh = self.held_uwh.saturating_sub(wanted);
        missing.div_ceil(MICRO)
    }

    /// What a charger makes of so much energy within an interval: all of it, or nothing where that
    /// is less than it can draw.
    #[must_use]
    pub fn realisable(&self, wh: u64) -> u64 {
        if wh >= self.least_wh() { wh } else { 0 }
    }

    /// The smallest energy a charger can draw in one interval, Wh.
    #[must_use]
    pub fn least_wh(&self) -> u64 {
        let interval_s = u32::try_from(self.interval_s).unwrap_or(u32::MAX);
        PowerRanges::charger(self.nature.charge_w).least_wh(interval_s)
    }

    fn in_interval(&self, power_w: u64) -> u64 {
        power_w.saturating_mul(self.interval_s) / 3600
    }
}

#[cfg(test)]
mod tests {
    use gridpact_chain::terms::Price;
    use proptest::prelude::*;

    use super::*;

    fn battery(eta: u32) -> Storage {
        Storage {
            capacity_wh: 10_000,
            charge_w: 5_000,
            discharge_w: 4_000,
            eta_charge_ppm: eta,
            eta_discharge_ppm: eta,
            floor_ppm: 100_000,
            wear: Price(0),
        }
    }

    #[test]
    fn limits_of_power_capacity_and_floor_bind() {
        let mut store = Store::new(battery(1_000_000), 9_000, 1800);
        assert_eq!(store.charge(9_999), 1_000, "capacity");
        assert_eq!(store.discharge(9_999), 2_000, "power");
        let mut store = Store::new(battery(1_000_000), 1_500, 1800);
        assert_eq!(store.discharge(9_999), 500, "floor");
        assert_eq!(store.charge(9_999), 2_500, "power");
        let mut below = Store::new(battery(1_000_000), 400, 1800);
        assert_eq!(below.discharge(1), 0, "below the floor nothing is given");
    }

    #[test]
    fn a_round_trip_costs_its_losses() {
        let mut store = Store::new(battery(933_000), 1_000, 1800);
        assert_eq!(store.charge(1_000), 1_000);
        assert_eq!(store.held_uwh(), 1_933_000_000);
        assert_eq!(store.discharge(5_000), 870);
    }

    #[test]
    fn a_charger_has_a_least_power_and_time() {
        let store = Store::new(battery(933_000), 1_000, 1800);
        assert_eq!(store.least_wh(), 117);
        let minute = Store::new(battery(933_000), 1_000, 60);
        assert_eq!(minute.least_wh(), 24);
    }

    proptest! {
        #[test]
        fn energy_is_never_made(
            eta in 500_000_u32..=1_000_000,
            steps in proptest::collection::vec((0_u64..4_000, 0_u64..4_000, 0_u64..2_000), 1..60),
        ) {
            let mut store = Store::new(battery(eta), 5_000, 1800);
            let (mut drawn, mut given, mut driven) = (0, 0, 0);
            for (consume, produce, road) in steps {
                let (c, d) = store.follow(consume, produce);
                prop_assert!(c == 0 || d == 0);
                (drawn, given) = (drawn + c, given + d);
                driven += road - store.drive(road);
                prop_assert!(store.held_uwh() <= 10_000 * MICRO);
            }
            let inflow = 5_000 * MICRO + drawn * u64::from(eta);
            let outflow = given as f64 * 1e12 / f64::from(eta) + driven as f64 * 1e6;
            let left = inflow as f64 - outflow;
            // Every delivery and trip rounds to the disadvantage of the store by less than one Wh.
            prop_assert!(store.held_uwh() as f64 <= left + 1.0);
            prop_assert!(store.held_uwh() as f64 >= left - 60.0 * 1e6);
        }
    }
}
