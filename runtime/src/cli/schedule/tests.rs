//! What the file may say, and how a refusal names the field.

use super::*;

/// A site with a battery, a vehicle in two sessions, two jobs, a sale and a station.
const SITE: &str = include_str!("../../../../deploy/config/site.json");

/// Breaks one field of the sample.
type Edit<'e> = &'e dyn Fn(&mut serde_json::Value);

fn refused(edit: impl Fn(&mut serde_json::Value)) -> String {
    let mut value: serde_json::Value = serde_json::from_str(SITE).expect("JSON");
    edit(&mut value);
    read::read(&value.to_string()).expect_err("refused")
}

#[test]
fn the_sample_is_planned_without_shortfalls() {
    let site = read::read(SITE).expect("a site");
    let answer = plan(&site).expect("a plan");
    assert_eq!(answer.shortfalls, []);
    assert_eq!(answer.gap, 0.0);
    assert_eq!(answer.storages.len(), site.storages.len());
    let n = site.horizon();
    assert!(answer.storages.iter().all(|s| s.soc_wh.len() == n + 1 && s.charge_w.len() == n));
    assert!(table(Path::new("site.json"), &site, &answer).contains("nothing is missing"));
}

#[test]
fn full_now_says_its_price_before_the_schedule() {
    let mut value: serde_json::Value = serde_json::from_str(SITE).expect("JSON");
    let plain = plan(&read::read(SITE).expect("a site")).expect("a plan");
    assert!(plain.full_now.is_empty());
    value["storages"][1]["full_now"] = true.into();
    let site = read::read(&value.to_string()).expect("a site");
    let answer = plan(&site).expect("a plan");
    let [FullNow { storage: 1, extra, .. }] = answer.full_now[..] else { panic!("one wish") };
    assert!((answer.objective - plain.objective - extra).abs() < 1e-9 && extra > 0.0, "{extra}");
    let text = table(Path::new("site.json"), &site, &answer);
    let (price, schedule) = (text.find("full now"), text.find("interval  import W"));
    assert!(price.is_some() && price < schedule, "{text}");
}

#[test]
fn a_refusal_names_the_field_what_it_says_and_what_it_must_be() {
    let cases: [(&str, Edit); 19] = [
        ("`dt_h` is 0", &|v| v["dt_h"] = 0.0.into()),
        ("`load_w` has 1 entries", &|v| v["load_w"] = vec![1.0].into()),
        ("`load_w[3]` is -1", &|v| v["load_w"][3] = (-1.0).into()),
        ("`storages[0].eta_c` is 1.2", &|v| v["storages"][0]["eta_c"] = 1.2.into()),
        ("`storages[0].floor_wh` is 99999", &|v| v["storages"][0]["floor_wh"] = 99999.0.into()),
        ("`storages[0].initial_wh` is missing", &|v| {
            v["storages"][0].as_object_mut().expect("object").remove("initial_wh");
        }),
        ("`storages[0].power_ranges_w[0]` is [5, -5]", &|v| {
            v["storages"][0]["power_ranges_w"] = vec![vec![5.0, -5.0]].into();
        }),
        ("`storages[1].sessions[0].arrive` is 20", &|v| {
            v["storages"][1]["sessions"][0]["arrive"] = 20.into();
        }),
        ("`storages[1].sessions[1].depart` is 99", &|v| {
            v["storages"][1]["sessions"][1]["depart"] = 99.into();
        }),
        ("`storages[1].sessions[1].arrive` is 5", &|v| {
            v["storages"][1]["sessions"][1]["arrive"] = 5.into();
        }),
        ("`deferrables[0].to` is 77", &|v| v["deferrables"][0]["to"] = 77.into()),
        ("`obligations[0].interval` is 48", &|v| v["obligations"][0]["interval"] = 48.into()),
        ("`stations[0].storages[0]` is 9", &|v| v["stations"][0]["storages"][0] = 9.into()),
        ("`storages[0].colour`", &|v| v["storages"][0]["colour"] = "red".into()),
        ("`storages[0].eta_d`", &|v| v["storages"][0]["eta_d"] = "high".into()),
        ("`import_price` is missing", &|v| {
            v.as_object_mut().expect("object").remove("import_price");
        }),
        ("`storages[1].eta_c` is missing", &|v| {
            v["storages"][1].as_object_mut().expect("object").remove("eta_c");
        }),
        ("`import_price[3]` is 1e300: must be", &|v| v["import_price"][3] = 1e300.into()),
        (
            "`storages[1].sessions[0].arrival_wh` is 24000, but `storages[1].initial_wh` is 5",
            &|v| {
                v["storages"][1]["initial_wh"] = 5.0.into();
            },
        ),
    ];
    for (expected, edit) in cases {
        let said = refused(edit);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn the_table_shows_contracts_and_tells_a_lasting_shortfall_once() {
    let mut value: serde_json::Value = serde_json::from_str(SITE).expect("JSON");
    let read = |value: &serde_json::Value| read::read(&value.to_string()).expect("a site");
    let said = |site: &Site| table(Path::new("site.json"), site, &plan(site).expect("a plan"));
    let text = said(&read(&value));
    assert!(text.contains("contracts W") && text.contains("-1600"), "{text}");
    assert!(text.contains("(penalties 0.000000)") && text.contains("proved"), "{text}");
    value["load_w"] = vec![20_000.0; 48].into();
    let told: Vec<String> = (said(&read(&value)).lines())
        .filter(|line| line.contains("`import_limit_w`"))
        .map(str::to_owned)
        .collect();
    assert!(told.len() < 10, "{told:?}");
    assert!(told.iter().any(|line| line.contains("at each of intervals ")), "{told:?}");
}
