//! Words of a scenario file for what TOML cannot say.

/// Optional values written as `"none"`, because TOML has no word for nothing.
pub(super) mod or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        None,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum OrNone<T> {
        Word(Word),
        Some(T),
    }

    pub(in crate::sim::scenario) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => value.serialize(serializer),
            None => Word::None.serialize(serializer),
        }
    }

    pub(in crate::sim::scenario) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(match OrNone::deserialize(deserializer)? {
            OrNone::Word(Word::None) => None,
            OrNone::Some(value) => Some(value),
        })
    }
}
