//! What the room costs: encode, settle, structural sweep, segment sweep, audit, and a letter.
//!
//! A plain program: `cargo bench -p gridpact-chain`. Figures are CPU time of the thread, so
//! that they mean something on a busy machine.

// A bench measures time; it decides nothing.
#![allow(dead_code, missing_docs, clippy::disallowed_methods)]

#[path = "../tests/it/street.rs"]
mod street;
#[path = "../tests/it/world.rs"]
mod world;

use std::hint::black_box;
use std::time::Instant;

use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{encode, encode_into};
use gridpact_chain::genesis::Quorum;
use gridpact_chain::ledger::Ledger;
use gridpact_chain::registry::Registry;
use gridpact_chain::replica::Fanout;
use gridpact_chain::terms::Timestamp;
use gridpact_chain::verdicts::{Remembered, Strict};
use gridpact_chain::verifier::{Params, Verifier, audit};

/// Nanoseconds this thread has spent on a processor; wall time where the system does not say.
fn cpu_ns(since: Instant) -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let first = told.as_deref().and_then(|line| line.split(' ').next()?.parse().ok());
    first.unwrap_or_else(|| since.elapsed().as_nanos() as u64)
}

/// Nanoseconds of one of `count` repetitions, over twenty rounds.
fn measure(name: &str, count: u64, mut round: impl FnMut()) {
    let since = Instant::now();
    let start = cpu_ns(since);
    for _ in 0..20 {
        round();
    }
    let each = (cpu_ns(since) - start) as f64 / 20.0 / count as f64;
    println!("{name:<52} {each:>10.0} ns {:>12.0} /s", 1e9 / each);
}

fn main() {
    let genesis = world::a_genesis(300, Quorum::Majority);
    let registry = Registry::founding(&genesis);
    let community = registry.community();
    let pairs = street::a_chain(&registry, 8192, false);
    let count = pairs.len() as u64;
    let bytes: usize = pairs.iter().map(|(pair, _)| pair.len()).sum();
    println!("{count} pairs, {} bytes each, 300 accounts", bytes as u64 / count);

    let mut scratch = Vec::new();
    measure("encode a contract block into a reused buffer", count, || {
        for (pair, _) in &pairs {
            scratch.clear();
            encode_into(&*pair.contract, &mut scratch);
            black_box(&scratch);
        }
    });
    measure("digest of a contract body", count, || {
        for (pair, _) in &pairs {
            black_box(pair.contract.record.body().map(|body| body.digest()));
        }
    });
    measure("settle: compute and append one pair", count, || {
        let mut ledger = Ledger::new(community);
        for (pair, _) in &pairs {
            let block = &pair.contract;
            let next = ledger.next(block.time_ms, 0, &block.record).expect("a sound deal");
            ledger.push(&std::sync::Arc::new(next));
        }
        black_box(ledger.tip);
    });

    for (name, structural_every) in [("structural", 1), ("segment", u64::MAX)] {
        let mut verifier =
            Verifier::new(registry.clone(), Params { structural_every, ..Params::default() });
        for (pair, proof) in &pairs {
            verifier.reload_next(pair.clone(), proof.clone());
        }
        let mut found = Vec::new();
        verifier.step(Timestamp(0), usize::MAX, &mut found);
        measure(&format!("{name} sweep, one pair"), count, || {
            assert!(verifier.step(Timestamp(0), usize::MAX, &mut found));
        });
        assert!(found.is_empty(), "{found:?}");
    }

    let small = Registry::founding(&world::a_genesis(4, Quorum::Majority));
    let proven = street::a_chain(&small, 64, true);
    measure("audit, one pair of 4 voters (9 signatures)", 64, || {
        let report = audit(&world::a_genesis(4, Quorum::Majority), &proven, None, &Strict);
        assert!(report.is_proven());
    });
    black_box(encode(&genesis));
    whole(300, 60);
}

/// A whole community. The second run finds every verdict remembered, so what it costs beyond
/// making signatures is the minds and the post office.
fn whole(n: u32, deals: u8) {
    let mut verdicts = Remembered::with_slots(1 << 20);
    for run in ["first", "again"] {
        let mut world = world::World::new(n, Quorum::Majority, Fanout::Tally, 1);
        world.verdicts = verdicts;
        let before = world.verdicts.counts().checked;
        let since = Instant::now();
        let start = cpu_ns(since);
        for nonce in 0..deals {
            world.publish(u32::from(nonce) % n, (u32::from(nonce) + 1) % n, nonce);
        }
        world.run_until(Timestamp(world::T_SETTLE.0 + 60_000));
        let elapsed = (cpu_ns(since) - start) as f64 / 1000.0;
        world.assert_agreed(deals.into());
        let (made, checked) = (world.signed, world.verdicts.counts().checked - before);
        let each = (elapsed - made as f64 * per_sign()) / world.letters as f64;
        println!(
            "{n} homes, {deals} deals, {run}: {elapsed:.0} us of CPU, {} letters, {made} signatures made, {checked} checked; {each:.2} us a letter beyond signing",
            world.letters
        );
        verdicts = world.verdicts;
    }
    println!("sign {:.1} us, check {:.1} us", per_sign(), per_check());
}

fn per_sign() -> f64 {
    let key = world::key(1);
    let since = Instant::now();
    let start = cpu_ns(since);
    for i in 0..1000_u32 {
        black_box(world::sign(&key, &Digest([i as u8; 32])));
    }
    (cpu_ns(since) - start) as f64 / 1e6
}

fn per_check() -> f64 {
    let (key, message) = (world::key(1), Digest([1; 32]));
    let (public, signature) = (world::public(&key), world::sign(&key, &message));
    let since = Instant::now();
    let start = cpu_ns(since);
    for _ in 0..1000 {
        assert!(public.verifies(black_box(&message), &signature));
    }
    (cpu_ns(since) - start) as f64 / 1e6
}
