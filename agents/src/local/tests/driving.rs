//! What drivers allow and want: conditions, stations and "full now", told through a yard of vehicles.

use proptest::prelude::*;

use super::*;
use crate::local::forecast::Calendar;
use crate::local::wish::{Penalty, Through};
use crate::resource::nature::{FullNow, V2g, Vehicle};
use gridpact_chain::terms::Money;

/// A clock that is put forward (or back) by two half-hours at `change`.
#[derive(Clone, Copy)]
struct Clock {
    change: u32,
    shift: i32,
}

impl Clock {
    const PLAIN: Self = Self { change: u32::MAX, shift: 0 };

    fn local(&self, at: Interval) -> u32 {
        let shift = if at.0 >= self.change { self.shift } else { 0 };
        at.0.saturating_add_signed(shift)
    }
}

impl Calendar for Clock {
    fn slots_per_day(&self) -> u32 {
        48
    }

    fn slot_of_day(&self, at: Interval) -> u32 {
        self.local(at) % 48
    }

    fn day(&self, at: Interval) -> u32 {
        self.local(at) / 48
    }
}

/// Vehicles behind one line, a load, and nothing else.
struct Yard {
    mind: LocalAgent,
    clock: Clock,
    cars: Vec<Vehicle>,
    line_w: u64,
    stays: Vec<Stay>,
    stored: Vec<f64>,
    gave: Vec<u64>,
    wish: Option<FullNow>,
    told: BTreeMap<DeviceIndex, Setpoint>,
    epoch: u32,
    solved: usize,
    out: Vec<LocalEffect>,
    past: Vec<(DeviceIndex, Reading)>,
}

const LOAD_WH: u32 = 2_000;

/// At the charger all the time.
fn parked() -> Vec<Stay> {
    let (arrival, departure) = (Interval(MIDNIGHT - 10), Interval(MIDNIGHT + 400));
    vec![Stay { arrival, departure, departure_wh: 1_000, trip_wh: 0 }]
}

fn setup(cars: &[Vehicle], line_w: u64, clock: Clock) -> LocalSetup {
    let mut devices = vec![Nature::Load];
    devices.extend(cars.iter().cloned().map(Nature::Vehicle));
    let connectors = (1..devices.len() as DeviceIndex).collect();
    devices.push(Nature::Station { line_w, connectors });
    let load: Arc<[u32]> = vec![LOAD_WH; 300].into();
    LocalSetup {
        party: PartyId(7),
        params: Params::default(),
        devices,
        connection: Connection::default(),
        tariff: Arc::new(tariff()),
        calendar: Arc::new(clock),
        forecaster: Box::new(Perfect::new().with(SeriesId::Device(0), Interval(MIDNIGHT), load)),
        p2p_fee: Price(0),
        seed: 3,
        trading: true,
        trade_until: None,
        manner: crate::local::manner::Manner::default(),
    }
}

fn car(v2g: Option<V2g>) -> Vehicle {
    Vehicle { store: BATTERY, v2g }
}

impl Yard {
    fn new(cars: Vec<Vehicle>, line_w: u64, clock: Clock) -> Self {
        let count = cars.len();
        Self {
            mind: LocalAgent::new(setup(&cars, line_w, clock)),
            clock,
            cars,
            line_w,
            stays: parked(),
            stored: vec![9_500.0; count],
            gave: vec![0; count],
            wish: None,
            told: BTreeMap::new(),
            epoch: MIDNIGHT - 1,
            solved: 0,
            out: Vec::new(),
            past: Vec::new(),
        }
    }

    fn one(v2g: Option<V2g>) -> Self {
        Self::new(vec![car(v2g)], 100_000, Clock::PLAIN)
    }

