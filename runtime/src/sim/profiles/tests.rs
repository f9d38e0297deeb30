//! Tests of generated homes: their statistics, and that they depend on seed and number alone.

#![allow(clippy::unwrap_used)]

use gridpact_agents::resource::nature::Nature;

use super::*;
use crate::sim::community::EvKnowledge;

fn scenario(prosumers: u32, days: u32) -> Scenario {
    Scenario { prosumers, days, ..Scenario::default() }
}

fn made(scenario: &Scenario) -> Community {
    generate(scenario).unwrap()
}

fn series(device: &Device) -> &[u32] {
    match &device.data {
        DeviceData::Series(series) => series,
        _ => &[],
    }
}

fn daily_kwh(community: &Community, device: &Device) -> f64 {
    let sum: u64 = series(device).iter().map(|wh| u64::from(*wh)).sum();
    let intervals = community.series_len() as f64;
    sum as f64 / 1000.0 / (intervals * f64::from(community.interval_s) / 86_400.0)
}

fn all(community: &Community, wanted: fn(&Nature) -> bool) -> Vec<&Device> {
    community.sites.iter().flat_map(|s| &s.devices).filter(|d| wanted(&d.nature)).collect()
}

#[test]
fn homes_look_like_the_statistics_they_are_drawn_from() {
    let community = made(&scenario(400, 2));
    let loads = all(&community, |n| matches!(n, Nature::Load));
    let mut daily: Vec<f64> = loads.iter().map(|d| daily_kwh(&community, d)).collect();
    daily.sort_by(f64::total_cmp);
    assert!((16.5..=20.0).contains(&daily[200]), "median {}", daily[200]);
    assert!((11.0..=14.5).contains(&daily[64]) && (23.0..=29.5).contains(&daily[336]));
    let share = |wanted| all(&community, wanted).len() as f64 / 400.0;
    assert!((0.48..=0.62).contains(&share(|n| matches!(n, Nature::Solar { .. }))));
    assert!((0.38..=0.52).contains(&share(|n| matches!(n, Nature::Wind { .. }))));
    assert!((0.23..=0.37).contains(&share(|n| matches!(n, Nature::Battery(_)))));
    assert!((0.43..=0.57).contains(&share(|n| matches!(n, Nature::Vehicle(_)))));
    assert!((0.33..=0.47).contains(&share(|n| matches!(n, Nature::Deferrable))));
}

#[test]
fn a_clear_day_yields_5_9_kwh_per_kwp_and_a_mean_one_3_4() {
    for (name, wanted) in [("reference", 5.9), ("reference_mean", 3.4)] {
        let base = Scenario::preset(name).unwrap();
        let community = made(&Scenario { prosumers: 12, days: 120, ..base });
        let per_kwp = |device: &&Device| match device.nature {
            Nature::Solar { rated_w } => daily_kwh(&community, device) * 1000.0 / rated_w as f64,
            _ => 0.0,
        };
        let solar = all(&community, |n| matches!(n, Nature::Solar { .. }));
        let mean = solar.iter().map(per_kwp).sum::<f64>() / solar.len() as f64;
        assert!((mean - wanted).abs() < 0.35, "{name}: {mean}");
        for device in solar {
            let Nature::Solar { rated_w } = device.nature else { continue };
            assert!(series(device).iter().all(|wh| u64::from(*wh) <= rated_w / 2 + 1));
        }
    }
}

#[test]
fn history_predicts_but_not_perfectly() {
    let community = made(&scenario(60, 1));
    let start = community.history as usize;
    let (mut error, mut total) = (0.0, 0.0);
    for device in all(&community, |n| matches!(n, Nature::Load)) {
        let wh = series(device);
        for i in start..start + 48 {
            let past = (1..=7).map(|day| f64::from(wh[i - day * 48])).sum::<f64>() / 7.0;
            error += (past - f64::from(wh[i])).abs();
            total += f64::from(wh[i]);
        }
    }
    // Single homes half an hour ahead: published errors of such means are 20 to 45 %.
    assert!((0.2..=0.45).contains(&(error / total)), "{}", error / total);
}

#[test]
fn more_homes_or_days_never_change_those_that_were_there() {
    let (few, many) = (made(&scenario(5, 1)), made(&scenario(9, 3)));
    for (a, b) in few.sites.iter().zip(&many.sites) {
        assert_eq!(a.devices.len(), b.devices.len());
        for (a, b) in a.devices.iter().zip(&b.devices) {
            assert_eq!(a.nature, b.nature);
            match (&a.data, &b.data) {
                (DeviceData::Series(a), DeviceData::Series(b)) => assert_eq!(**a, b[..a.len()]),
                (DeviceData::Jobs(a), DeviceData::Jobs(b)) => assert_eq!(**a, b[..a.len()]),
                (
                    DeviceData::Vehicle { stays: a, told: t, .. },
                    DeviceData::Vehicle { stays: b, told: u, .. },
                ) => {
                    assert_eq!(a[..], b[..a.len()]);
                    assert_eq!(t[..t.len() - 1], u[..t.len() - 1]);
                }
                (DeviceData::Battery { initial_wh: a }, DeviceData::Battery { initial_wh: b }) => {
                    assert_eq!(a, b);
                }
                (a, b) => panic!("{a:?} is not {b:?}"),
            }
        }
    }
    let other = made(&Scenario { seed: 2, ..scenario(5, 1) });
    assert_ne!(series(&few.sites[0].devices[0]), series(&other.sites[0].devices[0]));
}

