//! `gridpact chain export`: every record as a line for other programs.

use std::io::Write as _;

use clap::ValueEnum;
use gridpact_chain::block::Pair;
use gridpact_chain::digest::Digest;
use serde::Serialize;

use crate::cli::{Failure, say};
use crate::store::archive::Archive;

/// How records are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// Comma-separated, with a header.
    #[default]
    Csv,
    /// One JSON object per line.
    Jsonl,
}

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

pub(super) fn export(archive: &Archive, format: Format) -> Result<(), Failure> {
    let community = archive.genesis.community();
    let lines = archive.pairs.iter().filter_map(|(pair, proof)| {
        let mut line = line(pair, &community)?;
        line.approvals = proof.approvals.signatures.len();
        line.ledger_votes = proof.ledger_votes.as_ref().map_or(0, |votes| votes.signatures.len());
        Some(line)
    });
    let mut out = Vec::new();
    match format {
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(&mut out);
            for line in lines {
                csv.serialize(line).map_err(Failure::input)?;
            }
            csv.flush().map_err(Failure::input)?;
        }
        Format::Jsonl => {
            for line in lines {
                serde_json::to_writer(&mut out, &line).map_err(Failure::input)?;
                writeln!(out).map_err(Failure::input)?;
            }
        }
    }
    say(String::from_utf8_lossy(&out).trim_end())
}

fn line(pair: &Pair, community: &Digest) -> Option<Line> {
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
        approvals: 0,
        ledger_votes: 0,
    })
}
