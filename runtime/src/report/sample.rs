//! A synthetic run for tests and previews: plausible days of a small neighbourhood.
//!
//! The meters balance to the Wh; nothing here claims to be a market.

use std::collections::BTreeMap;

use super::run::{
    Alone, Calendar, Chain, Contract, Epoch, Row, Run, Signatures, Site, Store, Tariff, Tasks,
    Verifier, Welfare,
};

const HALF_HOURS: usize = 48;

/// Chance from a seed, good enough for a picture.
struct Chance(u64);

impl Chance {
    /// Uniform in 0..1.
    fn one(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.one()
    }
}

/// `prosumers` sites over `days` days of half-hours.
pub(crate) fn a_run(prosumers: usize, days: usize, seed: u64) -> Run {
    let intervals = HALF_HOURS * days;
    let mut chance = Chance(seed);
    let mut wind = 0.4;
    let breeze: Vec<f64> = (0..intervals)
        .map(|_| {
            wind += 0.1 * (0.4 - wind) + chance.within(-0.12, 0.12);
            wind = f64::clamp(wind, 0.0, 1.0);
            wind
        })
        .collect();
    let sites: Vec<Site> =
        (0..prosumers).map(|at| a_site(at, intervals, &breeze, &mut chance)).collect();
    let first_interval = 772_156;
    let contracts = contracts(&sites, first_interval, &mut chance);
    let epochs = epochs(first_interval, intervals, &contracts, prosumers, &mut chance);
    let pairs = contracts.len() as u64;
    Run {
        scenario: "reference".into(),
        scenario_toml: "[scenario]\npreset = \"reference\"\n".into(),
        seed,
        currency: "AUD".into(),
        calendar: Calendar {
            interval_s: 1800,
            first_interval,
            intervals: intervals as u32,
            utc_offset_s: 36_000,
        },
        tariffs: vec![a_tariff(intervals)],
        tasks: Tasks {
            tasks: pairs * 2 / 3,
            retendered_tasks: pairs / 9,
            temporary_contracts: pairs * 3,
            cancelled_requests: pairs / 3,
        },
        chain: Chain {
            community: "5f".repeat(32),
            tip: "c3".repeat(32),
            contract_blocks: pairs,
            ledger_blocks: pairs,
            pairs,
            validators: prosumers as u64,
            verifier: Verifier {
                pairs_checked: pairs * 2_311,
                sweeps: days as u64 * 14_400,
                faults: 0,
                repaired: 0,
                age_max_ms: 1_800_000,
                by_kind: BTreeMap::new(),
            },
            signatures: Signatures {
                made: pairs * 302,
                checked: pairs * 611,
                remembered: pairs * 90_000,
            },
        },
        welfare: Some(Welfare {
            made_microcurrency: 24_300_000,
            optimum_microcurrency: 25_000_000,
            made_wh: 91_000,
            optimum_wh: 95_000,
        }),
        wall_s: 21.4,
        sites,
        contracts,
        epochs,
        ..Run::default()
    }
}

fn a_tariff(intervals: usize) -> Tariff {
    let retail = |at: usize| match (at % HALF_HOURS) / 2 {
        14..20 => 520_000,
        7..14 | 20..22 => 210_000,
        _ => 130_000,
    };
    Tariff {
        name: "nsw2013_tou".into(),
        retail_microcurrency_per_kwh: (0..intervals).map(retail).collect(),
        feed_in_microcurrency_per_kwh: vec![80_000; intervals],
    }
}

fn bump(hour: f64, middle: f64, width: f64) -> f64 {
    (-((hour - middle) / width).powi(2)).exp()
}

struct Home {
    load: f64,
    pv: f64,
    wind: f64,
    battery: bool,
    ev: bool,
    deferrable: f64,
}

