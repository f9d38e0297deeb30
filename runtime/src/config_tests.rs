//! Tests of reading scenarios.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use gridpact_agents::network::NetworkFees;
use gridpact_chain::terms::Price;

use super::*;
use crate::sim::scenario::PRESETS;

fn parse(text: &str) -> Result<Scenario, String> {
    parse_scenario(text, Path::new("my.toml")).map_err(|e| e.to_string())
}

#[test]
fn every_preset_reads_back_as_it_was_written() {
    for preset in PRESETS {
        let scenario = Scenario::preset(preset.name).unwrap();
        let text = write_scenario(&scenario).unwrap();
        assert_eq!(parse(&text), Ok(scenario), "{}\n{text}", preset.name);
    }
}

#[test]
fn a_file_says_only_what_differs() {
    let scenario =
        parse("base = \"paper\"\ndays = 3\n[negotiate]\nmargin = 0.2\n[tariff]\np2p_fee = 0.1\n")
            .unwrap();
    assert_eq!((scenario.days, scenario.prosumers), (3, 300));
    assert_eq!(scenario.params.negotiate.margin_ppm, 200_000);
    assert_eq!(scenario.tariff.p2p_fee, NetworkFees::uniform(Price(100_000)));
    assert_eq!(parse(""), Ok(Scenario::default()));
}

#[test]
fn a_fee_is_one_number_or_a_table_by_relation_and_reads_back() {
    let fees = |text: &str| {
        let scenario = parse(&format!("[tariff]\np2p_fee = {text}\n[feeder]\nsites = 8")).unwrap();
        let written = write_scenario(&scenario).unwrap();
        assert_eq!(parse(&written).as_ref(), Ok(&scenario), "{written}");
        let NetworkFees { same_site, same_feeder, other } = scenario.tariff.p2p_fee;
        [same_site.0, same_feeder.0, other.0]
    };
    assert_eq!(fees("0.05"), [0, 50_000, 50_000]);
    assert_eq!(fees("1"), [0, 1_000_000, 1_000_000]);
    assert_eq!(fees("{ same_feeder = 0.03, other = 0.08 }"), [0, 30_000, 80_000]);
    assert_eq!(
        fees("{ same_site = 0.01, same_feeder = 0.03, other = 0.03 }"),
        [10_000, 30_000, 30_000]
    );
}

#[test]
fn a_slip_of_the_pen_is_answered_with_what_was_meant() {
    let cases = [
        ("dais = 3", "my.toml: unknown key `dais`; did you mean `days`?"),
        (
            "[negotiate]\nmargn = 0.2",
            "my.toml: unknown key `negotiate.margn`; did you mean `negotiate.margin`?",
        ),
        (
            "[negociate]\nmargin = 0.2",
            "my.toml: unknown key `negociate`; did you mean `negotiate`?",
        ),
        ("margin = 0.2", "my.toml: unknown key `margin`; did you mean `negotiate.margin`?"),
        ("[lca]\ndays = 2", "my.toml: unknown key `lca.days`; `days` stands above all sections"),
        (
            "base = \"papr\"",
            "no scenario is named `papr`; did you mean `paper`?; `--scenario list` shows all",
        ),
        (
            "negotiate = 3",
            "my.toml: `negotiate` is a section: write [negotiate] and its keys below",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(parse(text).unwrap_err(), wanted);
    }
}

#[test]
fn a_value_out_of_range_is_named_with_its_key_and_limit() {
    let cases = [
        ("days = 0", "days = 0 is out of range: 1 to 366 days"),
        ("[negotiate]\nmargin = -0.1", "negotiate.margin = -0.1 is out of range: 0 to 10"),
        ("[negotiate]\noverbook = 0.5", "negotiate.overbook = 0.5 is out of range: 1 to 100"),
        ("[negotiate]\nmax_rounds = 0", "negotiate.max_rounds = 0 is out of range: 1 to 100"),
        ("[negotiate]\nkappa = 1", "negotiate.kappa = 1 is out of range: 0.000001 to 0.999999"),
        (
            "[negotiate]\ntactic = \"boulware\"\nbeta = 2",
            "negotiate.beta = 2 is out of range: 0.01 to 0.999999",
        ),
        (
            "[negotiate]\nbeta = 2",
            "negotiate.beta = 2 is out of range: none, or tactic = boulware or conceder",
        ),
        (
            "[epoch]\ninterval_min = 7",
            "epoch.interval_min = 7 is out of range: 1, 5, 10, 15, 30 or 60 minutes",
        ),
        (
            "[lca]\nbuy_quantile = 1.0",
            "lca.buy_quantile = 1 is out of range: plan, newsvendor, or a number above 0 and below 1",
        ),
        ("[sites]\npv_kwp = [5.0, 3.0]", "sites.pv_kwp = 3 is out of range: 5 to 10000"),
        (
            "zone = \"Europe/Lodnon\"",
            "zone = Europe/Lodnon is out of range: a name of the time zone database, such as Europe/London",
        ),
        (
            "start = \"2013-13-01\"",
            "start = 2013-13-01 is out of range: a date such as 2013-12-02, or none",
        ),
        ("[tariff]\np2p_fee = -0.01", "tariff.p2p_fee = -0.01 is out of range: 0 to 100 per kWh"),
        (
            "[tariff]\np2p_fee = { same_feeder = 0.03, other = 200 }",
            "tariff.p2p_fee.other = 200 is out of range: 0 to 100 per kWh",
        ),
        ("[feeder]\nsites = 100001", "feeder.sites = 100001 is out of range: 0 to 100000"),
        ("validators = 51", "validators = 51 is out of range: none, or 1 to 50 homes"),
    ];
    for (text, wanted) in cases {
        let found = parse(text).unwrap_err();
        assert_eq!(found, format!("my.toml: {wanted}"));
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_place() {
    let cases = [
        ("days = 1.5", "days"),
        ("days = -1", "days"),
        ("days = \"three\"", "days"),
        ("[negotiate]\nmargin = \"high\"", "[negotiate]"),
        ("[negotiate]\nmargin = 0.1234567", "at most 6 digits"),
        ("[negotiate]\nmargin = nan", "at most 6 digits"),
        ("[epoch]\ntender = \"daily\"", "rolling"),
        ("[tariff]\npreset = \"nsw\"", "nsw2013_tou"),
        ("days = ", "my.toml"),
        ("[feeder]\nimport_limit_w = -5", "[feeder]"),
        ("[tariff]\np2p_fee = \"free\"", "{ same_feeder = 0.03, other = 0.08 }"),
        ("[tariff]\np2p_fee = { same_feeder = 0.03 }", "tariff.p2p_fee needs both"),
        ("[tariff]\np2p_fee = { feeder = 0.03, other = 0.1 }", "`same_feeder`"),
    ];
    for (text, wanted) in cases {
        let found = parse(text).unwrap_err();
        assert!(found.starts_with("my.toml: ") && found.contains(wanted), "{text}: {found}");
    }
}

#[test]
fn nothing_is_written_in_words() {
    let scenario = parse("validators = \"none\"\n[coalition]\ncoverage_target = 0.8\n").unwrap();
    assert_eq!(scenario.validators, None);
    assert_eq!(scenario.params.coalition.coverage_target_ppm, Some(800_000));
    assert!(parse("validators = \"nobody\"").is_err());
}
