//! What people copy works: every example runs and says what it promises, and the sample settings
//! are the real ones. The examples are included as they stand, so the tests run those very lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gridpact::report::OutDir;
use gridpact::sim::scenario::{Overrides, Scenario};
use gridpact::sim::{self, world};

#[allow(dead_code)]
#[path = "../../examples/audit_chain.rs"]
mod audit_chain;
mod deploy;
#[allow(dead_code)]
#[path = "../../examples/neighbourhood.rs"]
mod neighbourhood;
#[allow(dead_code)]
#[path = "../../examples/own_pricing.rs"]
mod own_pricing;
#[allow(dead_code)]
#[path = "../../examples/quickstart.rs"]
mod quickstart;
#[allow(dead_code)]
#[path = "../../examples/soak.rs"]
mod soak;

/// A directory that is gone when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("gridpact-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a scratch directory");
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn quickstart_makes_one_deal_and_one_pair() {
    let dir = Scratch::new("quickstart");
    let report = quickstart::run(&dir.0).expect("the example runs");
    let [deal] = &report.run().contracts[..] else { panic!("not one deal: {report:?}") };
    assert_eq!((deal.seller, deal.buyer), (0, 1));
    assert_eq!(deal.profile_wh, [750; 4]);
    assert!(deal.cost_microcurrency_per_kwh <= deal.price_microcurrency_per_kwh);
    assert!(deal.price_microcurrency_per_kwh < deal.retail_microcurrency_per_kwh);
    assert_eq!(report.summary().pairs, 1);
    assert!(dir.0.join("report.html").is_file());
}

#[test]
fn neighbourhood_counts_tasks_and_draws_them() {
    let dir = Scratch::new("neighbourhood");
    let figure = dir.0.join("figure.svg");
    let results = neighbourhood::run(&[50], &figure).expect("the example runs");
    let [fifty] = &results[..] else { panic!("one size gives one result") };
    assert_eq!(fifty.prosumers, 50);
    assert!(fifty.tasks > 50 && fifty.negotiation_ms.mean.is_some());
    let svg = fs::read_to_string(&figure).expect("the figure is there");
    assert!(svg.contains("about 700"));
    assert!(neighbourhood::run(&[], &figure).is_err(), "no size, no figure");
}

#[test]
fn audit_chain_proves_a_chain_and_finds_both_kinds_of_damage() {
    let dir = Scratch::new("audit");
    audit_chain::run(None, &dir.0).expect("the chain is sound and the damage is found");
}

#[test]
fn audit_chain_is_honest_about_a_sealed_chain() {
    let dir = Scratch::new("audit-sealed");
    let flags = Overrides { prosumers: Some(6), ..Overrides::default() };
    let mut scenario = Scenario::default().apply(&flags).expect("possible");
    scenario.chain.seal_contracts = true;
    let out = OutDir::prepare(&dir.0.join("run")).expect("a fresh directory");
    let community = sim::build(&scenario).expect("possible");
    world::run(&scenario, community, &out.chain(), &|_, _| {}).expect("it comes to its end");
    audit_chain::run(Some(out.path()), &dir.0).expect("proved as far as an outsider can");
}

#[test]
fn own_pricing_moves_the_prices_of_one_home_alone() {
    let [usual, own] = own_pricing::run().expect("the example runs");
    let per_kwh = |of: &own_pricing::Sold, name| of[name].1 * 1_000 / of[name].0 as i64;
    assert_eq!(per_kwh(&usual, "Ada"), per_kwh(&usual, "Cem"), "the same roof, the same rule");
    assert!(per_kwh(&own, "Ada") > per_kwh(&usual, "Ada"), "she asks more");
    assert!(own["Ada"].0 <= own["Cem"].0, "and is asked last");
    assert_eq!(per_kwh(&own, "Cem"), per_kwh(&usual, "Cem"), "he does as before");
    let all = |of: &own_pricing::Sold| of.values().map(|(wh, _)| wh).sum::<u64>();
    assert_eq!(all(&own), all(&usual), "Bo's need is covered either way");
}

/// Where the child of the soak writes.
const SOAKED: &str = "GRIDPACT_TEST_SOAKED";

#[test]
#[ignore = "it is the child of the next test, and writes until it is killed"]
fn soak_child() {
    if let Some(dir) = std::env::var_os(SOAKED) {
        soak::write(dir.as_ref()).expect("written until it is killed");
    }
}

#[test]
fn soak_kills_children_and_loses_nothing_that_was_acknowledged() {
    let dir = Scratch::new("soak");
    let program = std::env::current_exe().expect("this program");
    let child = |dir: &Path| {
        let mut command = Command::new(&program);
        command.args(["soak_child", "--exact", "--ignored", "--nocapture"]).env(SOAKED, dir);
        command
    };
    soak::soak(&child, &dir.0, 20, 1).expect("nothing is lost");
}

#[test]
fn every_example_is_listed_and_run_here() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let here = include_str!("main.rs");
    for file in fs::read_dir(&root).expect("examples") {
        let file = file.expect("an entry").file_name().into_string().expect("a plain name");
        let Some(name) = file.strip_suffix(".rs").filter(|name| *name != "lib") else { continue };
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"{file}\"")), "{file}");
        assert!(here.contains(&format!("mod {name};")), "{file} is not run");
    }
}
