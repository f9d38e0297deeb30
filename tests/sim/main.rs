//! Seeded worlds, from the first epoch to the last: one file per law.

mod conservation;
mod crashes;
mod deadlines;
mod determinism;
mod fairness;
mod feasibility;
mod feeder;
mod flipped_bits;
mod late_buyers;
mod members;
mod modes;
mod natures;
mod need;
mod one_vote;
mod overlaps;
mod prices;
mod priorities;
mod repairs;
mod retention;
mod seals;
mod seeds;
mod shards;
mod storms;
mod tampering;

use std::sync::LazyLock;

use gridpact_tests::{Lived, a_street, a_street_of_seers, live};

/// One street with nothing broken, lived once for all laws.
static STREET: LazyLock<Lived> = LazyLock::new(|| live(&a_street(12)));
/// One street in which plans and meters agree, lived once for all laws.
static SEERS: LazyLock<Lived> = LazyLock::new(|| live(&a_street_of_seers(12)));

/// Everything that must hold in every world, however it was broken.
fn assert_lawful(lived: &Lived) {
    lived.assert_proved();
    conservation::check(lived);
    prices::check(lived);
    deadlines::check(lived);
    need::check(lived);
    one_vote::check(lived);
}
