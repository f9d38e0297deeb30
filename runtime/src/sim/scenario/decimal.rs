//! Decimals of a scenario file as whole millionths: `0.15` is 150 000 ppm, 0.15 currency is 150 000
//! micro-currency. Exact or refused; nothing is rounded on the way.

use std::fmt;
use std::str::FromStr;

use gridpact_chain::terms::Price;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ScenarioError;

/// A decimal number with at most six digits after the point, counted in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millionths(pub i64);

/// A number that is no decimal with at most six digits after the point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a decimal number with at most 6 digits after the point")]
pub struct DecimalError(String);

impl DecimalError {
    /// The same error as one of the setting `key`.
    #[must_use]
    pub fn at(self, key: &str) -> ScenarioError {
        ScenarioError::Range {
            key: key.to_owned(),
            found: self.0,
            allowed: "a decimal number with at most 6 digits after the point".to_owned(),
        }
    }
}

impl Millionths {
    /// As a price: currency per kWh in micro-currency per kWh.
    #[must_use]
    pub fn price(self) -> Price {
        Price(self.0)
    }
}

impl From<Price> for Millionths {
    fn from(price: Price) -> Self {
        Self(price.0)
    }
}

impl FromStr for Millionths {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        parse(text.trim()).map(Self).ok_or_else(|| DecimalError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    let sum = whole.checked_mul(1_000_000)?.checked_add(part)?;
    Some(if negative { -sum } else { sum })
}

impl fmt::Display for Millionths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let digits = format!("{part:06}");
        let digits = digits.trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{digits}")
    }
}

impl Serialize for Millionths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The nearest double of at most 15 digits prints as the decimal it came from.
        serializer.serialize_f64(self.0 as f64 / 1e6)
    }
}

pub(super) struct Decimal;

impl Visitor<'_> for Decimal {
    type Value = Millionths;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number with at most 6 digits after the point")
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Millionths, E> {
        format!("{v}").parse().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Millionths, E> {
        v.checked_mul(1_000_000).map(Millionths).ok_or_else(|| E::custom("number too large"))
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Millionths, E> {
        let v = i64::try_from(v).map_err(|_| E::custom("number too large"))?;
        self.visit_i64(v)
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Millionths, E> {
        Err(E::invalid_type(serde::de::Unexpected::Str(v), &self))
    }
}

impl<'de> Deserialize<'de> for Millionths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Decimal).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        let ok = |text: &str| text.parse::<Millionths>().map(|m| m.0).ok();
        assert_eq!(ok("0.15"), Some(150_000));
        assert_eq!(ok("-0.000001"), Some(-1));
        assert_eq!(ok("2"), Some(2_000_000));
        assert_eq!(ok("0.1500000"), None);
        assert_eq!(ok("0.0000001"), None);
        assert_eq!(ok("1e-3"), None);
        assert_eq!(ok("NaN"), None);
        assert_eq!(ok("."), None);
        assert_eq!(ok("99999999999999"), None);
        for value in [0, 1, -1, 150_000, 388_000, 46_400, 2_000_000, -1_234_567] {
            assert_eq!(ok(&Millionths(value).to_string()), Some(value));
            assert_eq!(ok(&format!("{}", value as f64 / 1e6)), Some(value));
        }
    }
}