    fn tell(&mut self, ms: u64, input: LocalInput) {
        let now = Interval(self.epoch).starts_at(1800).after_ms(ms);
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut out = Vec::new();
            self.mind.handle(now, input, &mut out);
            for effect in out {
                match effect {
                    LocalEffect::Solve { ticket, problem } => {
                        self.solved += 1;
                        inputs.push(LocalInput::Solved { ticket, plan: schedule::solve(&problem) });
                    }
                    LocalEffect::Setpoint { device, setpoint } => {
                        self.told.insert(device, setpoint);
                    }
                    LocalEffect::Unplanned(error) => panic!("without a plan: {error}"),
                    other => self.out.push(other),
                }
            }
        }
    }

    /// Vehicles do as they were told in the interval that ends, and the next epoch begins.
    fn next(&mut self) {
        for (i, gave) in self.gave.iter_mut().enumerate() {
            let told =
                self.told.get(&(i as DeviceIndex + 1)).filter(|s| s.interval.0 == self.epoch);
            let (c, d) = told.map_or((0, 0), |s| (s.consume_wh, s.produce_wh));
            *gave = d;
            self.stored[i] = (self.stored[i] + 0.95 * c as f64 - d as f64 / 0.95).min(10_000.0);
            let left = self.stays.iter().filter(|s| s.departure.0 == self.epoch + 1);
            self.stored[i] -= left.map(|s| s.trip_wh as f64).sum::<f64>();
        }
        self.epoch += 1;
        let deadlines = Params::default().epoch.deadlines(Interval(self.epoch).starts_at(1800));
        self.tell(0, LocalInput::EpochStart { epoch: Interval(self.epoch), deadlines });
        let devices = self.cars.len() as DeviceIndex + 2;
        for device in 0..devices {
            let reading = self.reading(device);
            self.past.push((device, reading.clone()));
            self.tell(10, LocalInput::Reading { device, reading });
        }
        self.check();
    }

    fn reading(&self, device: DeviceIndex) -> Reading {
        let mut reading = Reading { interval: Interval(self.epoch - 1), ..Reading::default() };
        let Some(stored) = (device as usize).checked_sub(1).and_then(|i| self.stored.get(i)) else {
            reading.consumed_wh = if device == 0 { LOAD_WH.into() } else { 0 };
            return reading;
        };
        reading.stored_wh = Some(stored.round() as u64);
        reading.produced_wh = self.gave[device as usize - 1];
        reading.stays = self.stays.iter().filter(|s| s.departure.0 > self.epoch).copied().collect();
        reading.wish = self.wish;
        reading
    }

    fn given(&self, i: usize) -> u64 {
        let told = self.told.get(&(i as DeviceIndex + 1));
        told.filter(|s| s.interval.0 == self.epoch).map_or(0, |s| s.produce_wh)
    }

    /// No setpoint of the present interval breaks a condition or the line.
    fn check(&self) {
        let at = Interval(self.epoch);
        let mut through = 0;
        for (i, car) in self.cars.iter().enumerate() {
            let told = self.told.get(&(i as DeviceIndex + 1)).filter(|s| s.interval == at);
            let Some(told) = told else { continue };
            through += told.consume_wh as i64 - told.produce_wh as i64;
            if told.produce_wh == 0 {
                continue;
            }
            let v2g = car.v2g.as_ref().expect("gives without consent");
            assert!(told.produce_wh <= car.discharge_w() / 2, "{told:?} above its power");
            assert!(v2g.allows(self.clock.slot_of_day(at) * 30, 30), "{at} is not its hour");
            let left = self.stored[i].round() - told.produce_wh as f64 / 0.95;
            assert!(left > car.kept_wh() as f64 - 1.0, "{left} Wh left of {}", car.kept_wh());
            let retail = crate::local::tariff::Tariff::retail(&tariff(), at);
            assert!(v2g.price_floor.is_none_or(|floor| retail >= floor), "{retail} is too little");
        }
        assert!(through.unsigned_abs() <= self.line_w / 2, "{through} Wh through the line");
    }

    /// What each local day saw given by the first car, until `end`.
    fn days(&mut self, end: u32) -> BTreeMap<u32, u64> {
        let mut days = BTreeMap::new();
        while self.epoch < end {
            self.next();
            *days.entry(self.clock.day(Interval(self.epoch))).or_default() += self.given(0);
        }
        days
    }

    /// At `epoch` with so much stored.
    fn at(epoch: u32, stored: f64) -> Self {
        let mut yard = Self::one(Some(V2g::default()));
        yard.epoch = epoch - 1;
        yard.stored = vec![stored];
        yard.next();
        yard
    }

    fn want(&mut self, most: Option<i64>) -> Option<Wish> {
        self.out.clear();
        let want = Some(FullNow { at_most: most.map(Money) });
        self.tell(20_000, LocalInput::FullNow { device: 1, want });
        self.wish_told()
    }

    fn wish_told(&self) -> Option<Wish> {
        let told = self.out.iter().rev().find_map(|effect| match effect {
            LocalEffect::Wish { device: 1, wish } => Some(*wish),
            _ => None,
        });
        told.flatten()
    }
}

