//! From what the devices said and what is expected of them to one question for the schedule, and
//! from the plan back to what each device shall do.
//!
//! A vehicle that is away is taken at its last reported energy: its driver reports what it will
//! come home with.

use gridpact_chain::terms::{Epoch, Interval};

use super::door::Side;
use super::forecast::SeriesId;
use super::given::Given;
use super::missing::What;
use super::obligations::Obligations;
use super::schedule::{Departure, Job, Plan, Problem, Ration, Station, Store, StoreRules};
use super::setup::LocalSetup;
use crate::params::{PPM, Tender};
use crate::resource::nature::{Deferrable, Nature, Stay, Storage, V2g};
use crate::resource::reading::{DeviceIndex, Reading, Setpoint};

/// The devices of a site as the plan numbers them.
#[derive(Debug, Clone, Default)]
pub(super) struct Roster {
    /// Device of each storage of the problem.
    pub(super) stores: Vec<DeviceIndex>,
    /// Device of each job of the problem.
    pub(super) jobs: Vec<DeviceIndex>,
}

/// Numbers devices as readings do.
pub(super) fn numbered(devices: &[Nature]) -> impl Iterator<Item = (DeviceIndex, &Nature)> {
    (0..DeviceIndex::MAX).zip(devices)
}

/// The question for the horizon that starts at `start`.
pub(super) fn question(
    setup: &LocalSetup,
    start: Epoch,
    readings: &[Option<Reading>],
    (obligations, given): (&Obligations, &Given),
) -> (Problem, Roster) {
    let n = horizon(setup, start);
    let interval_s = setup.params.epoch.interval_s();
    let mut problem = Problem::empty(start, interval_s, n);
    let mut roster = Roster::default();
    let ahead = || (start.0..).take(n).map(Interval);
    problem.retail = ahead().map(|at| setup.tariff.retail(at).0 as f64).collect();
    problem.feed_in = ahead().map(|at| setup.tariff.feed_in(at).0 as f64).collect();
    let per_interval = |w: u64| w as f64 * f64::from(interval_s) / 3600.0;
    problem.import_limit_wh = per_interval(setup.connection.import_w);
    problem.export_limit_wh = per_interval(setup.connection.export_w);
    problem.terminal = setup.params.lca.terminal;
    problem.tilt_seed = setup.seed;
    oblige(&mut problem, obligations);
    for (device, nature) in numbered(&setup.devices) {
        let reading = readings.get(usize::from(device)).and_then(Option::as_ref);
        let expected = || setup.forecaster.expect(SeriesId::Device(device), start, n);
        match nature {
            Nature::Load => add(&mut problem.load_wh, &expected()),
            Nature::Solar { .. } => add(&mut problem.solar_wh, &expected()),
            Nature::Wind { .. } => add(&mut problem.wind_wh, &expected()),
            Nature::Battery(storage) => {
                let Some(stored) = reading.and_then(|r| r.stored_wh) else { continue };
                problem.stores.push(store(storage, stored, interval_s));
                roster.stores.push(device);
            }
            Nature::Vehicle(vehicle) => {
                let Some(reading) = reading else { continue };
                let Some(stored) = reading.stored_wh else { continue };
                let mut car = store(&vehicle.store, stored, interval_s);
                car.discharge_wh = per_interval(vehicle.discharge_w());
                stay(&mut car, &reading.stays, start, n);
                if let Some(v2g) = &vehicle.v2g {
                    let most_wh = car.discharge_wh.ceil() as u64;
                    let spent = given.today(device, start, &*setup.calendar, most_wh);
                    car.rules = conditions(setup, v2g, start, n, spent);
                }
                problem.stores.push(car);
                roster.stores.push(device);
            }
            Nature::Deferrable => {
                for job in reading.map_or(&[][..], |r| &r.jobs) {
                    problem.jobs.extend(waiting(job, start, interval_s));
                    roster.jobs.resize(problem.jobs.len(), device);
                }
            }
            Nature::Meter | Nature::Station { .. } => {}
        }
    }
    problem.stations = stations(setup, &roster, &per_interval);
    (problem, roster)
}

