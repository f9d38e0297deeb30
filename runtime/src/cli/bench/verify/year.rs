//! A long chain, settled by the ledger itself and signed by as many voters as a quorum needs, on
//! all cores: valid in every byte, and made as fast as signatures can be made.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use gridpact_chain::ballot::approval_digest;
use gridpact_chain::batch::{BatchHead, OrderProof};
use gridpact_chain::block::{Order, Pair, Proof, Record, Votes};
use gridpact_chain::encode::{Encoded, encode};
use gridpact_chain::ledger::Ledger;
use gridpact_chain::registry::Registry;
use gridpact_chain::statement::{Answer, Statement};
use gridpact_chain::terms::Epoch;

use super::founding::Founding;
use crate::cli::Failure;
use crate::store::{FrameLog as _, Kind, Log, files};

/// Contracts of one trading round: 300 homes, every second of which buys.
const PER_EPOCH: u64 = 150;
/// Contracts of one batch.
const PER_BATCH: usize = 6;
/// Pairs that are made at once.
const AT_ONCE: usize = 6_000;

/// Approved records, and the epoch they were made in.
type Approved = (Epoch, Encoded<Record>, Encoded<Votes>);

/// Writes a chain of `pairs` closed pairs of the members of `founding` to `dir`.
pub(super) fn make(founding: &Founding, pairs: u64, dir: &Path) -> Result<(), Failure> {
    let registry = Registry::founding(&founding.genesis);
    let mut log = Log::create(dir).map_err(Failure::input)?;
    log.append(Kind::Genesis, 0, &encode(&founding.genesis)).map_err(Failure::input)?;
    let (mut ledger, mut batches) = (Ledger::new(founding.community), 0);
    thread::scope(|scope| {
        // Contracts are signed ahead while those before them are settled and written.
        let (ahead, ready) = mpsc::sync_channel(1);
        let registry = &registry;
        scope.spawn(move || {
            for first in (0..pairs).step_by(AT_ONCE) {
                let numbers: Vec<u64> = (first..pairs.min(first + AT_ONCE as u64)).collect();
                let approved = in_parallel(&numbers, |i| approved(founding, registry, *i));
                // Whoever takes them has failed, and says why.
                if ahead.send(approved).is_err() {
                    return;
                }
            }
        });
        for approved in ready {
            let mut settled = Vec::with_capacity(approved.len());
            for batch in approved.chunk_by(|one: &Approved, next| one.0 == next.0) {
                for batch in batch.chunks(PER_BATCH) {
                    settle(founding, &mut ledger, batches, batch, &mut settled)?;
                    batches += 1;
                }
            }
            let votes = in_parallel(&settled, |(pair, _)| ledger_votes(founding, registry, pair));
            for ((pair, proof), votes) in settled.into_iter().zip(votes) {
                let proof = Proof { ledger_votes: Some(votes), ..proof };
                files::append(&mut log, &pair, &proof).map_err(Failure::input)?;
            }
            log.commit().map_err(Failure::input)?;
        }
        Ok::<(), Failure>(())
    })?;
    log.close(&ledger.tip.0).map_err(Failure::input)
}

/// Each of `items` through `work`, on all cores, in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = &work;
    thread::scope(|scope| {
        let parts = items.chunks(items.len().div_ceil(threads).max(1));
        let workers: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>()))
            .collect();
        let done = workers.into_iter().map(|worker| worker.join().expect("signing does not panic"));
        done.flatten().collect()
    })
}

/// The contract numbered `i`, with the approvals of a quorum.
fn approved(founding: &Founding, registry: &Registry, i: u64) -> Approved {
    let epoch = Founding::first_epoch().plus(u32::try_from(i / PER_EPOCH).unwrap_or(u32::MAX));
    let contract = founding.contract(i, epoch);
    let (contract_id, body) = (contract.body.contract_id, contract.body.digest());
    let statement = Statement::Approve { contract_id, body, answer: Answer::Yes, registry: 0 };
    debug_assert_eq!(
        statement.digest(&founding.community),
        approval_digest(contract_id, body, 0, &founding.community)
    );
    (epoch, Encoded::new(Record::Contract(contract)), signed(founding, registry, &statement))
}

fn ledger_votes(founding: &Founding, registry: &Registry, pair: &Arc<Pair>) -> Encoded<Votes> {
    let ledger = pair.ledger.digest(&founding.community);
    signed(founding, registry, &Statement::Ledger { height: pair.height(), ledger, registry: 0 })
}

/// A quorum's signatures over `statement`.
fn signed(founding: &Founding, registry: &Registry, statement: &Statement) -> Encoded<Votes> {
    let voters = registry.voters().iter().take(registry.quorum());
    let sign = |voter: u32| founding.keys[voter as usize].sign(statement, &founding.community);
    let signatures = voters.map(|voter| (*voter, sign(voter.0))).collect();
    Encoded::new(Votes { registry: 0, signatures })
}

/// Settles one batch.
fn settle(
    founding: &Founding,
    ledger: &mut Ledger,
    index: u64,
    batch: &[Approved],
    settled: &mut Vec<(Arc<Pair>, Proof)>,
) -> Result<(), Failure> {
    let community = &founding.community;
    let time_ms = batch.first().map(|item| Founding::settles(item.0)).unwrap_or_default();
    let items = batch.iter().map(|(_, record, _)| record.digest(community)).collect();
    let head = Encoded::new(BatchHead { index, time_ms, items });
    let signature = founding.keys[0].sign(&Statement::Batch(head.clone()), community);
    for (position, (_, record, approvals)) in (0..).zip(batch) {
        let pair = Arc::new(ledger.next(time_ms, 0, record).map_err(Failure::input)?);
        ledger.push(&pair);
        let proof = OrderProof::Sequencer(signature);
        let order = Order { head: head.clone(), position, proof };
        let proof = Proof { approvals: approvals.clone(), ledger_votes: None, order };
        settled.push((pair, proof));
    }
    Ok(())
}
