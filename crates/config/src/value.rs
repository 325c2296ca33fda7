//! How values are shown: the same forms that are read.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use weir_core::Timestamp;

/// A duration as it is written in a configuration file: `3d`, `12h`, `0`.
pub(crate) struct ShownDuration(pub(crate) Duration);

impl fmt::Display for ShownDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 5] =
            [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return f.write_str("0");
        }
        let mut separator = "";
        for (length, unit) in UNITS {
            if rest >= length {
                write!(f, "{separator}{}{unit}", rest / length)?;
                rest %= length;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for ShownDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number of bytes as it is written in a configuration file: `10 GiB`.
pub(crate) struct ShownSize(pub(crate) u64);

impl fmt::Display for ShownSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let unit =
            UNITS.iter().find(|(length, _)| self.0 >= *length && self.0.is_multiple_of(*length));
        match unit {
            Some((length, unit)) => write!(f, "{} {unit}", self.0 / length),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl Serialize for ShownSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(crate) fn show_duration<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    ShownDuration(*value).serialize(to)
}

pub(crate) fn show_durations<K: Serialize + Ord, S: Serializer>(
    value: &BTreeMap<K, Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(value.iter().map(|(key, value)| (key, ShownDuration(*value))))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
pub(crate) fn show_size<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
    ShownSize(*value).serialize(to)
}

#[expect(clippy::ref_option, reason = "the shape that serde calls")]
pub(crate) fn show_optional_duration<S: Serializer>(
    value: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    value.map(ShownDuration).serialize(to)
}

#[expect(clippy::ref_option, reason = "the shape that serde calls")]
pub(crate) fn show_optional_size<S: Serializer>(
    value: &Option<u64>,
    to: S,
) -> Result<S::Ok, S::Error> {
    value.map(ShownSize).serialize(to)
}

#[expect(clippy::ref_option, reason = "the shape that serde calls")]
pub(crate) fn show_optional_instant<S: Serializer>(
    value: &Option<Timestamp>,
    to: S,
) -> Result<S::Ok, S::Error> {
    value.map(|instant| instant.to_string()).serialize(to)
}
