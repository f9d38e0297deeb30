//! Readings outlive whoever made them: an actor that breaks, a process that stops, one that is killed.
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use gridpact::actors::local::DeviceReading;
use gridpact::actors::resource::{Limit, ResourceActor, ResourceInbox, ResourceMeans, Sample};
use gridpact::actors::{Door, EpochStarted, Poison, Retention};
use gridpact::agents::params::EpochParams;
use gridpact::agents::resource::nature::Nature;
use gridpact::agents::resource::priority::GridLimit;
use gridpact::agents::resource::reading::{Counts, Quality, Reading, Telemetry};
use gridpact::agents::resource::registers::Base;
use gridpact::agents::resource::{Order, ResourceSetup, Standing};
use gridpact::chain::terms::{Interval, Timestamp};
use gridpact::clock::Clock;
use gridpact::device::Driver;
use gridpact::observe::Observer;
use gridpact::store::readings::{DiskReadings, MemoryReadings, ReadingStore, ReadingsError};
use gridpact::supervise::{ChildSpec, Ref, recorder, spawn, virtual_system};
use tokio::time::sleep;

const LENGTH_S: u32 = 1800;

/// A meter in the real world: it counts whether anybody looks or not.
fn counted_at(at: Timestamp) -> u64 {
    let minutes = at.0 / 60_000;
    minutes * 7 + minutes / 97 * 50
}

/// A device that only ever knows its present registers.
struct Forgetful {
    clock: Clock,
    orders: Rc<RefCell<Vec<Order>>>,
}

impl Driver for Forgetful {
    fn sense(&mut self, _: Timestamp) -> Option<Telemetry> {
        let at = self.clock.now();
        let export_wh = counted_at(at);
        Some(Telemetry {
            at,
            registers: Counts { export_wh, ..Counts::default() },
            ..Telemetry::default()
        })
    }

    fn command(&mut self, order: &Order) {
        self.orders.borrow_mut().push(*order);
    }
}

struct Bench {
    clock: Clock,
    inbox: ResourceInbox,
    orders: Rc<RefCell<Vec<Order>>>,
    actor: Ref<ResourceActor>,
}

fn begins(interval: u32) -> Timestamp {
    Interval(interval).starts_at(LENGTH_S)
}

impl Bench {
    /// An RA of a generator over `store`, at the beginning of interval 1000.
    fn raise(
        store: Rc<RefCell<dyn ReadingStore>>,
        local: Door<DeviceReading>,
        clock: Clock,
    ) -> Self {
        let setup = ResourceSetup::new(0, Nature::Solar { rated_w: 5_000 }, LENGTH_S);
        let means = ResourceMeans {
            local,
            store,
            retention: Retention(100),
            observer: Observer::default(),
            clock,
        };
        let orders = Rc::<RefCell<Vec<Order>>>::default();
        let shared = Rc::clone(&orders);
        let spec = ChildSpec::new("home/ra0", move |_: &_| {
            let driver = Forgetful { clock, orders: Rc::clone(&shared) };
            ResourceActor::new(setup.clone(), Box::new(driver), means.clone())
                .map_err(|error| error.to_string())
        });
        let (inbox, actor) = (ResourceInbox::default(), spawn(spec));
        inbox.open(&actor);
        Self { clock, inbox, orders, actor }
    }

    async fn sleep_until(&self, at: Timestamp) {
        tokio::time::sleep_until(self.clock.instant_of(at)).await;
    }

    /// Lets one epoch begin when its time has come.
    async fn live(&self, epoch: u32) {
        self.sleep_until(begins(epoch)).await;
        let deadlines = EpochParams::default().deadlines(begins(epoch));
        self.inbox.epoch.tell(EpochStarted { epoch: Interval(epoch), deadlines });
        sleep(Duration::from_millis(10)).await;
    }

    /// Breaks the actor in the middle of an epoch.
    async fn break_within(&self, epoch: u32) {
        self.sleep_until(begins(epoch).after_ms(600_000)).await;
        self.inbox.poison.tell(Poison);
        sleep(Duration::from_secs(5)).await;
    }
}

