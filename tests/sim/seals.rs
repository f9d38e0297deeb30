//! Sealed contracts change who can read the chain, and nothing else.

use gridpact::chain::block::Pair;
use gridpact::chain::digest::MacKey;
use gridpact::chain::encode::encode;
use gridpact::chain::keyring::Keyring;
use gridpact::chain::registry::Registry;
use gridpact::chain::terms::{Interval, PartyId, Timestamp};
use gridpact::chain::verifier::{Params, Verifier, audit_reading};
use gridpact::keys::SecretKey;
use gridpact::sim::faults::{Crash, Faults, Role};
use gridpact::sim::scenario::{Fanout, Scenario};
use gridpact::store::files::{Files, seals};
use gridpact::verdicts::ProcessVerdicts;
use gridpact_tests::{Lived, a_street, live, live_with, write_files};

use crate::STREET;

fn a_sealed_street() -> Scenario {
    let mut scenario = a_street(12);
    scenario.chain.seal_contracts = true;
    scenario
}

fn keys_of(lived: &Lived, party: u32) -> Keyring {
    let (key, genesis) =
        (SecretKey::simulated(lived.scenario.seed, PartyId(party)), &lived.archive.genesis);
    key.keyring(lived.archive.records.iter(), &genesis.community(), PartyId(party))
}

