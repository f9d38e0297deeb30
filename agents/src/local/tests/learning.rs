//! What readings teach.

use std::sync::Mutex;

use super::super::forecast::Forecaster;
use super::*;
use crate::resource::reading::Quality;

/// What a forecaster was told: series, interval, energy, whether as a share only.
type Told = Arc<Mutex<Vec<(SeriesId, u32, f64, bool)>>>;

struct Spy(Told);

impl Forecaster for Spy {
    fn observe(&mut self, series: SeriesId, at: Interval, wh: f64) {
        self.0.lock().expect("alone").push((series, at.0, wh, false));
    }
    fn observe_shared(&mut self, series: SeriesId, at: Interval, wh: f64) {
        self.0.lock().expect("alone").push((series, at.0, wh, true));
    }
    fn expect(&self, _: SeriesId, _: Interval, n: usize) -> Vec<f64> {
        vec![0.0; n]
    }
    fn quantile(&self, _: SeriesId, _: Interval, _: usize, _: f64) -> f64 {
        0.0
    }
}

fn load(at: u32, wh: u64) -> (DeviceIndex, Reading) {
    (0, Reading { interval: Interval(at), consumed_wh: wh, ..Reading::default() })
}

fn sun(at: u32, wh: u64, curtailed_wh: u64) -> (DeviceIndex, Reading) {
    let interval = Interval(at);
    (1, Reading { interval, produced_wh: wh, curtailed_wh, ..Reading::default() })
}

/// What is learnt of these readings by a home with a load, a generator and a battery.
fn learnt(readings: Vec<(DeviceIndex, Reading)>) -> Vec<(SeriesId, u32, f64, bool)> {
    let mut world = World::new(Params::default(), days(600, 0), Some(4_000.0));
    let told = Told::default();
    world.mind.setup.forecaster = Box::new(Spy(Arc::clone(&told)));
    for (device, reading) in readings {
        world.tell(0, LocalInput::Reading { device, reading });
    }
    let told = told.lock().expect("alone");
    told.clone()
}

const LOAD: SeriesId = SeriesId::Device(0);
const SUN: SeriesId = SeriesId::Device(1);

#[test]
fn the_net_load_is_learnt_when_the_last_of_its_devices_is_heard() {
    let told = learnt(vec![load(10, 500), load(11, 600), sun(10, 200, 50), sun(11, 900, 0)]);
    let net = SeriesId::Net;
    let wanted = [
        (LOAD, 10, 500.0, false),
        (LOAD, 11, 600.0, false),
        (SUN, 10, 250.0, false),
        (net, 10, 250.0, false),
        (SUN, 11, 900.0, false),
        (net, 11, -300.0, false),
    ];
    assert_eq!(told, wanted, "what was curtailed could have been there");
}

#[test]
fn a_share_is_told_as_a_share_and_its_net_load_too() {
    let (device, mut share) = load(10, 500);
    (share.is_shared, share.quality) = (true, Quality::Estimated);
    let told = learnt(vec![(device, share), sun(10, 0, 0), load(11, 100), sun(11, 0, 0)]);
    let shares: Vec<(SeriesId, u32, bool)> = told.iter().map(|t| (t.0, t.1, t.3)).collect();
    let net = SeriesId::Net;
    let wanted = [(LOAD, 10, true), (SUN, 10, false), (net, 10, true)];
    assert_eq!(shares[..3], wanted);
    assert!(shares[3..].iter().all(|(_, at, is_shared)| *at == 11 && !is_shared));
}

#[test]
fn what_is_doubtful_or_told_twice_teaches_nothing() {
    let (device, mut doubtful) = load(10, 9_000);
    doubtful.quality = Quality::Suspect;
    let told = learnt(vec![(device, doubtful), load(11, 100), load(11, 100), load(10, 100)]);
    assert_eq!(told, [(LOAD, 11, 100.0, false)]);
    let storage = Reading { interval: Interval(11), stored_wh: Some(1), ..Reading::default() };
    assert_eq!(learnt(vec![(2, storage)]), [], "a battery is planned, not forecast");
}
