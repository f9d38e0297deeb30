//! Two ways to run the same market: by the source's rules, or by the best that gridpact knows.

use gridpact_agents::params::{Award, Growth, Params, Tender};
use serde::{Deserialize, Serialize};

/// How the market of a scenario is run. A mode sets the switches named below and nothing else; each
/// can also be set alone in a scenario file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The source's rules with the protocol's defaults.
    Paper,
    /// `coalition.growth = "all"`, `negotiate.award = "cheapest"` and, where tenders roll,
    /// `epoch.tender = "last_chance"`; one pass a day stays one pass a day.
    Best,
}

impl Mode {
    /// Both, in the order they are measured.
    pub const ALL: [Self; 2] = [Self::Paper, Self::Best];

    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Best => "best",
        }
    }

    /// The mode of this name.
    ///
    /// # Errors
    /// What there is instead.
    pub fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.word() == word);
        found.ok_or_else(|| "paper or best".to_owned())
    }

    /// Sets the switches.
    pub fn set(self, params: &mut Params) {
        let (growth, award, tender) = match self {
            Self::Paper => (Growth::One, Award::FirstCome, Tender::Rolling),
            Self::Best => (Growth::All, Award::Cheapest, Tender::LastChance),
        };
        params.coalition.growth = growth;
        params.negotiate.award = award;
        if params.epoch.tender != Tender::DayAhead {
            params.epoch.tender = tender;
        }
    }
}
