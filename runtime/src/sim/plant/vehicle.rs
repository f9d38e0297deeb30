//! A vehicle between its stays: plugged in it is a storage behind a charger, away it drives.

use std::sync::Arc;

use gridpact_agents::resource::nature::{self, FullNow, Stay};
use gridpact_agents::resource::reading::Setpoint;
use gridpact_chain::terms::{Interval, Money};

use super::store::Store;
use crate::sim::community::Knowledge;

/// A vehicle in motion.
#[derive(Debug, Clone)]
pub struct Vehicle {
    store: Store,
    stays: Arc<[Stay]>,
    told: Arc<[Stay]>,
    knowledge: Knowledge,
    /// The first stay whose trip lies ahead.
    next: usize,
    missing_wh: u64,
    /// Stays whose driver wants it full now, by their place.
    asking: Arc<[bool]>,
}

/// Most that may go through what is in front of a charger in an interval, Wh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Into the vehicle.
    pub take_wh: u64,
    /// Out of it.
    pub give_wh: u64,
}

/// A driver is told what full now costs before he accepts any cost.
const WHATEVER: Money = Money(i64::MAX);

impl Vehicle {
    /// The vehicle as it stands at `start`.
    #[must_use]
    pub fn new(
        nature: &nature::Vehicle,
        initial_wh: u64,
        stays: (&Arc<[Stay]>, &Arc<[Stay]>),
        asking: &Arc<[bool]>,
        knowledge: Knowledge,
        start: Interval,
        interval_s: u32,
    ) -> Self {
        Self {
            store: Store::new(nature.store, initial_wh, interval_s)
                .restrained(nature.discharge_w(), nature.kept_wh()),
            stays: Arc::clone(stays.0),
            told: Arc::clone(stays.1),
            knowledge,
            next: stays.0.partition_point(|stay| stay.departure <= start),
            missing_wh: 0,
            asking: Arc::clone(asking),
        }
    }

    /// What the driver wishes at the beginning of `now`: on arrival he asks what full now costs, and
    /// from the next interval on he accepts it.
    #[must_use]
    pub fn wish(&self, now: Interval) -> Option<FullNow> {
        let stays = self.stays.iter().zip(self.asking.iter()).skip(self.next);
        let (stay, asks) = stays.into_iter().find(|(stay, _)| stay.departure > now)?;
        let is_here = stay.arrival <= now && *asks;
        is_here.then(|| FullNow { at_most: (stay.arrival < now).then_some(WHATEVER) })
    }

    /// When the present or next stay began, for the order in which vehicles are served.
    #[must_use]
    pub fn arrival(&self) -> Option<Interval> {
        self.stays.get(self.next).map(|stay| stay.arrival)
    }

    /// Energy in the battery, Wh.
    #[must_use]
    pub fn held_wh(&self) -> u64 {
        self.store.held_wh()
    }

    /// Energy that trips needed and the battery did not have, so far, Wh: bought on the road.
    #[must_use]
    pub fn missing_wh(&self) -> u64 {
        self.missing_wh
    }

    /// One interval; returns what was drawn and given at the charger, Wh. Without a setpoint it
    /// charges at once up to what the departure needs; `room` is the most the site and the line of
    /// its station can take and give.
    pub fn step(&mut self, at: Interval, wish: Option<Setpoint>, room: Room) -> (u64, u64) {
        self.drive_until(at);
        let Some(stay) = self.stays.get(self.next).filter(|stay| stay.arrival <= at) else {
            return (0, 0);
        };
        match wish {
            None => {
                let missing = self.store.missing_wh(stay.departure_wh);
                let least = if missing > 0 { self.store.least_wh() } else { 0 };
                let drawn = self.store.realisable(missing.max(least).min(room.take_wh));
                (self.store.charge(drawn), 0)
            }
            Some(wish) if wish.consume_wh >= wish.produce_wh => {
                let wanted = wish.consume_wh - wish.produce_wh;
                // An order is what the charger can hold; what a shared line leaves of it may not be.
                let drawn = match wanted > room.take_wh {
                    true => self.store.realisable(room.take_wh),
                    false => wanted,
                };
                (self.store.charge(drawn), 0)
            }
            Some(wish) => {
                let given = wish.produce_wh - wish.consume_wh;
                (0, self.store.discharge(given.min(room.give_wh)))
            }
        }
    }

