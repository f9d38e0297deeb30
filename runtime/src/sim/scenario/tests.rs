//! Tests of presets and flags.

#![allow(clippy::unwrap_used)]

use gridpact_chain::terms::Price;

use super::*;

fn flags() -> Overrides {
    Overrides::default()
}

#[test]
fn presets_are_valid_and_named() {
    for preset in PRESETS {
        let scenario = Scenario::preset(preset.name).unwrap();
        assert_eq!(scenario.name, preset.name);
        assert_eq!(scenario.validate(), Ok(()));
    }
    let error = Scenario::preset("lundon").unwrap_err().to_string();
    assert_eq!(
        error,
        "no scenario is named `lundon`; did you mean `london`?; `--scenario list` shows all"
    );
}

#[test]
fn flags_change_single_settings() {
    let changed = Overrides {
        prosumers: Some(80),
        days: Some(2),
        seed: Some(9),
        validators: Some(20),
        fee: Some("0.10".to_owned()),
        ..flags()
    };
    let scenario = Scenario::default().apply(&changed).unwrap();
    assert_eq!((scenario.prosumers, scenario.days, scenario.seed), (80, 2, 9));
    assert_eq!(
        (scenario.validators, scenario.tariff.p2p_fee),
        (Some(20), NetworkFees::uniform(Price(100_000)))
    );
    assert_eq!(Scenario::default().apply(&flags()), Ok(Scenario::default()));
}

#[test]
fn measured_files_bring_their_preset() {
    let data = Overrides { data: Some("some/dir".into()), season: Some(Season::Winter), ..flags() };
    let scenario = Scenario::default().apply(&data).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.currency.as_str()), ("london", "GBP"));
    assert!(scenario.data.dir.is_absolute());
    assert_eq!(scenario.data.season, Some(Season::Winter));
    let meters = Overrides { meters: Some("other".into()), ..flags() };
    assert_eq!(Scenario::default().apply(&meters).unwrap().data.layout, Layout::Meters);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let both = Overrides { data: Some("a".into()), meters: Some("b".into()), ..flags() };
    let cases = [
        (both, "excludes"),
        (Overrides { season: Some(Season::Summer), ..flags() }, "--data DIR"),
        (Overrides { fee: Some("ten".into()), ..flags() }, "--fee = ten"),
        (Overrides { fee: Some("-0.1".into()), ..flags() }, "tariff.p2p_fee"),
        (Overrides { prosumers: Some(0), ..flags() }, "prosumers = 0"),
        (Overrides { validators: Some(51), ..flags() }, "validators = 51"),
    ];
    for (flags, wanted) in cases {
        let error = Scenario::default().apply(&flags).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let paper = Scenario::preset("paper").unwrap();
    let data = Overrides { data: Some("a".into()), ..flags() };
    assert!(paper.apply(&data).unwrap_err().to_string().contains("`paper`"));
}