fn a_site(at: usize, intervals: usize, breeze: &[f64], chance: &mut Chance) -> Site {
    let solar = chance.one() < 0.55 || at == 0;
    let home = Home {
        load: chance.within(0.7, 1.5),
        pv: if solar { chance.within(3.0, 7.0) } else { 0.0 },
        wind: if solar { 0.0 } else { chance.within(2.0, 5.0) },
        battery: at == 0 || chance.one() < 0.3,
        ev: at == 0 || chance.one() < 0.5,
        deferrable: if at == 0 || chance.one() < 0.4 { 2_000.0 } else { 0.0 },
    };
    let store = |capacity_wh, share: f64, wear| Store {
        capacity_wh,
        start_wh: (capacity_wh as f64 * share) as u64,
        wear_microcurrency_per_kwh: wear,
        value_microcurrency_per_kwh: 136_000,
    };
    let battery = home.battery.then(|| store(10_000, 0.5, 60_000));
    let ev = home.ev.then(|| store(50_000, 0.7, 60_000));
    let jitter: Vec<f64> = (0..intervals).map(|_| chance.within(0.7, 1.3)).collect();
    let live = |control: Control| live(&home, control, (&battery, &ev), breeze, &jitter);
    let [a, b, c] = [Control::None, Control::Local, Control::Trading].map(live);
    Site {
        name: format!("p{:04}", at + 1),
        tariff: 0,
        uncontrolled: as_alone(&a),
        local: as_alone(&b),
        rows: c,
        battery,
        ev,
        ..Site::default()
    }
}