#[test]
fn without_consent_nothing_is_given_and_with_it_something_is() {
    let given = |v2g| Yard::one(v2g).days(MIDNIGHT + 96).values().sum::<u64>();
    assert_eq!(given(None), 0);
    assert!(given(Some(V2g::default())) > 5_000);
}

#[test]
fn hours_are_those_of_the_wall_clock_on_days_of_23_24_and_25_hours() {
    // From 16 to 18 h, which is dear; the clock changes at 3 h of the second day.
    for shift in [-2, 0, 2] {
        let clock = Clock { change: MIDNIGHT + 48 + 6, shift };
        let v2g = V2g { hours: vec![[960, 1_080]], ..V2g::default() };
        let mut yard = Yard::new(vec![car(Some(v2g))], 100_000, clock);
        let days = yard.days(MIDNIGHT + 48 + 44);
        assert!(days.values().all(|wh| *wh > 4_000), "{shift}: {days:?}");
    }
}

#[test]
fn a_days_energy_is_never_overdrawn_and_well_used_whatever_the_length_of_the_day() {
    for shift in [-2, 0, 2] {
        let clock = Clock { change: MIDNIGHT + 48 + 6, shift };
        let v2g = V2g { energy_per_day_wh: Some(1_700), ..V2g::default() };
        let mut yard = Yard::new(vec![car(Some(v2g))], 100_000, clock);
        let days = yard.days(MIDNIGHT + 48 + 44);
        assert_eq!(days.values().copied().collect::<Vec<_>>(), [1_700, 1_700], "{shift}");
    }
}

#[test]
fn a_restarted_mind_knows_from_its_readings_what_is_left_of_the_day() {
    let v2g = V2g { energy_per_day_wh: Some(3_000), ..V2g::default() };
    let mut yard = Yard::one(Some(v2g));
    let mut before = 0;
    while before == 0 {
        yard.next();
        before += yard.given(0);
    }
    assert!(before < 3_000 && yard.epoch < MIDNIGHT + 39, "{before} at {}", yard.epoch);
    // The interval passes before the mind breaks, and its reading is among those that are kept.
    yard.next();
    before += yard.given(0);
    let mut mind = LocalAgent::new(setup(&yard.cars, yard.line_w, yard.clock));
    for (device, reading) in yard.past.clone() {
        mind.handle(Timestamp(0), LocalInput::Reading { device, reading }, &mut Vec::new());
    }
    yard.mind = mind;
    let after = yard.days(MIDNIGHT + 46).get(&(MIDNIGHT / 48)).copied().unwrap_or(0);
    assert_eq!(before + after, 3_000);
}

#[test]
fn what_is_unknown_of_a_day_counts_as_given() {
    let v2g = V2g { energy_per_day_wh: Some(6_000), ..V2g::default() };
    let mut yard = Yard::one(Some(v2g));
    yard.days(MIDNIGHT + 20);
    // Three intervals at 2 500 Wh that nobody has told a later life of.
    let mut mind = LocalAgent::new(setup(&yard.cars, yard.line_w, yard.clock));
    for (device, reading) in yard.past.clone() {
        if reading.interval < Interval(MIDNIGHT + 16) {
            mind.handle(Timestamp(0), LocalInput::Reading { device, reading }, &mut Vec::new());
        }
    }
    (yard.mind, yard.epoch) = (mind, MIDNIGHT + 20);
    assert_eq!(yard.days(MIDNIGHT + 46).values().sum::<u64>(), 0);
}

#[test]
fn a_price_floor_a_floor_and_a_power_bind() {
    let floor = V2g { price_floor: Some(Price(600_000)), ..V2g::default() };
    assert_eq!(Yard::one(Some(floor)).days(MIDNIGHT + 48).values().sum::<u64>(), 0);
    let dear = V2g { price_floor: Some(Price(520_000)), ..V2g::default() };
    assert!(Yard::one(Some(dear)).days(MIDNIGHT + 48).values().sum::<u64>() > 5_000);
    let kept = V2g { floor_wh: 4_000, never_sold_wh: 8_000, ..V2g::default() };
    let given = Yard::one(Some(kept)).days(MIDNIGHT + 48).values().sum::<u64>();
    assert!((1_000..2_500).contains(&given), "{given}");
    let gentle = V2g { discharge_w: Some(500), ..V2g::default() };
    let given = Yard::one(Some(gentle)).days(MIDNIGHT + 44).values().sum::<u64>();
    assert!(given > 2_900, "never more than 250 Wh at a time: {given}");
}