    /// Trips that have begun by `at` take their energy; a vehicle is as full when it arrives as when
    /// it left, less its trip.
    fn drive_until(&mut self, at: Interval) {
        while let Some(stay) = self.stays.get(self.next).filter(|stay| stay.departure <= at) {
            self.missing_wh += self.store.drive(stay.trip_wh);
            self.next += 1;
        }
    }

    /// What its charger knows at the beginning of `now`: the present stay, and later ones before
    /// `horizon` where the future is known. A vehicle that stays longer than was said is expected to
    /// leave after the present interval.
    #[must_use]
    pub fn known(&self, now: Interval, horizon: Interval) -> Vec<Stay> {
        let last = if self.knowledge.future { horizon } else { now.plus(1) };
        let told = self.stays.iter().zip(self.told.iter()).skip(self.next);
        told.skip_while(|(stay, _)| stay.departure <= now)
            .take_while(|(stay, _)| stay.arrival < last)
            .map(|(_, told)| Stay { departure: told.departure.max(now.plus(1)), ..*told })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use gridpact_chain::terms::Price;

    use gridpact_agents::resource::nature::Storage;

    use super::*;
    use crate::sim::community::EvKnowledge;

    fn out(give_wh: u64) -> Room {
        Room { take_wh: u64::MAX, give_wh }
    }

    fn vehicle(future: bool) -> Vehicle {
        let nature = Storage {
            capacity_wh: 40_000,
            charge_w: 7_400,
            discharge_w: 7_400,
            eta_charge_ppm: 880_000,
            eta_discharge_ppm: 933_000,
            floor_ppm: 200_000,
            wear: Price(0),
        };
        let stay = |arrival, departure, trip_wh| Stay {
            arrival: Interval(arrival),
            departure: Interval(departure),
            departure_wh: 30_000,
            trip_wh,
        };
        let stays: Arc<[Stay]> =
            Arc::new([stay(0, 14, 8_000), stay(32, 62, 45_000), stay(80, 90, 0)]);
        let told: Arc<[Stay]> =
            Arc::new([stay(0, 12, 8_000), stay(32, 64, 45_000), stay(80, 90, 0)]);
        let knowledge = Knowledge { departure: EvKnowledge::Stated, future };
        let nature = nature::Vehicle::consenting(nature);
        let asking: Arc<[bool]> = Arc::new([false, true, false]);
        Vehicle::new(&nature, 24_000, (&stays, &told), &asking, knowledge, Interval(0), 1800)
    }

    fn wish(at: u32, consume_wh: u64, produce_wh: u64) -> Option<Setpoint> {
        Some(Setpoint { interval: Interval(at), consume_wh, produce_wh, is_firm: false })
    }

    #[test]
    fn plugged_in_it_charges_what_its_departure_needs_and_no_more() {
        let mut car = vehicle(false);
        let drawn: u64 = (0..14).map(|at| car.step(Interval(at), None, out(0)).0).sum();
        assert!((6_819..=6_936).contains(&drawn), "{drawn}");
        assert!((30_000..30_110).contains(&car.held_wh()));
    }

    #[test]
    fn away_it_neither_charges_nor_gives_and_comes_back_with_less() {
        let mut car = vehicle(false);
        for at in 0..14 {
            car.step(Interval(at), wish(at, 0, 0), out(9_999));
        }
        assert_eq!(car.held_wh(), 24_000);
        for at in 14..32 {
            assert_eq!(car.step(Interval(at), wish(at, 3_000, 0), out(9_999)), (0, 0));
        }
        assert_eq!(car.held_wh(), 16_000);
        let given = car.step(Interval(32), wish(32, 0, 2_000), out(1_500));
        assert_eq!(given, (0, 1_500), "site limit");
        for at in 34..80 {
            car.step(Interval(at), None, out(0));
        }
        assert_eq!(car.step(Interval(80), wish(80, 0, 0), out(0)), (0, 0));
        assert!(car.held_wh() < 110);
        assert!(car.missing_wh() > 14_000, "the long trip needed energy from elsewhere");
    }

    #[test]
    fn only_what_can_be_known_is_told() {
        let car = vehicle(false);
        let departures = |car: &Vehicle, now| -> Vec<u32> {
            car.known(Interval(now), Interval(100)).iter().map(|s| s.departure.0).collect()
        };
        assert_eq!(departures(&car, 0), [12]);
        assert_eq!(departures(&car, 13), [14], "overdue: it may leave at once");
        assert_eq!(departures(&car, 14), [] as [u32; 0]);
        assert_eq!(departures(&car, 32), [64]);
        assert_eq!(departures(&vehicle(true), 0), [12, 64, 90]);
    }
}