fn as_alone(rows: &[Row]) -> Alone {
    let end = rows.last().copied().unwrap_or_default();
    Alone {
        net_import_wh: rows.iter().map(|row| row.net_import_wh).collect(),
        battery_discharge_wh: rows.iter().map(|row| row.battery_discharge_wh).sum(),
        ev_discharge_wh: rows.iter().map(|row| row.ev_discharge_wh).sum(),
        battery_end_wh: end.battery_soc_wh,
        ev_end_wh: end.ev_soc_wh,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Control {
    None,
    Local,
    Trading,
}

fn live(
    home: &Home,
    control: Control,
    (battery, ev): (&Option<Store>, &Option<Store>),
    breeze: &[f64],
    jitter: &[f64],
) -> Vec<Row> {
    let mut stored = battery.as_ref().map_or(0, |s| s.start_wh);
    let mut car = ev.as_ref().map_or(0, |s| s.start_wh);
    let row = |at: usize| {
        let hour = (at % HALF_HOURS) as f64 / 2.0;
        let mut row = demand(home, control, hour, jitter[at]);
        row.pv_wh = (home.pv
            * 390.0
            * (std::f64::consts::PI * (hour - 5.8) / 13.2).sin().max(0.0)
            * f64::from(u8::from((5.8..19.0).contains(&hour)))) as u64;
        row.wind_wh = (home.wind * 500.0 * breeze[at].powf(1.5)) as u64;
        let spare = (row.pv_wh + row.wind_wh) as i64 - row.shifted_load_wh as i64;
        drive(home, control, hour, &mut car, &mut row);
        if home.battery && control != Control::None {
            let soc = stored as i64;
            let power = spare.clamp(-(soc - 1_000).clamp(0, 2_500), (10_000 - soc).clamp(0, 2_500));
            let evening = (14.0..22.0).contains(&hour);
            if power > 0 {
                row.battery_charge_wh = power as u64;
            } else if evening && control == Control::Trading {
                row.battery_discharge_wh = (soc - 1_000).clamp(0, 1_200) as u64;
            } else if evening {
                row.battery_discharge_wh = -power as u64;
            }
            stored = stored + row.battery_charge_wh * 93 / 100 - row.battery_discharge_wh;
        }
        row.battery_soc_wh = stored;
        row.ev_soc_wh = car;
        row.curtailed_wh = (spare - 2_600).max(0) as u64;
        row.net_import_wh = -row.residual_wh();
        row
    };
    (0..breeze.len()).map(row).collect()
}

fn demand(home: &Home, control: Control, hour: f64, jitter: f64) -> Row {
    let base = 170.0 + 250.0 * bump(hour, 7.3, 1.4) + 430.0 * bump(hour, 19.0, 2.2);
    let fixed = (base * home.load * jitter) as u64;
    let block =
        |from: f64| if (from..from + 2.0).contains(&hour) { home.deferrable / 4.0 } else { 0.0 };
    let load_wh = fixed + block(18.0) as u64;
    let shifted = fixed + block(if home.pv > 0.0 { 11.0 } else { 2.0 }) as u64;
    let shifted_load_wh = if control == Control::None { load_wh } else { shifted };
    Row { load_wh, shifted_load_wh, ..Row::default() }
}

fn drive(home: &Home, control: Control, hour: f64, car: &mut u64, row: &mut Row) {
    if !home.ev {
        return;
    }
    if hour == 17.5 {
        *car = car.saturating_sub(8_000);
    }
    let plugged = !(8.0..17.5).contains(&hour);
    let charging = if control == Control::None { hour >= 17.5 } else { hour < 6.0 };
    if plugged && charging && *car < 36_000 {
        row.ev_charge_wh = (36_000 - *car).min(1_700);
        *car += row.ev_charge_wh * 93 / 100;
    } else if control == Control::Trading && (18.0..21.5).contains(&hour) && *car > 20_000 {
        row.ev_discharge_wh = 1_000;
        *car -= 1_070;
    }
}

/// Pairs surplus with need, neighbour by neighbour, in two-hour blocks.
fn contracts(sites: &[Site], first_interval: u32, chance: &mut Chance) -> Vec<Contract> {
    let intervals = sites.first().map_or(0, |site| site.rows.len());
    let mut contracts: Vec<Contract> = Vec::new();
    for block in (0..intervals).step_by(4) {
        let mut left: Vec<Vec<i64>> = sites
            .iter()
            .map(|site| site.rows[block..block + 4].iter().map(|row| row.net_import_wh).collect())
            .collect();
        for buyer in 0..sites.len() {
            for reach in [1, 2, 3, 5, 8] {
                let seller = (buyer + reach) % sites.len();
                let profile: Vec<u64> = (0..4)
                    .map(|t| left[buyer][t].min(-left[seller][t]).max(0) as u64 * 9 / 10)
                    .collect();
                let energy: u64 = profile.iter().sum();
                if energy < 50 || seller == buyer {
                    continue;
                }
                for (t, wh) in profile.iter().enumerate() {
                    left[buyer][t] -= *wh as i64;
                    left[seller][t] += *wh as i64;
                }
                let price = chance.within(95_000.0, 170_000.0) as i64;
                contracts.push(Contract {
                    height: contracts.len() as u64 + 1,
                    contract_id: format!("{:064x}", contracts.len() * 7919 + 11),
                    epoch: first_interval + (block as u32).saturating_sub(1),
                    buyer,
                    seller,
                    start: first_interval + block as u32,
                    amount_microcurrency: energy as i64 * price / 1000,
                    profile_wh: profile,
                    price_microcurrency_per_kwh: price,
                    fee_microcurrency_per_kwh: 10_000,
                    retail_microcurrency_per_kwh: 210_000,
                    cost_microcurrency_per_kwh: price * 4 / 5,
                    adjustment_microcurrency: 0,
                });
            }
        }
    }
    contracts
}

fn epochs(
    first_interval: u32,
    intervals: usize,
    contracts: &[Contract],
    prosumers: usize,
    chance: &mut Chance,
) -> Vec<Epoch> {
    let mut pairs = 0;
    (0..intervals as u32)
        .map(|at| {
            let made = contracts.iter().filter(|c| c.epoch == first_interval + at).count() as u64;
            pairs += made;
            let ms = prosumers as f64 * chance.within(0.08, 0.16)
                + made as f64 * chance.within(0.1, 0.2);
            Epoch {
                interval: first_interval + at,
                tasks: made * 2 / 3,
                negotiation_us: (made > 0).then_some((ms * 1000.0) as u64),
                negotiation_messages: made * 9,
                pairs,
                chain_bytes: pairs * 620,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{OutDir, Report};
    use super::*;

    #[test]
    fn the_sample_balances_to_the_watt_hour() {
        let run = a_run(12, 2, 7);
        assert!(run.sites.iter().flat_map(|site| &site.rows).all(|row| row.residual_wh() == 0));
    }

    /// Writes previews for eyes: `GRIDPACT_PREVIEW=DIR cargo test -p gridpact preview -- --ignored`.
    #[test]
    #[ignore = "writes files for a person to look at"]
    fn preview() {
        let Ok(dir) = std::env::var("GRIDPACT_PREVIEW") else { return };
        for (name, prosumers, days) in
            [("day", 300, 1), ("week", 40, 7), ("tiny", 2, 1), ("none", 0, 0)]
        {
            let report = Report::new(a_run(prosumers, days, 7)).expect("the sample is consistent");
            let out = OutDir::prepare(&std::path::Path::new(&dir).join(name)).expect("writable");
            report.write(&out).expect("written");
            println!("{}\n{}", report.table(), report.verify_command(out.path()));
        }
    }
}
