//! `gridpact chain`: prove or show a chain that stands on disk.
use super::Failure;
use clap::Subcommand;
#[derive(Debug, Subcommand)]
pub(super) enum Verb { /// Prove
 Verify }
pub(super) fn run(_: &Verb) -> Result<(), Failure> { Ok(()) }
