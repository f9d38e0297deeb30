//! What no single room of the house can promise alone, and the small worlds in which it is proved.
//!
//! Worlds are small because every law is checked on whole runs: a street of a few homes with enough
//! vehicles, batteries and generators to trade all day.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use gridpact::chain::block::{Pair, Record};
use gridpact::chain::contract::ContractBody;
use gridpact::chain::terms::{Interval, Profile};
use gridpact::chain::verifier::{self, audit};
use gridpact::report::{Report, Run};
use gridpact::sim::community::{Community, EvKnowledge};
use gridpact::sim::faults::Faults;
use gridpact::sim::scenario::Scenario;
use gridpact::sim::tariff::TariffPreset;
use gridpact::sim::world::{self, WorldError};
use gridpact::store::archive::{self, Archive};
use gridpact::verdicts::ProcessVerdicts;

pub mod hostile;
pub mod tree;

/// A street of `homes` for one day: a mix of sun, wind (each turbine its own), vehicles and batteries
/// under a tariff that is dear in the evening, so that a few homes trade all day. What they will need
/// and generate is forecast from a short history.
#[must_use]
pub fn a_street(homes: u32) -> Scenario {
    let mut scenario = Scenario { prosumers: homes, history_days: 3, ..Scenario::default() };
    scenario.name = format!("street of {homes}");
    scenario.sites.pv_share = 0.3;
    scenario.sites.wind_share = 0.4;
    scenario.sites.ev_share = 0.4;
    scenario.sites.bess_share = 0.4;
    scenario.generation.wind_common = 0.0;
    scenario.tariff.preset = TariffPreset::SolarSoak;
    scenario
}

/// A street whose homes know what will happen, so that plans and meters agree.
#[must_use]
pub fn a_street_of_seers(homes: u32) -> Scenario {
    let mut scenario = a_street(homes);
    scenario.name = format!("street of {homes} seers");
    scenario.params.lca.forecast = gridpact::agents::params::Forecast::Perfect;
    scenario.scenario.ev_knowledge = EvKnowledge::Perfect;
    scenario
}

/// One home: it has nobody to trade with, and founds a community all the same.
#[must_use]
pub fn a_prosumer() -> Scenario {
    a_street(1)
}

/// A run that has ended, with its chain as it was read back from disk.
#[derive(Debug)]
pub struct Lived {
    /// What was run.
    pub scenario: Scenario,
    /// What was true before anybody acted.
    pub community: Community,
    /// What the run says.
    pub run: Run,
    /// The chain, from its bytes alone.
    pub archive: Archive,
    /// The chain's files: names and bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// Actors that were broken on purpose and did break.
    pub broken: u32,
}

/// Runs a scenario in this process and reads its chain back.
///
/// # Panics
/// When the run or the reading fails: the world is sound, so the program is not.
#[must_use]
pub fn live(scenario: &Scenario) -> Lived {
    live_with(scenario, &Faults::default()).expect("the world comes to its end")
}

/// [`live`], with things broken on purpose.
///
/// # Errors
/// When the community stood still.
///
/// # Panics
/// When the scenario is impossible or the chain of a finished run cannot be read.
pub fn live_with(scenario: &Scenario, faults: &Faults) -> Result<Lived, WorldError> {
    count_breaks();
    let dir = tempfile::tempdir().expect("a directory for the chain");
    let community = gridpact::sim::build(scenario).expect("the scenario is possible");
    let before = BROKEN.get();
    let run = world::run_with(scenario, community.clone(), dir.path(), faults, &|_, _| ())?;
    let broken = BROKEN.get() - before;
    let archive = archive::read(dir.path()).expect("every byte of the chain is proved");
    let files = read_files(dir.path());
    Ok(Lived { scenario: scenario.clone(), community, run, archive, files, broken })
}

thread_local! {
    static BROKEN: Cell<u32> = const { Cell::new(0) };
}

/// Counts actors broken by a fault world (a world lives on the thread that runs it) and keeps their
/// panics out of the test's output; all other panics are shown.
fn count_breaks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let text = panic.payload().downcast_ref::<&str>().copied().unwrap_or_default();
            if text.starts_with("a fault world broke this") {
                BROKEN.set(BROKEN.get() + 1);
            } else {
                shown(panic);
            }
        }));
    });
}

/// All files of a directory, by name.
///
/// # Panics
/// When they cannot be read.
#[must_use]
pub fn read_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .expect("listable")
        .map(|entry| entry.expect("listable"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let bytes = fs::read(entry.path()).expect("readable");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

/// Writes files into a directory, which is made if need be.
///
/// # Panics
/// When they cannot be written.
pub fn write_files(dir: &Path, files: &[(String, Vec<u8>)]) {
    fs::create_dir_all(dir).expect("made");
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).expect("written");
    }
}

impl Lived {
    /// Contracts on the chain, with their pairs.
    pub fn contracts(&self) -> impl Iterator<Item = (&Pair, &ContractBody)> {
        self.archive.pairs.iter().filter_map(|(pair, _)| match &*pair.contract.record {
            Record::Contract(contract) => Some((&**pair, &contract.body)),
            _ => None,
        })
    }

    /// Energy per interval of the `index`-th contract.
    #[must_use]
    pub fn profile(&self, index: usize) -> Profile {
        let contract = &self.run.contracts[index];
        Profile { start: Interval(contract.start), wh: contract.profile_wh.clone() }
    }

    /// The report of the run.
    ///
    /// # Panics
    /// When the run contradicts itself.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::new(self.run.clone()).expect("the run is whole")
    }

    /// The chain proved again by somebody who has only its pairs and proofs.
    #[must_use]
    pub fn audit(&self) -> verifier::Report {
        audit(&self.archive.genesis, &self.archive.pairs, None, &ProcessVerdicts::default())
    }

    /// Panics unless the chain proves itself, is closed to its end and ends where the run says.
    ///
    /// # Panics
    /// With what is wrong.
    pub fn assert_proved(&self) {
        let report = self.audit();
        assert_eq!(report.findings.len(), 0, "{:?}", report.findings.first());
        assert_eq!(report.balances_sum, 0, "balances sum to zero");
        assert_eq!(report.closed, report.pairs, "every pair has a quorum of ledger votes");
        assert_eq!(report.tip, self.archive.tip, "the end frame names the tip");
        assert_eq!(report.tip.to_string(), self.run.chain.tip, "the run names the tip");
        assert_eq!(self.run.chain.verifier.faults, 0, "no node has found a fault");
    }
}

/// The folder of measured data, or `None` with a word to whoever reads the test's output.
#[must_use]
pub fn measured_data(test: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("GRIDPACT_DATA").map(PathBuf::from).filter(|dir| dir.is_dir());
    if dir.is_none() {
        eprintln!("{test}: skipped, GRIDPACT_DATA names no folder");
    }
    dir
}
