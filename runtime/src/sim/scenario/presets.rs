//! The scenarios that have a name, and what flags for measured files bring along.

use gridpact_agents::network::NetworkFees;
use gridpact_agents::params::{BlockShape, Forecast, Params, Tender, Terminal};
use gridpact_chain::terms::Price;

use super::decimal::Millionths;
use super::settings::{
    ChainSettings, DataSettings, FeederSettings, Layout, ScenarioSettings, TariffSettings,
    VerifierSettings,
};
use super::sites::{GenerationSettings, SiteMix};
use super::{Overrides, Scenario, ScenarioError};
use crate::config::nearest;
use crate::sim::community::EvKnowledge;
use crate::sim::tariff::TariffPreset;

/// A preset as it is listed.
#[derive(Debug, Clone, Copy)]
pub struct PresetLine {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    build: fn() -> Scenario,
}

/// All presets in the order they are listed.
pub const PRESETS: [PresetLine; 5] = [
    PresetLine {
        name: "reference",
        about: "50 generated homes, clear summer days, rolling tenders, Australian time of use",
        build: reference,
    },
    PresetLine {
        name: "reference_mean",
        about: "as reference under a mean year's sky (3.4 kWh/kWp a day)",
        build: reference_mean,
    },
    PresetLine {
        name: "paper",
        about: "the source's experiment: one day-ahead pass, perfect forecast, bare energy blocks",
        build: paper,
    },
    PresetLine {
        name: "london",
        about: "all measured London homes, real PV yields, real EV sessions; needs --data DIR",
        build: london,
    },
    PresetLine {
        name: "meters",
        about: "a community's own import and export meters; needs --meters DIR",
        build: meters,
    },
];

/// The preset with this name.
pub(super) fn by_name(name: &str) -> Result<Scenario, ScenarioError> {
    let found = PRESETS.iter().find(|preset| preset.name == name);
    found.map(|preset| (preset.build)()).ok_or_else(|| ScenarioError::Preset {
        name: name.to_owned(),
        near: nearest(name, PRESETS.iter().map(|p| p.name))
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default(),
    })
}

impl Default for TariffSettings {
    fn default() -> Self {
        Self {
            preset: TariffPreset::Nsw2013Tou,
            p2p_fee: NetworkFees::default(),
            flat: Price(270_000),
            feed_in: Price(80_000),
        }
    }
}

pub(super) fn reference() -> Scenario {
    Scenario {
        name: "reference".to_owned(),
        prosumers: 50,
        days: 1,
        history_days: 7,
        seed: 1,
        validators: None,
        start: Some(jiff::civil::date(2013, 12, 2)),
        zone: "Australia/Sydney".to_owned(),
        currency: "AUD".to_owned(),
        params: Params::default(),
        chain: ChainSettings::default(),
        tariff: TariffSettings::default(),
        feeder: FeederSettings::default(),
        scenario: ScenarioSettings::default(),
        sites: SiteMix::default(),
        generation: GenerationSettings::default(),
        data: DataSettings::default(),
        verifier: VerifierSettings::default(),
    }
}

fn reference_mean() -> Scenario {
    let mut scenario = Scenario { name: "reference_mean".to_owned(), ..reference() };
    scenario.generation.cloud_factor = 0.52;
    scenario
}

fn paper() -> Scenario {
    let mut scenario = Scenario { name: "paper".to_owned(), ..reference() };
    scenario.prosumers = 300;
    scenario.params.epoch.tender = Tender::DayAhead;
    scenario.params.lca.block_shape = BlockShape::Energy;
    scenario.params.lca.terminal = Terminal::FeedIn;
    scenario.params.lca.forecast = Forecast::Perfect;
    // The source's homes are independent draws.
    scenario.generation.wind_common = 0.0;
    scenario.scenario.ev_knowledge = EvKnowledge::Perfect;
    scenario.tariff.preset = TariffPreset::SolarSoak;
    scenario
}

fn london() -> Scenario {
    let mut scenario = Scenario { name: "london".to_owned(), ..reference() };
    scenario.prosumers = 0;
    scenario.start = None;
    scenario.zone = "Europe/London".to_owned();
    scenario.currency = "GBP".to_owned();
    scenario.tariff.preset = TariffPreset::London;
    scenario.tariff.feed_in = Price(46_400);
    scenario.data.layout = Layout::London;
    scenario.sites = SiteMix {
        pv_share: 0.4,
        pv_kwp: [3.0, 5.0],
        wind_share: 0.0,
        deferrable_share: 0.0,
        bess_share: 0.2,
        bess_kwh: [5.0, 13.0],
        bess_kw: 3.6,
        ev_share: 0.4,
        ev_eta_charge: Millionths(880_000),
        wear: Millionths(30_000),
        import_limit_w: 23_000,
        export_limit_w: 3_680,
        ..SiteMix::default()
    };
    scenario
}

fn meters() -> Scenario {
    let mut scenario = Scenario { name: "meters".to_owned(), ..reference() };
    scenario.prosumers = 0;
    scenario.start = None;
    scenario.zone = "UTC".to_owned();
    scenario.currency = "EUR".to_owned();
    scenario.tariff.preset = TariffPreset::Flat;
    scenario.data.layout = Layout::Meters;
    scenario
}

/// Turns `--data` and `--meters` into settings: the preset that goes with the files, unless the
/// scenario is one of such files already.
pub(super) fn use_files(scenario: &mut Scenario, flags: &Overrides) -> Result<(), ScenarioError> {
    let (layout, dir, build): (_, _, fn() -> Scenario) = match (&flags.data, &flags.meters) {
        (Some(_), Some(_)) => {
            return Err(ScenarioError::Conflict("--data excludes --meters: give one".to_owned()));
        }
        (Some(dir), None) => (Layout::London, dir, london),
        (None, Some(dir)) => (Layout::Meters, dir, meters),
        (None, None) => return Ok(()),
    };
    if scenario.data.layout == Layout::None && *scenario == reference() {
        *scenario = build();
    }
    if scenario.data.layout != layout {
        return Err(ScenarioError::Conflict(format!(
            "scenario `{}` does not read these files; leave out --scenario or the folder",
            scenario.name
        )));
    }
    scenario.data.dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
    Ok(())
}