/// Every interval once, and in sum what the meter has counted.
fn assert_accounted(readings: &[Reading], from: u32, until: u32) {
    let intervals: Vec<u32> = readings.iter().map(|reading| reading.interval.0).collect();
    assert_eq!(intervals, (from..until).collect::<Vec<_>>(), "each interval once");
    let sum: u64 = readings.iter().map(|reading| reading.produced_wh).sum();
    assert_eq!(
        sum,
        counted_at(begins(until)) - counted_at(begins(from)),
        "nothing lost or doubled"
    );
}

#[test]
fn an_actor_that_breaks_in_mid_epoch_loses_and_doubles_nothing() {
    virtual_system().block_on(async {
        let clock = Clock::starting_at(begins(1_000));
        let store = Rc::new(RefCell::new(MemoryReadings::default()));
        let local = Door::shut();
        let (port, told) = recorder::<DeviceReading>("test/lca", 64);
        local.open(port);
        let bench = Bench::raise(Rc::clone(&store) as _, local, clock);
        for epoch in 1_000..1_020 {
            bench.live(epoch).await;
            if epoch % 3 == 1 {
                bench.break_within(epoch).await;
            }
        }
        let kept = store.borrow().newest(0, 99).expect("read");
        assert_accounted(&kept, 1_000, 1_019);
        assert_eq!(bench.actor.health().restarts, 7);
        let told: Vec<Reading> = told.take().into_iter().map(|letter| letter.reading).collect();
        assert_eq!(told, kept, "the LCA heard each of them once");
    });
}

#[test]
fn a_sample_that_cannot_be_never_reaches_the_planner_and_costs_no_energy() {
    virtual_system().block_on(async {
        let clock = Clock::starting_at(begins(1_000));
        let store = Rc::new(RefCell::new(MemoryReadings::default()));
        let local = Door::shut();
        let (port, told) = recorder::<DeviceReading>("test/lca", 64);
        local.open(port);
        let bench = Bench::raise(Rc::clone(&store) as _, local, clock);
        for epoch in 1_000..1_008 {
            bench.live(epoch).await;
            sleep(Duration::from_secs(60)).await;
            let now = clock.now();
            let good = Counts { export_wh: counted_at(now), ..Counts::default() };
            let at = |at: Timestamp, registers| Telemetry { at, registers, ..Telemetry::default() };
            for bad in [
                at(now.after_ms(1), good),
                at(begins(epoch - 3), good),
                at(Timestamp(begins(epoch).0 - 1), good),
                at(now, Counts { export_wh: good.export_wh + 1_000_000, ..good }),
                at(now, Counts { export_wh: 0, ..good }),
                Telemetry { quality: Quality::Suspect, ..at(now, good) },
                Telemetry { stored_wh: Some(5), ..at(now, good) },
            ] {
                bench.inbox.sample.tell(Sample(bad));
            }
            sleep(Duration::from_secs(1)).await;
        }
        let kept = store.borrow().newest(0, 99).expect("read");
        assert_accounted(&kept, 1_000, 1_007);
        let told: Vec<Reading> = told.take().into_iter().map(|letter| letter.reading).collect();
        assert_eq!(told, kept);
        assert!(told.iter().all(|reading| reading.quality == Quality::Measured), "{told:?}");
    });
}

#[test]
fn a_process_that_was_away_for_hours_accounts_for_them_as_estimates() {
    let dir = tempfile::tempdir().expect("tmp");
    let file = dir.path().join("readings.redb");
    let open = || Rc::new(RefCell::new(DiskReadings::open(&file, LENGTH_S).expect("readings")));
    virtual_system().block_on(async {
        let clock = Clock::starting_at(begins(1_000));
        {
            let bench = Bench::raise(open(), Door::shut(), clock);
            for epoch in 1_000..1_004 {
                bench.live(epoch).await;
            }
            bench.actor.control().stop();
            bench.actor.ended().await;
        }
        sleep(Duration::from_secs(1)).await;
        let store = open();
        let bench = Bench::raise(Rc::clone(&store) as _, Door::shut(), clock);
        for epoch in 1_009..1_012 {
            bench.live(epoch).await;
        }
        let kept = store.borrow().newest(0, 99).expect("read");
        assert_accounted(&kept, 1_000, 1_011);
        for reading in &kept {
            let away = (1_003..1_009).contains(&reading.interval.0);
            assert_eq!(reading.quality == Quality::Estimated, away, "{reading:?}");
        }
        bench.live(1_106).await;
        let kept = store.borrow().newest(0, 999).expect("read");
        assert_eq!(kept.first().map(|reading| reading.interval.0), Some(1_006), "retention");
    });
}