/// What a driver's conditions allow in each of `n` intervals, when `spent` Wh of the present day's
/// ration are gone.
fn conditions(setup: &LocalSetup, v2g: &V2g, start: Interval, n: usize, spent: u64) -> StoreRules {
    let calendar = &*setup.calendar;
    let per_day = calendar.slots_per_day().max(1);
    let length = 1_440 / per_day;
    let may = |at: Interval| {
        let pays = v2g.price_floor.is_none_or(|floor| setup.tariff.retail(at) >= floor);
        pays && v2g.allows(calendar.slot_of_day(at) * 1_440 / per_day, length)
    };
    let is_timed = !v2g.hours.is_empty() || v2g.price_floor.is_some();
    let ahead = || (start.0..).take(n).map(Interval);
    let mut rations: Vec<Ration> = Vec::new();
    if let Some(energy_wh) = v2g.energy_per_day_wh {
        let mut today = None;
        for (t, at) in ahead().enumerate() {
            let day = calendar.day(at);
            match rations.last_mut() {
                Some(ration) if today == Some(day) => ration.until = t + 1,
                last => {
                    let left =
                        if last.is_none() { energy_wh.saturating_sub(spent) } else { energy_wh };
                    rations.push(Ration { from: t, until: t + 1, energy_wh: left as f64 });
                }
            }
            today = Some(day);
        }
    }
    StoreRules {
        may_discharge: if is_timed { ahead().map(may).collect() } else { Vec::new() },
        sale_floor_wh: v2g.kept_wh() as f64,
        rations,
        ..StoreRules::default()
    }
}

/// The lines that several storages of the question share.
fn stations(
    setup: &LocalSetup,
    roster: &Roster,
    per_interval: &impl Fn(u64) -> f64,
) -> Vec<Station> {
    let line = |(_, nature): (DeviceIndex, &Nature)| match nature {
        Nature::Station { line_w, connectors } => {
            let is_behind = |s: &usize| connectors.contains(&roster.stores[*s]);
            let stores: Vec<usize> = (0..roster.stores.len()).filter(is_behind).collect();
            let limit_wh = per_interval(*line_w);
            (!stores.is_empty()).then_some(Station { stores, limit_wh })
        }
        _ => None,
    };
    numbered(&setup.devices).filter_map(line).collect()
}

/// Intervals to plan for. With one pass a day each day is a problem of its own, so that later plans
/// of the day do not buy for the next one; otherwise the horizon rolls on. A horizon that covers an
/// ordinary day covers one of 25 hours as well.
fn horizon(setup: &LocalSetup, start: Epoch) -> usize {
    let all = setup.params.epoch.horizon();
    let today = setup.calendar.day(start);
    let ahead = match setup.params.epoch.tender {
        Tender::Rolling | Tender::LastChance => all,
        Tender::DayAhead => {
            let per_day = setup.calendar.slots_per_day();
            let most = if all < per_day { all } else { all + per_day / 12 };
            let later = (1..=most).find(|n| setup.calendar.day(start.plus(*n)) != today);
            later.unwrap_or(all)
        }
    };
    ahead as usize
}

/// Puts the obligations as they stand now into a question.
pub(super) fn oblige(problem: &mut Problem, obligations: &Obligations) {
    let n = problem.horizon();
    problem.bought_wh = obligations.energies(Side::Buyer, problem.start, n);
    problem.sold_wh = obligations.energies(Side::Seller, problem.start, n);
    problem.pooled = None;
    problem.import_cap_wh = Vec::new();
}

fn add(sum: &mut [f64], more: &[f64]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more.max(0.0);
    }
}

