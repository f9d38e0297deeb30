//! Every record of a chain as a line for other programs.

use std::io::Write;

use csv::Writer;
use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::Digest;
use serde::Serialize;

use super::error::ReportError;
use crate::store::archive::Height;

/// One contract on the chain. Energy in Wh, prices in micro-currency per kWh, amounts in
/// micro-currency, times in ms since 1970 UTC; intervals count from 1970 UTC.
#[derive(Debug, Serialize)]
struct Line {
    height: u64,
    time_ms: u64,
    registry: u32,
    contract_id: String,
    epoch: u32,
    buyer: u32,
    seller: u32,
    start: u32,
    end: u32,
    energy_wh: u64,
    price_microcurrency_per_kwh: i64,
    amount_microcurrency: i64,
    valid_until_ms: u64,
    contract_block: String,
    ledger_block: String,
    approvals: usize,
    ledger_votes: usize,
}

/// Writes the records of `heights` comma-separated, with a header, as they come.
///
/// # Errors
/// When `out` cannot be written, and those of `heights`: what was written before is sound.
pub fn csv<E: From<ReportError>>(
    heights: impl Iterator<Item = Result<Height, E>>,
    community: &Digest,
    out: impl Write,
) -> Result<(), E> {
    let mut csv = Writer::from_writer(out);
    for height in heights {
        let (pair, proof) = height?;
        if let Some(line) = line(&pair, &proof, community) {
            csv.serialize(line).map_err(unwritten)?;
        }
    }
    Ok(csv.flush().map_err(unwritten)?)
}

/// Writes the records of `heights` as one JSON object per line, as they come.
///
/// # Errors
/// As [`csv()`].
pub fn json_lines<E: From<ReportError>>(
    heights: impl Iterator<Item = Result<Height, E>>,
    community: &Digest,
    mut out: impl Write,
) -> Result<(), E> {
    for height in heights {
        let (pair, proof) = height?;
        if let Some(line) = line(&pair, &proof, community) {
            serde_json::to_writer(&mut out, &line).map_err(unwritten)?;
            writeln!(out).map_err(unwritten)?;
        }
    }
    out.flush().map_err(|error| unwritten(error).into())
}

fn unwritten(reason: impl std::fmt::Display) -> ReportError {
    ReportError::Format { what: "records", reason: reason.to_string() }
}

fn line(pair: &Pair, proof: &Proof, community: &Digest) -> Option<Line> {
    let block = &*pair.contract;
    let body = block.record.body()?;
    Some(Line {
        height: block.height,
        time_ms: block.time_ms.0,
        registry: block.registry,
        contract_id: body.contract_id.to_string(),
        epoch: body.epoch.0,
        buyer: body.buyer.0,
        seller: body.seller.0,
        start: body.start.0,
        end: body.end.0,
        energy_wh: body.energy.0,
        price_microcurrency_per_kwh: body.unit_price.0,
        amount_microcurrency: body.amount.0,
        valid_until_ms: body.valid_until.0,
        contract_block: pair.contract.digest(community).to_string(),
        ledger_block: pair.ledger.digest(community).to_string(),
        approvals: proof.approvals.signatures.len(),
        ledger_votes: proof.ledger_votes.as_ref().map_or(0, |votes| votes.signatures.len()),
    })
}
