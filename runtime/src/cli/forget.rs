//! `gridpact forget`: a site destroys what only it may know. Its chain stays, byte for byte.

use std::path::{Path, PathBuf};

use gridpact_chain::terms::{Interval, PartyId};

use super::{Failure, say};
use crate::report::explain;
use crate::store::archive::{self, ArchiveError};
use crate::store::readings::{DiskReadings, file_of};
use crate::store::{Lock, LogError, Vault, vault};

/// The arguments of `gridpact forget`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The site, by name or number
    site: String,
    /// Store of the site, or output directory of a run
    #[arg(long, value_name = "DIR", default_value = crate::report::out::DEFAULT)]
    store: PathBuf,
    /// Directory of the readings, if they were kept
    #[arg(long, value_name = "DIR")]
    readings: Option<PathBuf>,
    /// Only what was over before this day (UTC) [default: everything]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    before: Option<jiff::civil::Date>,
}

fn day(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse().map_err(|_| "a day as YYYY-MM-DD".to_owned())
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let chain = archive::chain_dir(&args.store);
    if !chain.is_dir() {
        return Err(Failure::BadInput(format!("{} is not a directory", chain.display())));
    }
    let genesis = archive::genesis(&chain).map_err(unread)?;
    let names: Vec<&str> = genesis.members.iter().map(|member| member.name.as_str()).collect();
    let at = explain::find(&names, &args.site).map_err(Failure::input)?;
    let (party, name) = (genesis.members[at].id, names[at]);
    let before = args.before.map(|day| first_interval(day, genesis.interval_s)).transpose()?;
    let _alone = alone(&chain)?;

    let keys = forget_contracts(&args.store, party, before, genesis.interval_s)?;
    let contracts = match keys {
        Some(0) => "no profile or salt of a contract was left".to_owned(),
        Some(1) => "profiles and salts of the contracts of 1 day".to_owned(),
        Some(days) => format!("profiles and salts of the contracts of {days} days"),
        None => "its contracts are not in this store".to_owned(),
    };
    let readings = match &args.readings {
        Some(dir) => forget_readings(&file_of(dir, at), before, genesis.interval_s)?,
        None => "not asked for (--readings)".to_owned(),
    };
    say(&format!(
        "{name} has forgotten\ncontracts  {contracts}\nreadings   {readings}\nchain      as it was, \
         prove it with: gridpact chain verify {}",
        args.store.display()
    ))
}

/// A directory that holds no chain is bad input; whatever is wrong with a chain is found wrong.
fn unread(error: ArchiveError) -> Failure {
    match error {
        ArchiveError::Log(LogError::Foreign(_) | LogError::Missing(_)) => Failure::input(error),
        error => Failure::FoundWrong(error.to_string()),
    }
}

/// Keeps a node out meanwhile: one that runs would go on writing under keys that are gone.
fn alone(chain: &Path) -> Result<Lock, Failure> {
    Lock::of_log(chain).map_err(|error| match error {
        LogError::Busy(_) => Failure::BadInput(format!(
            "{error}; stop the node first, or let it forget by chain.retention_days"
        )),
        error => Failure::input(error),
    })
}

/// Days whose keys are destroyed; none where this store has no keys of the site.
fn forget_contracts(
    store: &Path,
    party: PartyId,
    before: Option<Interval>,
    interval_s: u32,
) -> Result<Option<usize>, Failure> {
    let place = vault::place(store, party);
    if !place.is_dir() {
        return Ok(None);
    }
    let mut vault =
        Vault::open(&place, interval_s, vault::from_the_system()).map_err(Failure::input)?;
    let days = match before {
        Some(before) => vault.forget(before),
        None => vault.forget_all(),
    };
    days.map(Some).map_err(Failure::input)
}

fn forget_readings(
    file: &Path,
    before: Option<Interval>,
    interval_s: u32,
) -> Result<String, Failure> {
    if !file.exists() {
        return Ok(format!("there are none in {}", file.display()));
    }
    match before {
        Some(before) => {
            let mut readings = DiskReadings::open(file, interval_s).map_err(Failure::input)?;
            let forgotten = readings.forget_all_before(before).map_err(Failure::input)?;
            Ok(format!("{forgotten} of {}", file.display()))
        }
        None => {
            DiskReadings::destroy(file, interval_s).map_err(Failure::input)?;
            Ok(format!("all, with {}", file.display()))
        }
    }
}

/// The first market interval of a day in UTC.
fn first_interval(day: jiff::civil::Date, interval_s: u32) -> Result<Interval, Failure> {
    let at = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(Failure::input)?;
    let number = at.timestamp().as_second() / i64::from(interval_s);
    let number = u32::try_from(number);
    number.map(Interval).map_err(|_| Failure::BadInput(format!("{day} is before 1970")))
}
