//! Experiments: the same homes and days lived several times, with one thing changed in between.
//!
//! Each has a name, by which `simulate --experiment` runs it, and a file of its own.

pub mod fee;
pub mod strategy;

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Experiment {
    /// What charges on peer-to-peer energy do to trading.
    Fee,
    /// What lying, pressing harder and cartels bring.
    Strategy,
}

impl Experiment {
    /// All of them, in the order they are listed.
    pub const ALL: [Self; 2] = [Self::Fee, Self::Strategy];

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fee => "fee",
            Self::Strategy => "strategy",
        }
    }

    /// The experiment of this name.
    ///
    /// # Errors
    /// All names, when there is none of this one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|experiment| experiment.word() == text);
        found.ok_or_else(|| Self::ALL.map(Self::word).join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_experiment_is_found_by_its_name_and_no_other() {
        for experiment in Experiment::ALL {
            assert_eq!(Experiment::parse(experiment.word()), Ok(experiment));
        }
        assert!(Experiment::parse("Fee").expect_err("no such name").contains("fee"));
    }
}