fn store(storage: &Storage, stored_wh: u64, interval_s: u32) -> Store {
    let per_interval = |w: u64| w as f64 * f64::from(interval_s) / 3600.0;
    let share = |ppm: u32| f64::from(ppm) / PPM as f64;
    Store {
        capacity_wh: storage.capacity_wh as f64,
        charge_wh: per_interval(storage.charge_w),
        discharge_wh: per_interval(storage.discharge_w),
        eta_charge: share(storage.eta_charge_ppm),
        eta_discharge: share(storage.eta_discharge_ppm),
        floor_wh: share(storage.floor_ppm) * storage.capacity_wh as f64,
        wear: storage.wear.0 as f64,
        stored_wh: stored_wh as f64,
        plugged: Vec::new(),
        departures: Vec::new(),
        rules: StoreRules::default(),
    }
}

/// When a vehicle is plugged in, and what it owes when it leaves.
fn stay(car: &mut Store, stays: &[Stay], start: Interval, n: usize) {
    let end = start.plus(n as u32);
    let is_here = |at: Interval| stays.iter().any(|s| s.arrival <= at && at < s.departure);
    car.plugged = (start.0..end.0).map(|t| is_here(Interval(t))).collect();
    for stay in stays.iter().filter(|s| s.departure >= start && s.departure < end) {
        car.departures.push(Departure {
            at: (stay.departure.0 - start.0) as usize,
            due_wh: stay.departure_wh as f64,
            trip_wh: stay.trip_wh as f64,
        });
    }
}

/// A job as the model sees it; none when there is nothing left to do. One whose window has passed
/// runs at once.
fn waiting(job: &Deferrable, start: Interval, interval_s: u32) -> Option<Job> {
    (job.energy_wh > 0 && job.power_w > 0).then(|| {
        let from = job.from.0.saturating_sub(start.0) as usize;
        Job {
            from,
            until: (job.until.0.saturating_sub(start.0) as usize).max(from + 1),
            energy_wh: job.energy_wh as f64,
            power_wh: job.power_w as f64 * f64::from(interval_s) / 3600.0,
            is_run_once: job.is_run_once,
        }
    })
}

/// What stands in for a device that did not report: where the last plan wanted it to be.
pub(super) fn stand_in(reading: &mut Reading, ended: Interval, plan: Option<&Plan>, place: &Place) {
    reading.interval = ended;
    let Some((plan, t)) = plan.and_then(|p| Some((p, p.index_of(ended)?))) else { return };
    if let Some(path) = place.store.and_then(|s| plan.stores.get(s)) {
        reading.stored_wh = Some(path.stored_wh[t + 1].max(0.0).round() as u64);
    }
    for (job, energies) in reading.jobs.iter_mut().zip(place.jobs.clone()) {
        let done = plan.jobs_wh.get(energies).map_or(0.0, |e| e[t]);
        job.energy_wh = job.energy_wh.saturating_sub(done.round() as u64);
    }
}

/// Where a device stands in the problem.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// Its storage in the problem.
    pub(super) store: Option<usize>,
    /// Its jobs in the problem.
    pub(super) jobs: Vec<usize>,
}

impl Roster {
    /// Where `device` stands.
    pub fn place(&self, device: DeviceIndex) -> Place {
        let at = |list: &[DeviceIndex]| -> Vec<usize> {
            (0..list.len()).filter(|i| list[*i] == device).collect()
        };
        Place { store: at(&self.stores).first().copied(), jobs: at(&self.jobs) }
    }

    /// The device that lacks something, where it is one.
    pub fn owner(&self, what: What) -> Option<DeviceIndex> {
        match what {
            What::Departure { store, .. } | What::Trip { store, .. } | What::Floor { store } => {
                self.stores.get(store).copied()
            }
            What::Job { job } => self.jobs.get(job).copied(),
            What::Overload | What::Sale | What::Pooled | What::Purchase => None,
        }
    }