#[test]
fn a_stations_line_is_shared_by_its_connectors() {
    let mut yard = Yard::new(vec![car(Some(V2g::default())); 3], 4_000, Clock::PLAIN);
    yard.stored = vec![1_500.0; 3];
    yard.stays[0].departure = Interval(MIDNIGHT + 30);
    yard.stays[0].departure_wh = 6_000;
    let mut at_limit = 0;
    while yard.epoch < MIDNIGHT + 29 {
        yard.next();
        let sum: u64 = yard.told.values().map(|s| s.consume_wh).sum();
        at_limit += usize::from(sum >= 1_999);
    }
    assert!(at_limit > 3, "it binds");
    assert!(yard.stored.iter().all(|wh| *wh > 5_990.0), "all leave with theirs: {:?}", yard.stored);
}

#[test]
fn who_only_asks_is_told_what_full_now_costs_and_nothing_changes() {
    let mut yard = Yard::at(MIDNIGHT + 30, 3_000.0);
    let before = yard.told.clone();
    let wish = yard.want(None).expect("a wish");
    let Penalty { extra, missed_wh, .. } = wish.penalty.expect("an answer");
    assert!(extra > Money(500_000), "{extra}");
    assert_eq!((missed_wh, wish.is_kept, wish.through), (Energy(0), false, Through::Site));
    assert_eq!(yard.told, before);
    let solved = yard.solved;
    assert_eq!(yard.want(None), Some(wish), "asked again, told the same");
    assert_eq!(yard.solved, solved, "without being solved again");
    assert!(!yard.want(Some(extra.0 - 1)).expect("a wish").is_kept, "too dear for him");
    assert!(yard.want(Some(extra.0)).expect("a wish").is_kept);
}

#[test]
fn an_accepted_wish_fills_the_battery_at_full_power_and_ends_with_the_stay() {
    let mut yard = Yard::at(MIDNIGHT + 27, 3_000.0);
    yard.stays[0].departure = Interval(MIDNIGHT + 40);
    yard.next();
    assert!(yard.want(Some(i64::MAX)).expect("a wish").is_kept);
    assert_eq!(yard.told[&1].consume_wh, 2_500, "at once");
    while yard.epoch < MIDNIGHT + 39 {
        yard.next();
        assert_eq!(yard.given(0), 0, "it gives nothing any more");
    }
    assert!(yard.stored[0] > 9_870.0, "{}", yard.stored[0]);
    yard.out.clear();
    yard.next();
    assert!(yard.out.iter().any(|e| matches!(e, LocalEffect::Wish { device: 1, wish: None })));
    assert!(yard.mind.snapshot().wishes.is_empty());
}

#[test]
fn a_wish_survives_a_restart_and_can_be_withdrawn() {
    let mut yard = Yard::at(MIDNIGHT + 30, 2_000.0);
    let wish = yard.want(Some(i64::MAX)).expect("a wish");
    let mut mind = LocalAgent::new(setup(&yard.cars, yard.line_w, yard.clock));
    for (device, reading) in yard.past.clone() {
        mind.handle(Timestamp(0), LocalInput::Reading { device, reading }, &mut Vec::new());
    }
    yard.mind = mind.recalling([(1, wish)]);
    yard.next();
    assert_eq!(yard.told[&1].consume_wh, 2_500);
    assert_eq!(yard.mind.snapshot().wishes, [(1, wish)]);
    yard.tell(20_000, LocalInput::FullNow { device: 1, want: None });
    assert!(yard.mind.snapshot().wishes.is_empty());
    assert_eq!(yard.told[&1].consume_wh, 0, "the plan in force drops it at once");
}