/// The pairs as member `party` reads them.
fn opened(lived: &Lived, party: u32) -> Vec<Pair> {
    let (keys, community) = (keys_of(lived, party), lived.archive.genesis.community());
    let pairs = lived.archive.pairs.iter();
    pairs.map(|(pair, _)| pair.opened(&community, &keys).expect("a member reads")).collect()
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn a_sealed_street_trades_and_settles_as_an_open_one() {
    let lived = live(&a_sealed_street());
    lived.assert_proved();
    assert_eq!(lived.run.contracts, STREET.run.contracts);
    assert_eq!(lived.run.sites, STREET.run.sites);
    assert_eq!(lived.run.chain.contract_blocks, STREET.run.chain.contract_blocks);
    let (sealed, open) = (opened(&lived, 5), &STREET.archive.pairs);
    assert_eq!(sealed.len(), open.len());
    for (sealed, (open, _)) in sealed.iter().zip(open) {
        // The communities differ by nothing but what follows from the records' bytes.
        let (ours, theirs) = (sealed.contract.record.body(), open.contract.record.body());
        assert_eq!(ours, theirs, "height {}", open.height());
        assert_eq!(sealed.ledger.entries[..], open.ledger.entries[..]);
    }
}

#[test]
fn outsiders_prove_a_sealed_street_without_reading_it() {
    let lived = live(&a_sealed_street());
    let report = lived.audit();
    assert!(report.is_proven() && report.unread == report.pairs, "{report:?}");
    let (genesis, pairs) = (&lived.archive.genesis, &lived.archive.pairs);
    let keys = keys_of(&lived, 3);
    let inside = audit_reading(genesis, pairs, None, &keys, &ProcessVerdicts::default());
    assert!(inside.is_proven() && inside.unread == 0 && inside.energy.0 > 0);
    // Only the writing node's own dealings stand open in its own files, in its reservations.
    let log: Vec<u8> = lived.files.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let pairs = opened(&lived, 3);
    let bodies = pairs.iter().filter_map(|pair| pair.contract.record.body());
    let (own, foreign): (Vec<_>, Vec<_>) = bodies.partition(|body| body.is_between(PartyId(0)));
    let is_own = |price, amount| own.iter().any(|o| (o.unit_price, o.amount) == (price, amount));
    assert!(foreign.len() > 5, "{} contracts of others", foreign.len());
    for body in foreign {
        let mut secrets = vec![
            encode(body),
            encode(&(body.buyer, body.seller, body.start, body.end, body.energy))[1..].to_vec(),
            encode(&body.profile_commitment),
        ];
        if !is_own(body.unit_price, body.amount) {
            secrets.push(encode(&(body.unit_price, body.amount))[1..].to_vec());
        }
        for secret in secrets {
            assert!(!contains(&log, &secret), "{body:?}");
        }
    }
    let open: Vec<u8> = STREET.files.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let body = STREET.archive.pairs[0].0.contract.record.body().expect("a contract");
    assert!(contains(&open, &encode(body)), "the search finds what is open");
}

#[test]
fn the_same_seed_gives_the_same_sealed_files_however_votes_travel() {
    let (one, again) = (live(&a_sealed_street()), live(&a_sealed_street()));
    assert!(one.files == again.files, "the chain's files are the same byte for byte");
    let mut scenario = a_sealed_street();
    scenario.chain.fanout = Fanout::AllToAll;
    assert_eq!(live(&scenario).run.chain.tip, one.run.chain.tip);
    assert_ne!(one.run.chain.tip, STREET.run.chain.tip);
}

#[test]
fn nodes_that_crash_come_back_with_their_keys() {
    let scenario = a_sealed_street();
    let start = gridpact::sim::build(&scenario).expect("possible").start;
    let crash = |(n, party): (u32, u32)| {
        let (epoch, party) = (Interval(start.0 + 3 * n), PartyId(party));
        Crash { epoch, after_ms: 0, after_turns: 5 + 7 * n, party, role: Role::Replica }
    };
    // The sequencer's own node, which makes the keys, and two others, one of them twice.
    let crashes = [(0, 0), (1, 4), (2, 7), (3, 4), (5, 0)].map(crash).to_vec();
    let faults = Faults { crashes, ..Faults::default() };
    let lived = live_with(&scenario, &faults).expect("it comes to its end");
    assert_eq!(lived.broken, 5, "what should break broke");
    lived.assert_proved();
    assert!(lived.archive.pairs.len() > 5);
    opened(&lived, 7);
}

#[test]
fn the_files_of_a_sealed_street_are_swept_with_the_key_and_without() {
    let lived = live(&a_sealed_street());
    let community = lived.archive.genesis.community();
    let height = lived.archive.pairs.len() as u64;
    for keys in [keys_of(&lived, 2), Keyring::default()] {
        let (dir, is_read) = (tempfile::tempdir().expect("a directory"), !keys.is_empty());
        write_files(dir.path(), &lived.files);
        let verifier = || {
            let files = Files::open(dir.path(), 1_024).expect("there are files");
            let params = Params { structural_every: 2, segment_bytes: 1_024 };
            let mut verifier =
                Verifier::over(files, Registry::founding(&lived.archive.genesis), params);
            verifier.learn(&keys);
            verifier
        };
        let sweep = |verifier: &mut Verifier<Files>| {
            let mut found = Vec::new();
            for _ in 0..3 {
                while !verifier.step(Timestamp(1), 1_024, &mut found) {}
                while !verifier.step_signatures(1_024, &mut found) {}
            }
            found
        };
        let mut sound = verifier();
        assert_eq!((sweep(&mut sound), sound.height()), (vec![], height));
        let (state, _) = sound.resumable();
        assert_eq!(state.ledger().unread == 0, is_read, "amounts are known with the key alone");

        // A start from sealed digests proves as much as one from the first pair.
        let (seals_file, key) =
            (dir.path().with_extension("digests"), MacKey::derive("test", &[1; 32]));
        seals::save(&seals_file, &key, community, &sound).expect("written");
        let mut resumed = verifier();
        assert_eq!(seals::resume(&seals_file, &key, community, &mut resumed), is_read);
        assert_eq!((sweep(&mut resumed), resumed.tip()), (vec![], sound.tip()));
        if is_read {
            std::fs::remove_file(&seals_file).expect("removed");
        }

        // One byte of what is sealed: found without the key as well.
        let (pair, _) = &lived.archive.pairs[height as usize / 2];
        let file = dir.path().join("0001.log");
        let mut bytes = std::fs::read(&file).expect("readable");
        let sealed = encode(&pair.ledger.entries);
        let at = bytes.windows(sealed.len()).position(|at| at == sealed).expect("there");
        bytes[at + sealed.len() / 2] ^= 8;
        std::fs::write(&file, bytes).expect("written");
        let found = sweep(&mut verifier());
        assert!(found.iter().any(|finding| finding.height == pair.height()), "{found:?}");
    }
}
