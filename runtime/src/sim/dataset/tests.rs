//! Tests of measured files: small sound sets, every kind of damage, and the real ones when they are
//! at hand (`GRIDPACT_DATA`).

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gridpact_agents::resource::nature::Nature;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::sim::build;
use crate::sim::community::{Community, DeviceData};
use crate::sim::plant::Plant;
use crate::sim::scenario::{Overrides, Scenario, Season};
use gridpact_chain::terms::PartyId;

const HALVES: u32 = 48;

fn write(dir: &Path, name: &str, text: &str) {
    let file = dir.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn stamps(from: Date, days: u32) -> impl Iterator<Item = (u32, String)> {
    let at = move |i: u32| {
        let clock = from.at(0, 0, 0, 0) + i64::from(i * 30).minutes();
        (i, clock.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    };
    (0..days * HALVES).map(at)
}

/// Homes `A..`, each drawing a constant 0.1 kWh times its number, from a date on.
fn homes(dir: &Path, folder: &str, names: &[&str], from: Date, days: u32) {
    let mut list =
        String::from("household,energy_2019_kWh,max_half_hour_kWh,filled_intervals,tariff\n");
    let mut load = String::from("start_utc");
    for (i, name) in names.iter().enumerate() {
        writeln!(list, "{name},1000,2.5,0,{}", if i % 2 == 0 { "Std" } else { "ToU" }).unwrap();
        write!(load, ",{name}_kWh").unwrap();
    }
    load.push('\n');
    for (_, stamp) in stamps(from, days) {
        write!(load, "{stamp}Z").unwrap();
        (1..=names.len()).for_each(|n| write!(load, ",{}", n as f64 / 10.0).unwrap());
        load.push('\n');
    }
    write(dir, &format!("{folder}/homes.csv"), &list);
    write(dir, &format!("{folder}/load_a.csv"), &load);
}

/// A sound set with ids, counts, years and dates of its own.
fn sound() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    homes(root, "london_300", &["A", "B", "C", "D", "E"], date(2019, 5, 6), 12);
    let mut prices = String::from("start_utc,price_GBP_per_kWh,temperature_degC\n");
    for (i, stamp) in stamps(date(2019, 5, 6), 12) {
        let price = if i % HALVES < 36 { 0.1176 } else { 0.672 };
        writeln!(prices, "{stamp}Z,{price},10").unwrap();
    }
    write(root, "london_homes/dtou_a.csv", &prices);
    let mut yields = String::from("start_local,PV1_kWh_per_kW,WP2_kWh_per_kW\n");
    for (i, stamp) in stamps(date(2016, 4, 25), 35) {
        let sun = if (16..34).contains(&(i % HALVES)) { 0.2 } else { 0.0 };
        writeln!(yields, "{stamp},{sun},0.1").unwrap();
    }
    write(root, "pv_wind/germany_a.csv", &yields);
    write(root, "ev_norway/sessions.csv", &sessions());
    let models = "model,battery_kWh,ac_charge_kW,dc_charge_kW,ac_discharge_kW,dc_discharge_kW\n\
                  Small,40,7.4,50,7.4,7.4\nLarge,80,11,150,11,11\n";
    write(root, "ev_norway/v2g_models.csv", models);
    dir
}

/// Three drivers who plug in every evening of spring 2018 and leave in the morning.
fn sessions() -> String {
    let mut text = String::from(
        "session,user,site,arrival_utc,departure_utc,energy_kWh,connected_h,est_charge_power_kW,\
         est_battery_kWh,est_soc_arrival_pct,est_soc_gain_pct\n",
    );
    for day in 0..60 {
        let evening = date(2018, 4, 9) + i64::from(day).days();
        let morning = evening.tomorrow().unwrap();
        for user in 0..3 {
            writeln!(
                text,
                "s{day}_{user},u{user},X,{evening}T1{}:10:00Z,{morning}T05:40:00Z,8.8,12,3.6,40,50,19.36",
                6 + user
            )
            .unwrap();
        }
    }
    text
}

fn scenario(dir: &Path) -> Scenario {
    let flags = Overrides { data: Some(dir.to_owned()), ..Overrides::default() };
    Scenario::default().apply(&flags).unwrap()
}

fn built(scenario: &Scenario) -> Community {
    build(scenario).unwrap_or_else(|e| panic!("{e}"))
}

fn series(community: &Community, site: usize, wanted: fn(&Nature) -> bool) -> Vec<u32> {
    let found = community.sites[site].devices.iter().find(|d| wanted(&d.nature));
    match found.map(|device| &device.data) {
        Some(DeviceData::Series(series)) => series.to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn a_sound_set_becomes_a_community_by_local_clock() {
    let dir = sound();
    let mut scenario = scenario(dir.path());
    scenario.sites.ev_share = 1.0;
    scenario.sites.pv_share = 1.0;
    scenario.scenario.community_turbine_kw = 10;
    let community = built(&scenario);
    assert_eq!((community.sites.len(), community.intervals), (6, 48));
    assert_eq!((community.history, community.currency.as_str()), (7 * 48, "GBP"));
    let first = crate::sim::tariff::local(community.start, 1800, &community.zone);
    // 2019-05-06 begins at 23:00 UTC of the day before, which is not in the file.
    assert_eq!((first.date(), first.hour()), (date(2019, 5, 14), 0));
    assert!(
        series(&community, 2, |n| matches!(n, Nature::Load))
            .iter()
            .all(|wh| (299..=301).contains(wh))
    );
    let solar = series(&community, 0, |n| matches!(n, Nature::Solar { .. }));
    let sunny: Vec<usize> = (0..48).filter(|i| solar[community.history as usize + i] > 0).collect();
    assert_eq!((sunny.first(), sunny.last()), (Some(&16), Some(&33)), "local hours 8 to 17");
    let tariff = &community.sites[0].tariff;
    // 18:00 UTC is 19:00 in London in May.
    assert_eq!(tariff.retail(community.start.plus(37)).0, 117_600);
    assert_eq!(tariff.retail(community.start.plus(38)).0, 672_000);
    assert_eq!(tariff.feed_in(community.start).0, 46_400);
    let turbine = series(&community, 5, |n| matches!(n, Nature::Wind { .. }));
    assert!(turbine.iter().all(|wh| *wh == 1_000));
    let vehicles = community.sites.iter().flat_map(|s| &s.devices);
    assert_eq!(vehicles.filter(|d| matches!(d.nature, Nature::Vehicle(_))).count(), 5);
}

#[test]
fn a_written_scenario_gives_the_same_community() {
    let dir = sound();
    let scenario = scenario(dir.path());
    let file = dir.path().join("scenario.toml");
    std::fs::write(&file, crate::config::write_scenario(&scenario).unwrap()).unwrap();
    let again = crate::config::read_scenario(&file).unwrap();
    assert_eq!(again, scenario);
    assert_eq!(format!("{:?}", built(&again)), format!("{:?}", built(&scenario)));
}

#[test]
fn sessions_keep_weekday_clock_and_energy() {
    let dir = sound();
    let mut scenario = scenario(dir.path());
    scenario.sites.ev_share = 1.0;
    scenario.days = 2;
    let community = std::sync::Arc::new(built(&scenario));
    let plant = Plant::uncontrolled(std::sync::Arc::clone(&community));
    for (i, site) in community.sites.iter().enumerate().take(3) {
        for device in &site.devices {
            let (Nature::Vehicle(nature), DeviceData::Vehicle { stays, .. }) =
                (&device.nature, &device.data)
            else {
                continue;
            };
            assert_eq!((nature.store.charge_w, nature.store.eta_charge_ppm), (3_600, 880_000));
            for stay in stays.iter() {
                let left = crate::sim::tariff::local(stay.departure, 1800, &community.zone);
                // 05:40 UTC is 07:40 in Oslo, so 07:30 is the last whole interval's end.
                assert_eq!((left.hour(), left.minute()), (7, 30));
            }
            let rows = plant.rows(PartyId(i as u32));
            let charged: u64 = rows.iter().map(|row| row.ev_charge).sum();
            assert!((16_000..=27_000).contains(&charged), "two evenings of 8.8 kWh: {charged}");
            assert_eq!(plant.missing_wh(PartyId(i as u32)), 0);
        }
    }
}

#[test]
fn nothing_is_assumed_about_folders_counts_and_dates() {
    let dir = sound();
    let root = dir.path();
    // Homes only in the other folder, in winter, with one home of both folders' seven.
    homes(root, "london_homes", &["X", "Y"], date(2019, 5, 6), 12);
    let both = Scenario { prosumers: 7, ..scenario(root) };
    assert_eq!(built(&both).sites.len(), 7);
    assert_eq!(built(&scenario(root)).sites.len(), 5, "the first folder when nothing is asked");
    let many = Scenario { prosumers: 8, ..scenario(root) };
    let error = build(&many).unwrap_err().to_string();
    assert!(error.contains("8 homes are asked for") && error.contains("at most 7"), "{error}");
    std::fs::remove_dir_all(root.join("london_300")).unwrap();
    let community = built(&scenario(root));
    assert_eq!(community.sites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["X", "Y"]);
    let mut winter = scenario(root);
    winter.data.season = Some(Season::Winter);
    assert!(build(&winter).unwrap_err().to_string().contains("winter"));
    let long = Scenario { days: 11, ..scenario(root) };
    assert!(build(&long).unwrap_err().to_string().contains("lower --days"));
    let shortened = built(&Scenario { days: 9, ..scenario(root) });
    assert_eq!(shortened.history, 2 * 48, "history gives way before homes do");
}

/// Replaces one cell of a CSV text; line and column from 0.
fn with_cell(text: &str, line: usize, column: usize, cell: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = lines[line].split(',').collect();
    cells[column] = cell;
    lines[line] = cells.join(",");
    lines.join("\n") + "\n"
}

fn without_line(text: &str, line: usize) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(line);
    lines.join("\n") + "\n"
}

fn swapped(text: &str, line: usize) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(line, line + 1);
    lines.join("\n") + "\n"
}

/// What is wrong, in which file, and what the message must contain.
type Damage = (&'static str, fn(&str) -> String, &'static [&'static str]);

const LOAD: &str = "london_300/load_a.csv";
const PRICE: &str = "london_homes/dtou_a.csv";
const YIELD: &str = "pv_wind/germany_a.csv";
const SESSION: &str = "ev_norway/sessions.csv";

const DAMAGES: &[Damage] = &[
    (LOAD, |t| t.replacen("C_kWh", "Z_kWh", 1), &["line 1", "`C_kWh`", "missing"]),
    (LOAD, |t| t.replacen("start_utc", "start", 1), &["line 1", "`start_utc`", "missing"]),
    (LOAD, |t| without_line(t, 570), &["line 571", "`start_utc`", "gap", "60 min"]),
    (LOAD, |t| swapped(t, 3), &["line 4", "`start_utc`", "gap"]),
    (LOAD, |t| with_cell(t, 9, 0, "2019-05-06T03:30:00Z"), &["line 10", "`start_utc`", "twice"]),
    (LOAD, |t| with_cell(t, 9, 0, "2019-05-06T01:30:00Z"), &["line 10", "before the row above"]),
    (
        LOAD,
        |t| with_cell(t, 9, 0, "2019-05-06 half past"),
        &["line 10", "`start_utc`", "is not a time"],
    ),
    (LOAD, |t| with_cell(t, 9, 0, "2019-05-06T04:00:00"), &["line 10", "`start_utc`", "offset"]),
    (LOAD, |t| with_cell(t, 576, 2, "-0.1"), &["line 577", "`B_kWh`", "-0.1 is negative"]),
    (LOAD, |t| with_cell(t, 9, 2, "inf"), &["line 10", "`B_kWh`", "`inf` is not a finite number"]),
    (LOAD, |t| with_cell(t, 9, 2, "NaN"), &["line 10", "`B_kWh`", "finite"]),
    (LOAD, |t| with_cell(t, 9, 2, "100.1"), &["line 10", "`B_kWh`", "100.1", "100"]),
    (LOAD, |t| with_cell(t, 9, 2, "lots"), &["line 10", "`B_kWh`", "`lots` is not a number"]),
    (LOAD, |t| with_cell(t, 9, 2, ""), &["line 10", "`B_kWh`", "the value is missing"]),
    (LOAD, |t| t.replacen(",0.5\n", "\n", 1), &["line 2", "`E_kWh`", "5 of 6 columns"]),
    (LOAD, |t| t.replacen(",0.5\n", ",0.5,7\n", 1), &["line 2", "7 of 6 columns"]),
    (LOAD, |_| String::new(), &["line 1", "`start_utc`", "empty"]),
    (LOAD, |_| "\n \n".to_owned(), &["line 1", "`start_utc`", "empty"]),
    (LOAD, |t| t.lines().next().unwrap_or("").to_owned() + "\n", &["line 2", "no rows"]),
    (LOAD, |t| t.replacen("0.3", "0\u{0}3", 1), &["line 2", "binary"]),
    (LOAD, |t| t.replacen("A_kWh", "B_kWh", 1), &["line 1", "`B_kWh`", "twice"]),
    (LOAD, |t| t.replacen("E_kWh\n", "E_kWh,E_kWh\n", 1), &["line 1", "`E_kWh`", "twice"]),
    (
        "london_300/homes.csv",
        |t| without_line(t, 2),
        &["load_a.csv", "line 2", "`B_kWh`", "homes.csv"],
    ),
    ("london_300/homes.csv", |t| with_cell(t, 2, 0, "A"), &["line 3", "`household`", "twice"]),
    ("london_300/homes.csv", |t| with_cell(t, 2, 4, "Gas"), &["line 3", "`tariff`", "neither"]),
    (
        "london_300/homes.csv",
        |t| with_cell(t, 2, 2, "-1"),
        &["line 3", "`max_half_hour_kWh`", "negative"],
    ),
    (PRICE, |t| with_cell(t, 9, 1, "infinity"), &["line 10", "`price_GBP_per_kWh`", "finite"]),
    (PRICE, |t| with_cell(t, 9, 1, "dear"), &["line 10", "`price_GBP_per_kWh`", "not a number"]),
    (
        PRICE,
        |t| t.replacen("price_GBP_per_kWh", "price", 1),
        &["line 1", "`price_GBP_per_kWh`", "missing"],
    ),
    (PRICE, |t| without_line(t, 100), &["line 101", "gap"]),
    (YIELD, |t| with_cell(t, 9, 1, "-0.01"), &["line 10", "`PV1_kWh_per_kW`", "negative"]),
    (YIELD, |t| with_cell(t, 1_600, 2, "7"), &["line 1601", "`WP2_kWh_per_kW`", "more than"]),
    (YIELD, |t| without_line(t, 1_000), &["line 1001", "`start_local`", "gap"]),
    (YIELD, |t| t.replacen("PV1", "SUN", 1), &["line 1", "`PV1_kWh_per_kW`", "missing"]),
    (
        SESSION,
        |t| with_cell(t, 9, 4, "2018-04-09T01:00:00Z"),
        &["line 10", "`departure_utc`", "not after"],
    ),
    (SESSION, |t| swapped(t, 30), &["line 32", "`arrival_utc`", "before the row above"]),
    (SESSION, |t| with_cell(t, 9, 5, "-3"), &["line 10", "`energy_kWh`", "negative"]),
    (SESSION, |t| with_cell(t, 9, 5, "99999"), &["line 10", "`energy_kWh`", "more than"]),
    (SESSION, |t| with_cell(t, 9, 9, "130"), &["line 10", "`est_soc_arrival_pct`", "more than"]),
    (SESSION, |t| with_cell(t, 9, 0, "s0_0"), &["line 10", "`session`", "twice"]),
    (
        "ev_norway/v2g_models.csv",
        |t| with_cell(t, 2, 1, "big"),
        &["line 3", "`battery_kWh`", "not a number"],
    ),
    (
        "ev_norway/v2g_models.csv",
        |t| t.replacen(",ac_discharge_kW", "", 1),
        &["`ac_discharge_kW`", "missing"],
    ),
];

#[test]
fn every_damage_is_refused_with_file_line_and_column() {
    let dir = sound();
    let scenario = scenario(dir.path());
    assert!(build(&scenario).is_ok());
    for (i, (name, damage, wanted)) in DAMAGES.iter().enumerate() {
        let file = dir.path().join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, damage(&text)).unwrap();
        let error = build(&scenario).map(|_| ()).unwrap_err().to_string();
        let place = Path::new(name).file_name().unwrap().to_str().unwrap();
        let place = if wanted[0].ends_with(".csv") { wanted[0] } else { place };
        assert!(error.contains(place), "{i}: {error}");
        for part in *wanted {
            assert!(error.contains(part), "{i}: `{part}` is not in: {error}");
        }
        std::fs::write(&file, text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_damage_makes_it_fall_over(
        which in 0_usize..6,
        at in 0.0_f64..1.0,
        junk in proptest::collection::vec(any::<u8>(), 0..12),
        cut in 0_usize..40,
    ) {
        thread_local!(static SOUND: TempDir = sound());
        SOUND.with(|dir| {
            let names = [LOAD, PRICE, YIELD, SESSION, "london_300/homes.csv", "ev_norway/v2g_models.csv"];
            let file = dir.path().join(names[which]);
            let text = std::fs::read(&file).unwrap();
            let from = (at * text.len() as f64) as usize;
            let until = (from + cut).min(text.len());
            let damaged = [&text[..from], &junk, &text[until..]].concat();
            std::fs::write(&file, damaged).unwrap();
            // Sound by luck, or refused; never a panic.
            if let Err(error) = build(&scenario(dir.path())) {
                assert!(!error.to_string().is_empty());
            }
            std::fs::write(&file, text).unwrap();
        });
    }
}

#[test]
fn missing_and_binary_files_are_named() {
    let dir = sound();
    let scenario = scenario(dir.path());
    std::fs::write(dir.path().join(LOAD), [0x50, 0x4b, 3, 4, 0xff, 0xfe]).unwrap();
    let error = build(&scenario).unwrap_err().to_string();
    assert!(error.contains("load_a.csv: line 1, column `start_utc`") && error.contains("binary"));
    std::fs::write(dir.path().join(LOAD), b"start_utc,A_kWh\n2019-05-06T00:00:00Z,\xff\xfe\n")
        .unwrap();
    let error = build(&scenario).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("UTF-8"), "{error}");
    std::fs::remove_file(dir.path().join(SESSION)).unwrap();
    std::fs::remove_file(dir.path().join(LOAD)).unwrap();
    let error = build(&scenario).unwrap_err().to_string();
    assert!(error.contains("london_300") && error.contains("load_*.csv"), "{error}");
    let nowhere = Scenario { ..scenario.clone() };
    std::fs::remove_dir_all(dir.path()).unwrap();
    assert!(build(&nowhere).is_err());
    let mut no_folder = scenario;
    no_folder.data.dir = PathBuf::new();
    assert!(build(&no_folder).unwrap_err().to_string().contains("--data DIR"));
}

fn real() -> Option<PathBuf> {
    let dir = std::env::var_os("GRIDPACT_DATA").map(PathBuf::from);
    if dir.is_none() {
        println!("skipped: GRIDPACT_DATA is not set");
    }
    dir
}

#[test]
fn real_homes_of_both_seasons_make_a_community() {
    let Some(dir) = real() else { return };
    for season in [Season::Summer, Season::Winter] {
        let mut scenario = scenario(&dir);
        scenario.data.season = Some(season);
        let community = std::sync::Arc::new(built(&scenario));
        println!("{season:?}: {:#?}", community.notes);
        let count = |wanted: fn(&Nature) -> bool| {
            community.sites.iter().flat_map(|s| &s.devices).filter(|d| wanted(&d.nature)).count()
        };
        assert!(!community.sites.is_empty());
        assert_eq!(count(|n| matches!(n, Nature::Load)), community.sites.len());
        let share = |n: usize| n as f64 / community.sites.len() as f64;
        assert!((0.3..=0.5).contains(&share(count(|n| matches!(n, Nature::Solar { .. })))));
        assert!((0.3..=0.5).contains(&share(count(|n| matches!(n, Nature::Vehicle(_))))));
        let plant = Plant::uncontrolled(std::sync::Arc::clone(&community));
        let rows = (0..community.sites.len()).flat_map(|i| plant.rows(PartyId(i as u32)));
        let (mut load, mut pv, mut ev) = (0, 0, 0);
        for row in rows {
            (load, pv, ev) = (load + row.load, pv + row.pv, ev + row.ev_charge);
        }
        let homes = community.sites.len() as f64 * 1000.0;
        println!(
            "load {:.2} pv {:.2} ev {:.2} kWh a home and day",
            load as f64 / homes,
            pv as f64 / homes,
            ev as f64 / homes
        );
        assert!((4.0..=20.0).contains(&(load as f64 / homes)));
    }
}

fn meters(rows: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.csv", &format!("site,start,import_wh,export_wh\n{rows}"));
    dir
}

fn metered(dir: &Path) -> Scenario {
    let flags = Overrides { meters: Some(dir.to_owned()), ..Overrides::default() };
    Scenario::default().apply(&flags).unwrap()
}

/// Two meters of 15 minutes on a clock that has its long day in between.
fn quarter_hours(stamp: impl Fn(i64) -> String) -> String {
    let mut rows = String::new();
    for i in 0..4 * 24 * 5 {
        let at = stamp(i * 900);
        let export = if (36..60).contains(&(i % 96)) { 80 } else { 0 };
        writeln!(rows, "roof,{at},20,{export}\nflat 2,{at},55.5,0").unwrap();
    }
    rows
}

#[test]
fn meters_of_any_community_become_loads_and_surplus() {
    // 2023-10-27 00:00 in Berlin; its clocks go back on the 29th.
    let start = 1_698_357_600;
    let utc = |s: i64| jiff::Timestamp::from_second(start + s).unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let local = |s: i64| utc(s).to_zoned(zone.clone());
    let named = quarter_hours(|s| local(s).strftime("%Y-%m-%dT%H:%M:%S").to_string());
    let ways = [
        (quarter_hours(|s| utc(s).to_string()), None, 48),
        (quarter_hours(|s| local(s).to_string()), None, 50),
        (named, Some("zone = \"Europe/Berlin\"\n"), 50),
    ];
    for (rows, stated, longest) in ways {
        let dir = meters(&rows);
        stated.iter().for_each(|text| write(dir.path(), "meters.toml", text));
        let mut scenario = metered(dir.path());
        scenario.history_days = 2;
        scenario.start = Some(date(2023, 10, 29));
        let community = built(&scenario);
        assert_eq!((community.sites.len(), community.intervals), (2, longest));
        assert_eq!(community.sites[0].name, "flat 2");
        assert_eq!(community.sites[0].devices.len(), 1);
        let flat = series(&community, 0, |n| matches!(n, Nature::Load));
        assert_eq!(flat[..3], [111, 111, 111]);
        let roof = series(&community, 1, |n| matches!(n, Nature::Solar { .. }));
        assert_eq!(roof.iter().max(), Some(&160));
    }
}

#[test]
fn damaged_meters_are_refused_with_line_and_column() {
    let start = 1_717_200_000;
    let sound = quarter_hours(|s| jiff::Timestamp::from_second(start + s).unwrap().to_string());
    let lines: Vec<&str> = sound.lines().collect();
    let with = |line: usize, text: &str| {
        let mut lines = lines.clone();
        lines[line - 2] = text;
        lines.join("\n")
    };
    let cases = [
        (with(6, "roof,2024-06-01T00:30:00Z,-1,0"), "line 6, column `import_wh`: -1 is negative"),
        (
            with(6, "roof,2024-06-01T00:30:00Z,1,nan"),
            "line 6, column `export_wh`: `nan` is not a finite",
        ),
        (with(6, "roof,2024-06-01T00:30:00Z,1,50001"), "line 6, column `export_wh`: 50001 is more"),
        (with(2, "roof,2024-06-01T00:00:00Z,60000,0"), "line 2, column `import_wh`: 60000 is more"),
        (with(6, "roof,2024-06-01T00:45:00Z,1,0"), "line 6, column `start`: gap"),
        (
            with(6, "roof,2024-06-01T00:15:00Z,1,0"),
            "line 6, column `start`: `2024-06-01T00:15:00Z` is there twice",
        ),
        (
            with(4, "roof,2024-06-01T00:07:00Z,1,0"),
            "line 4, column `start`: the first two readings",
        ),
        (with(6, "roof,2024-06-01T00:30:00,1,0"), "states no time zone"),
        (with(6, "roof,2024-06-01T00:30:00Z,1"), "line 6, column `export_wh`: the row has 3 of 4"),
        (with(6, ",2024-06-01T00:30:00Z,1,0"), "line 6, column `site`: the value is missing"),
        (with(6, "roof,today,1,0"), "line 6, column `start`: `today` is not a time"),
    ];
    assert_eq!(built(&metered(meters(&sound).path())).sites.len(), 2);
    for (rows, wanted) in cases {
        let dir = meters(&rows);
        let error = build(&metered(dir.path())).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}\nshould say: {wanted}");
    }
    let dir = meters(&sound);
    write(dir.path(), "meters.toml", "zoen = \"UTC\"\n");
    let error = build(&metered(dir.path())).unwrap_err().to_string();
    assert!(error.contains("unknown key `zoen`; did you mean `zone`?"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    assert!(build(&metered(empty.path())).unwrap_err().to_string().contains("has no *.csv"));
}