#[test]
fn a_drivers_need_comes_before_a_contract_and_the_miss_is_stated() {
    let mut yard = Yard::at(MIDNIGHT + 28, 5_000.0);
    let profile = Profile { start: Interval(MIDNIGHT + 29), wh: vec![400] };
    let contract_id = ContractId(gridpact_chain::digest::Digest([1; 32]));
    let sale = Obligation::Signed { contract_id, side: Side::Seller, profile };
    yard.tell(15_000, LocalInput::Obligation(sale));
    let wish = yard.want(Some(i64::MAX)).expect("a wish");
    assert_eq!(wish.penalty.map(|p| p.missed_wh), Some(Energy(400)));
    assert!(wish.is_kept);
    let missed: f64 = yard.mind.snapshot().shortfall.sale_wh.iter().sum();
    assert!((missed - 400.0).abs() < 0.1);
}

#[test]
fn a_charger_may_speak_for_its_driver() {
    let mut yard = Yard::at(MIDNIGHT + 30, 2_000.0);
    yard.wish = Some(FullNow { at_most: None });
    yard.next();
    let shown = yard.wish_told().expect("told");
    assert!(!shown.is_kept && shown.penalty.is_some());
    yard.wish = Some(FullNow { at_most: Some(Money(i64::MAX)) });
    yard.next();
    assert!(yard.wish_told().expect("told").is_kept);
    assert_eq!(yard.told[&1].consume_wh, 2_500);
    yard.wish = None;
    yard.next();
    assert!(yard.mind.snapshot().wishes.is_empty(), "a reading without it withdraws it");
    assert_eq!(yard.told[&1].consume_wh, 0);
}

#[test]
fn reasons_name_the_condition_that_binds() {
    use crate::local::why::Why;
    let said = |v2g: Option<V2g>, stored: f64| {
        let mut yard = Yard::one(v2g);
        yard.stored = vec![stored];
        yard.epoch = MIDNIGHT + 29;
        yard.next();
        let planned = yard.out.iter().rev().find_map(|effect| match effect {
            LocalEffect::Planned(planned) => Some(planned.reasons[1].why),
            _ => None,
        });
        planned.expect("a plan")
    };
    assert_eq!(said(None, 9_000.0), Why::NotConsented);
    let hours = V2g { hours: vec![[0, 60]], ..V2g::default() };
    assert_eq!(said(Some(hours), 9_000.0), Why::NotNow);
    let price = V2g { price_floor: Some(Price(600_000)), ..V2g::default() };
    let dear = Why::BelowPrice { now: Price(520_000), least: Price(600_000) };
    assert_eq!(said(Some(price), 9_000.0), dear);
    let spent = V2g { energy_per_day_wh: Some(0), ..V2g::default() };
    assert_eq!(said(Some(spent), 9_000.0), Why::DaySpent { energy_wh: 0 });
    let kept = V2g { never_sold_wh: 5_000, ..V2g::default() };
    assert_eq!(said(Some(kept), 5_000.0), Why::NeverSold { kept_wh: 5_000 });
}