#[test]
fn a_grid_limit_outlives_the_actor_and_lapses_on_time() {
    virtual_system().block_on(async {
        let clock = Clock::starting_at(begins(1_000));
        let store = Rc::new(RefCell::new(MemoryReadings::default()));
        let bench = Bench::raise(store, Door::shut(), clock);
        bench.live(1_000).await;
        sleep(Duration::from_secs(6)).await;
        let last = || bench.orders.borrow().last().map(|order| (order.power_w, order.on_s));
        assert_eq!(last(), Some((-10_000, LENGTH_S)), "free: no plan came by D1");
        let valid_until = begins(1_001).after_ms(900_000);
        let limit = GridLimit { consume_w: None, produce_w: Some(1_000), valid_until };
        bench.inbox.limit.tell(Limit(limit));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(last(), Some((-1_000, LENGTH_S)));
        bench.orders.borrow_mut().clear();
        bench.break_within(1_000).await;
        assert_eq!(last(), Some((-1_000, LENGTH_S)), "the next life says it again by itself");
        bench.live(1_001).await;
        assert_eq!(last(), Some((-1_000, LENGTH_S)), "in the next interval too");
        bench.sleep_until(valid_until.after_ms(1_000)).await;
        assert_eq!(last(), Some((-10_000, LENGTH_S)), "it has lapsed");
    });
}

/// Where the writer below writes; set by its parent.
const FILE: &str = "GRIDPACT_TEST_READINGS";
/// What the writer keeps.
const KEPT: u32 = 40;

fn reading(at: u32) -> Reading {
    Reading { interval: Interval(at), consumed_wh: u64::from(at) * 11, ..Reading::default() }
}

fn standing(at: u32) -> Standing {
    let registers = Counts { import_wh: u64::from(at), ..Counts::default() };
    let base = Base {
        at: begins(at + 1),
        registers,
        part: Counts::default(),
        quality: Quality::Measured,
        is_open: false,
    };
    Standing { base: Some(base), limit: None }
}

/// Keeps reading after reading, says the number of each that is kept, and does not stop.
#[test]
#[ignore = "runs for ever: started and killed by the test below"]
fn writes_until_it_is_killed() {
    let file = std::env::var_os(FILE).expect("started by the test below");
    let mut store = DiskReadings::open(Path::new(&file), LENGTH_S).expect("opens");
    let next = store.newest(0, 1).expect("read").first().map_or(0, |last| last.interval.0 + 1);
    let mut out = std::io::stdout();
    for at in next.. {
        store.record(0, &[reading(at)], &standing(at)).expect("kept");
        writeln!(out, "kept {at}").expect("said");
        store.forget(0, Interval(at.saturating_sub(KEPT))).expect("deleted");
    }
}

#[test]
fn what_a_killed_process_had_kept_is_there_whole() {
    let dir = tempfile::tempdir().expect("tmp");
    let file = dir.path().join("readings.redb");
    for round in 0..4_u32 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", "readings::writes_until_it_is_killed", "--nocapture"])
            .env(FILE, &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut said = lines.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("kept ").and_then(|number| number.parse::<u32>().ok())
        });
        let enough = 30 + round as usize * 17;
        let mut last = said.by_ref().nth(enough).expect("it keeps writing");
        let busy = DiskReadings::open(&file, LENGTH_S).expect_err("the child has it");
        assert!(matches!(busy, ReadingsError::Busy(_)), "{busy}");
        child.kill().expect("killed");
        child.wait().expect("ended");
        last = said.last().unwrap_or(last);
        let store = DiskReadings::open(&file, LENGTH_S).expect("opens again");
        let kept = store.newest(0, 999).expect("read");
        let newest = kept.last().expect("some").interval.0;
        assert!(newest == last || newest == last + 1, "{last} was said to be kept, {newest} is");
        let oldest = kept[0].interval.0;
        assert!(
            newest - oldest >= KEPT.min(newest) && newest - oldest <= KEPT + 1,
            "{oldest}..={newest}"
        );
        assert_eq!(
            kept,
            (oldest..=newest).map(reading).collect::<Vec<_>>(),
            "each whole, none missing"
        );
        assert_eq!(store.standing(0).expect("read"), standing(newest), "both or neither");
    }
}
