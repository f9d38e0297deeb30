//! R1: the number of tasks grows nearly linearly with the number of prosumers.

use gridpact::sim::scenario::Scenario;
use gridpact_tests::live;

#[test]
fn figure_r1_tasks_grow_nearly_linearly_with_prosumers() {
    let tasks = |prosumers| {
        let mut scenario = Scenario::preset("paper").expect("a preset");
        scenario.prosumers = prosumers;
        scenario.history_days = 0;
        // As in the source: the first sites are drawn, the rest are perturbed copies.
        scenario.scenario.copies_from = 15;
        live(&scenario).run.tasks.tasks as f64
    };
    let (one, two, four) = (tasks(15), tasks(30), tasks(60));
    for (ratio, expected) in [(two / one, 2.0), (four / one, 4.0)] {
        let off = (ratio / expected - 1.0_f64).abs();
        assert!(off < 0.2, "{one} tasks at 15, {two} at 30, {four} at 60 prosumers");
    }
    let per_prosumer = four / 60.0;
    assert!((1.0..5.0).contains(&per_prosumer), "{per_prosumer:.2} tasks per prosumer and day");
}
