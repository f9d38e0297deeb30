//! Chains made by hand, with every signature in place, for whoever only reads them.

use std::sync::Arc;

use gridpact_chain::batch::{Approved, Batch, BatchHead, OrderProof};
use gridpact_chain::block::{Order, Pair, Proof, Record, Votes};
use gridpact_chain::contract::SignedContract;
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::ledger::Ledger;
use gridpact_chain::registry::Registry;
use gridpact_chain::statement::{Answer, Statement};
use gridpact_chain::terms::Timestamp;

use crate::world::{T_SETTLE, a_body, key, sign, signed};

/// The first voters that make a quorum sign `message`.
pub fn votes(registry: &Registry, message: &Digest) -> Encoded<Votes> {
    let voters = registry.voters().iter().take(registry.quorum());
    let signatures = voters.map(|voter| (*voter, sign(&key(voter.0), message))).collect();
    Encoded::new(Votes { registry: 0, signatures })
}

pub fn approved(registry: &Registry, contract: SignedContract) -> Arc<Approved> {
    let (contract_id, body) = (contract.body.contract_id, contract.body.digest());
    let message = Statement::Approve { contract_id, body, answer: Answer::Yes, registry: 0 }
        .digest(&registry.community());
    let approvals = votes(registry, &message);
    Arc::new(Approved { record: Encoded::new(Record::Contract(contract)), approvals })
}

pub fn batch(
    registry: &Registry,
    index: u64,
    time_ms: u64,
    items: Vec<Arc<Approved>>,
) -> Arc<Batch> {
    let community = registry.community();
    let digests = items.iter().map(|item| item.record.digest(&community)).collect();
    let head = Encoded::new(BatchHead { index, time_ms: Timestamp(time_ms), items: digests });
    let signature = sign(&key(registry.sequencer().0), &head.digest(&community));
    Arc::new(Batch { head, items, proof: OrderProof::Sequencer(signature) })
}

/// The contract at position `i` of a chain of `n` homes.
pub fn deal(community: &Digest, n: u32, i: u32) -> SignedContract {
    let mut body = a_body(community, i % n, (i + 1) % n, (i % 200) as u8);
    body.contract_id.0.0[..4].copy_from_slice(&i.to_be_bytes());
    signed(body)
}

/// A closed chain of `count` pairs; without `is_proven` its votes are empty.
pub fn a_chain(registry: &Registry, count: u32, is_proven: bool) -> Vec<(Arc<Pair>, Arc<Proof>)> {
    let community = registry.community();
    let mut ledger = Ledger::new(community);
    let n = registry.voters().len() as u32;
    let none = Encoded::new(Votes { registry: 0, signatures: Vec::new() });
    (0..count)
        .map(|i| {
            let contract = deal(&community, n, i);
            let item = if is_proven {
                approved(registry, contract)
            } else {
                let record = Encoded::new(Record::Contract(contract));
                Arc::new(Approved { record, approvals: none.clone() })
            };
            let time_ms = T_SETTLE.0 - 1000;
            let batch = batch(registry, u64::from(i), time_ms, vec![item.clone()]);
            let pair = ledger.next(batch.time_ms(), 0, &item.record).expect("a sound deal");
            let pair = Arc::new(pair);
            ledger.push(&pair);
            let statement =
                Statement::Ledger { height: ledger.height, ledger: ledger.tip, registry: 0 };
            let ledger_votes = if is_proven {
                votes(registry, &statement.digest(&community))
            } else {
                none.clone()
            };
            let order = Order { head: batch.head.clone(), position: 0, proof: batch.proof.clone() };
            let approvals = item.approvals.clone();
            (pair, Arc::new(Proof { approvals, ledger_votes: Some(ledger_votes), order }))
        })
        .collect()
}