#[test]
fn every_interval_length_carries_the_same_energy() {
    for interval_min in [1, 5, 15, 60] {
        let mut scenario = scenario(30, 1);
        scenario.params.epoch.interval_min = interval_min;
        let community = made(&scenario);
        let loads = all(&community, |n| matches!(n, Nature::Load));
        let mean = loads.iter().map(|d| daily_kwh(&community, d)).sum::<f64>() / 30.0;
        assert!((14.0..=24.0).contains(&mean), "{interval_min} min: {mean}");
        for device in all(&community, |n| matches!(n, Nature::Deferrable)) {
            let DeviceData::Jobs(jobs) = &device.data else { continue };
            for job in jobs.iter() {
                let hours = f64::from((job.until.0 - job.from.0) * interval_min) / 60.0;
                assert!(hours * job.power_w as f64 + 1.0 >= job.energy_wh as f64);
            }
        }
    }
}

#[test]
fn vehicles_come_and_go_in_order_and_return_with_their_reserve() {
    let community = made(&scenario(60, 3));
    for device in all(&community, |n| matches!(n, Nature::Vehicle(_))) {
        let DeviceData::Vehicle { stays, told, initial_wh, .. } = &device.data else { continue };
        let Some(nature) = device.nature.storage() else { continue };
        let floor_wh = nature.capacity_wh * u64::from(nature.floor_ppm) / 1_000_000;
        assert!(*initial_wh >= floor_wh && *initial_wh <= nature.capacity_wh);
        assert!((15_000..=100_000).contains(&nature.capacity_wh));
        for (stay, told) in stays.iter().zip(told.iter()) {
            assert!(stay.arrival < stay.departure && told.arrival < told.departure);
            assert!(stay.departure_wh <= nature.capacity_wh);
            assert!(stay.departure_wh - stay.trip_wh >= floor_wh);
        }
        assert!(stays.windows(2).all(|pair| pair[0].departure < pair[1].arrival));
        assert!(stays.last().is_some_and(|stay| stay.departure >= community.end()));
    }
}

#[test]
fn departures_are_told_with_an_error_of_an_hour_or_none() {
    let errors = |knowledge| {
        let mut scenario = scenario(100, 7);
        scenario.scenario.ev_knowledge = knowledge;
        let community = made(&scenario);
        let mut hours = Vec::new();
        for device in all(&community, |n| matches!(n, Nature::Vehicle(_))) {
            let DeviceData::Vehicle { stays, told, .. } = &device.data else { continue };
            let off =
                |(a, b): (
                    &gridpact_agents::resource::nature::Stay,
                    &gridpact_agents::resource::nature::Stay,
                )| { (f64::from(a.departure.0) - f64::from(b.departure.0)) / 2.0 };
            hours.extend(stays.iter().zip(told.iter()).skip(8).map(off));
        }
        (hours.iter().map(|h| h * h).sum::<f64>() / hours.len() as f64).sqrt()
    };
    assert!((0.85..=1.15).contains(&errors(EvKnowledge::Stated)));
    assert!((0.1..=0.6).contains(&errors(EvKnowledge::Learned)));
    assert_eq!(errors(EvKnowledge::Perfect), 0.0);
}

#[test]
fn copies_resemble_their_model_and_a_turbine_is_a_prosumer_of_its_own() {
    let mut scenario = scenario(20, 1);
    scenario.scenario.copies_from = 10;
    scenario.scenario.community_turbine_kw = 100;
    let community = made(&scenario);
    assert_eq!((community.sites.len(), community.neighbours.len()), (21, 21));
    for (model, copy) in community.sites[..10].iter().zip(&community.sites[10..20]) {
        let ratio =
            daily_kwh(&community, &copy.devices[0]) / daily_kwh(&community, &model.devices[0]);
        assert!((0.84..=1.16).contains(&ratio) && ratio != 1.0, "{ratio}");
        assert_eq!(model.devices.len(), copy.devices.len());
    }
    let turbine = &community.sites[20];
    assert_eq!(turbine.devices[0].nature, Nature::Wind { rated_w: 100_000 });
    assert_eq!(turbine.export_w, 100_000);
}

#[test]
fn days_begin_at_local_midnight_and_may_have_23_hours() {
    let spring = Scenario { start: Some(jiff::civil::date(2013, 10, 6)), ..scenario(2, 1) };
    let community = made(&spring);
    assert_eq!((community.intervals, community.history), (46, 7 * 48));
    let clock = crate::sim::tariff::local(community.start, community.interval_s, &community.zone);
    assert_eq!((clock.hour(), clock.date()), (0, jiff::civil::date(2013, 10, 6)));
    assert_eq!(series(&community.sites[0].devices[0]).len(), community.series_len());
    assert_eq!(community.series_len(), 7 * 48 + 46 + 48);
}