prop_compose! {
    fn conditions()(
        floor_wh in 0_u64..9_000,
        never_sold_wh in 0_u64..9_000,
        discharge_w in proptest::option::of(0_u64..5_000),
        hours in proptest::collection::vec((0_u32..48, 0_u32..48), 0..3),
        energy_per_day_wh in proptest::option::of(0_u64..6_000),
        price_floor in proptest::option::of(0_i64..600_000),
    ) -> V2g {
        let hours = hours.into_iter().filter(|(a, b)| a != b).map(|(a, b)| [a * 30, b * 30]);
        V2g {
            floor_wh,
            never_sold_wh,
            discharge_w,
            hours: hours.collect(),
            energy_per_day_wh,
            price_floor: price_floor.map(Price),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 10, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_setpoint_or_quote_breaks_what_drivers_allow(
        all in proptest::collection::vec(proptest::option::weighted(0.8, conditions()), 1..4),
        line_w in 1_000_u64..16_000,
        stored in proptest::collection::vec(500.0_f64..10_000.0, 3),
        leaves in 8_u32..40,
        shift in -2_i32..=2,
        ahead in 1_u32..10,
        wanted in proptest::collection::vec(100_u64..2_500, 1..6),
    ) {
        let clock = Clock { change: MIDNIGHT + 6, shift };
        let cars: Vec<Vehicle> = all.into_iter().map(car).collect();
        let rations: Vec<Option<u64>> =
            cars.iter().map(|c| c.v2g.as_ref().and_then(|v| v.energy_per_day_wh)).collect();
        let mut yard = Yard::new(cars, line_w, clock);
        yard.stored.copy_from_slice(&stored[..yard.cars.len()]);
        yard.stays = vec![stay(0, leaves), stay(leaves + 14, leaves + 60)];
        let mut days: BTreeMap<(usize, u32), u64> = BTreeMap::new();
        while yard.epoch < MIDNIGHT + 42 {
            yard.next();
            for car in 0..yard.cars.len() {
                *days.entry((car, clock.day(Interval(yard.epoch)))).or_default() += yard.given(car);
            }
            if yard.epoch.is_multiple_of(7) {
                quoted(&mut yard, ahead, &wanted)?;
            }
        }
        for ((car, day), given) in days {
            prop_assert!(rations[car].is_none_or(|most| given <= most), "{car} on {day}: {given}");
        }
    }
}

fn stay(from: u32, until: u32) -> Stay {
    Stay {
        arrival: Interval(MIDNIGHT - 10 + from),
        departure: Interval(MIDNIGHT + until),
        departure_wh: 4_000,
        trip_wh: 2_000,
    }
}

/// Whatever is quoted, an exact plan with it is carried and breaks nothing.
fn quoted(yard: &mut Yard, ahead: u32, wanted: &[u64]) -> Result<(), TestCaseError> {
    let wanted = Profile { start: Interval(yard.epoch + ahead), wh: wanted.to_vec() };
    yard.out.clear();
    yard.tell(6_000, LocalInput::Quote(QuoteRequest { ticket: 1, wanted, beside: None }));
    let Some(LocalEffect::Quote(quote)) = yard.out.pop() else { panic!("no quote") };
    if quote.available.energy() == Energy::ZERO {
        return Ok(());
    }
    let current = yard.mind.current.as_ref().expect("a plan");
    let shape = crate::params::BlockShape::Profile;
    let with = super::super::reservation::with_sale(
        &current.problem,
        &current.plan,
        &quote.available,
        shape,
    );
    let plan = schedule::solve(&with).expect("solves");
    // Where the search has found no best plan, less may be given than could be: no more than its gap.
    let missing = plan.shortfall.total_wh() - current.plan.shortfall.total_wh();
    let doubt = plan.gap * (plan.objective.abs() + plan.penalty_rates.sale);
    prop_assert!(
        !plan.shortfall.exceeds(&current.plan.shortfall, 0.5)
            || missing * plan.penalty_rates.sale / 1e3 < doubt,
        "{:?} is quoted, and {:?} is missing",
        quote.available,
        plan.shortfall
    );
    for (store, path) in with.stores.iter().zip(&plan.stores) {
        for t in (0..with.horizon()).filter(|t| path.discharge_wh[*t] > 0.5) {
            prop_assert!(store.may_discharge(t), "gives in {t}");
            let left = path.stored_wh[t + 1];
            let is_trip = store.departures.iter().any(|d| d.at == t);
            prop_assert!(is_trip || left > store.rules.sale_floor_wh - 0.5, "{left} left in {t}");
        }
        for ration in &store.rules.rations {
            let given: f64 = path.discharge_wh[ration.from..ration.until].iter().sum();
            prop_assert!(given < ration.energy_wh + 0.5, "{given} of {ration:?}");
        }
    }
    Ok(())
}

#[test]
fn what_cars_with_floors_and_trips_ahead_are_quoted_for_is_there_in_a_plan_that_is_best() {
    // Found by the property above: the search ended early, and the plan gave nothing at all.
    let told =
        |floor_wh, never_sold_wh, hours| V2g { floor_wh, never_sold_wh, hours, ..V2g::default() };
    let first = told(283, 5_338, vec![[780, 990], [660, 180]]);
    let cars = [Some(first), None, Some(told(1_448, 1_711, Vec::new()))];
    let clock = Clock { change: MIDNIGHT + 6, shift: -1 };
    let mut yard = Yard::new(cars.into_iter().map(car).collect(), 6_131, clock);
    yard.stored.copy_from_slice(&[1_314.7, 2_380.4, 8_520.4]);
    yard.stays = [(0, 33), (47, 93)].map(|(from, until)| stay(from, until)).to_vec();
    while yard.epoch < MIDNIGHT + 42 {
        yard.next();
        if yard.epoch.is_multiple_of(7) {
            assert_eq!(yard.mind.current.as_ref().expect("a plan").plan.gap, 0.0);
            quoted(&mut yard, 1, &[380, 1_909, 1_529]).expect("is there");
        }
    }
}