    /// What each controllable device shall do in the plan's first interval.
    pub fn setpoints(
        &self,
        setup: &LocalSetup,
        problem: &Problem,
        plan: &Plan,
    ) -> Vec<(DeviceIndex, Setpoint)> {
        let mut setpoints = Vec::new();
        let round = |wh: f64| wh.max(0.0).round() as u64;
        let generated =
            problem.solar_wh.first().unwrap_or(&0.0) + problem.wind_wh.first().unwrap_or(&0.0);
        let spilled = plan.curtailed_wh.first().copied().unwrap_or(0.0);
        let is_firm = problem.sold_wh.first().is_some_and(|wh| *wh > 0.0);
        for (device, nature) in numbered(&setup.devices) {
            let place = self.place(device);
            let mut setpoint = Setpoint { interval: plan.start, is_firm, ..Setpoint::default() };
            match nature {
                Nature::Load | Nature::Meter | Nature::Station { .. } => continue,
                Nature::Deferrable => {
                    let energies = place.jobs.iter().filter_map(|j| plan.jobs_wh.get(*j)?.first());
                    setpoint.consume_wh = round(energies.sum());
                }
                Nature::Solar { rated_w } | Nature::Wind { rated_w } => {
                    let most = *rated_w as f64 * f64::from(problem.interval_s) / 3600.0;
                    let expected = setup.forecaster.expect(SeriesId::Device(device), plan.start, 1);
                    let own = expected.first().copied().unwrap_or(0.0);
                    // Spill is shared by output; without any the generator is free.
                    let kept = if generated > 0.0 {
                        own * (1.0 - (spilled / generated).min(1.0))
                    } else {
                        most
                    };
                    setpoint.produce_wh = round(if spilled > 0.5 { kept } else { most });
                }
                Nature::Battery(_) | Nature::Vehicle(_) => {
                    let Some(path) = place.store.and_then(|s| plan.stores.get(s)) else { continue };
                    let Some((charge, discharge)) =
                        path.charge_wh.first().zip(path.discharge_wh.first())
                    else {
                        continue;
                    };
                    setpoint.consume_wh = round(*charge);
                    // Rounded up it would be above the power.
                    let most = place.store.and_then(|s| problem.stores.get(s));
                    let most = most.map_or(0.0, |store| store.discharge_wh.floor());
                    setpoint.produce_wh = round(discharge.min(most));
                }
            }
            setpoints.push((device, setpoint));
        }
        self.fit(problem, &mut setpoints);
        setpoints
    }

    /// Whole Wh may add up to more than a shared line carries: the largest gives way.
    fn fit(&self, problem: &Problem, setpoints: &mut [(DeviceIndex, Setpoint)]) {
        for station in &problem.stations {
            let connectors: Vec<DeviceIndex> =
                station.stores.iter().filter_map(|s| self.stores.get(*s).copied()).collect();
            let most = station.limit_wh.max(0.0).floor() as i64;
            let flow = |s: &Setpoint| s.consume_wh.cast_signed() - s.produce_wh.cast_signed();
            let mut behind: Vec<&mut Setpoint> = setpoints
                .iter_mut()
                .filter(|(device, _)| connectors.contains(device))
                .map(|(_, setpoint)| setpoint)
                .collect();
            let sum: i64 = behind.iter().map(|s| flow(s)).sum();
            let over = (sum.abs() - most).max(0).unsigned_abs();
            if over == 0 {
                continue;
            }
            if sum > 0 {
                behind.sort_by_key(|s| std::cmp::Reverse(s.consume_wh));
                behind.first_mut().into_iter().for_each(|s| s.consume_wh -= over.min(s.consume_wh));
            } else {
                behind.sort_by_key(|s| std::cmp::Reverse(s.produce_wh));
                behind.first_mut().into_iter().for_each(|s| s.produce_wh -= over.min(s.produce_wh));
            }
        }
    }
}
