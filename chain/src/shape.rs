//! The shape of canonical bytes, checked before anything is made of them.
//!
//! One pass without recursion and without memory: forms that are not used, integers and lengths
//! that are not the shortest, counts that the bytes cannot hold, nesting beyond a limit and bytes
//! behind the value are refused here, so that no decoder ever meets them.

/// Deepest nesting of arrays and maps; the deepest type of version 1 needs 9.
pub const DEPTH_MAX: usize = 16;

/// Where bytes leave the canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    /// Offset of the first byte that deviates.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
    /// Whether the bytes are MessagePack all the same: another writing of some value.
    pub is_other_writing: bool,
}

/// Checks that `bytes` are exactly one value in a form that this program writes.
///
/// # Errors
/// The first [`Deviation`].
pub fn check(bytes: &[u8]) -> Result<(), Deviation> {
    let mut walk = Walk { bytes, at: 0, open: [0; DEPTH_MAX], depth: 0 };
    loop {
        walk.value()?;
        // A value completes every container it was the last of.
        loop {
            let Some(left) = walk.depth.checked_sub(1).and_then(|top| walk.open.get_mut(top))
            else {
                return walk.end();
            };
            *left -= 1;
            if *left > 0 {
                break;
            }
            walk.depth -= 1;
        }
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Values missing in each open container.
    open: [usize; DEPTH_MAX],
    depth: usize,
}

impl Walk<'_> {
    /// Reads scalars and opens containers until one value is complete.
    fn value(&mut self) -> Result<(), Deviation> {
        loop {
            let start = self.at;
            let mark = self.number(1)?;
            let count = match mark {
                0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => return Ok(()),
                0x81 => {
                    self.key()?;
                    1
                }
                0x80..=0x8f | 0xde | 0xdf => {
                    return Err(malformed(start, "a map that is not one name with its content"));
                }
                0x90..=0x9f => mark & 0x0f,
                0xdc => self.length(start, 2, 16)?,
                0xdd => self.length(start, 4, 1 << 16)?,
                0xa0..=0xbf => return self.skip(start, mark & 0x1f),
                0xd9 => return self.sized(start, 1, 32),
                0xda => return self.sized(start, 2, 1 << 8),
                0xdb => return self.sized(start, 4, 1 << 16),
                0xc4 => return self.sized(start, 1, 0),
                0xc5 => return self.sized(start, 2, 1 << 8),
                0xc6 => return self.sized(start, 4, 1 << 16),
                0xcc..=0xcf => return self.unsigned(start, 1 << (mark - 0xcc)),
                0xd0..=0xd3 => return self.signed(start, 1 << (mark - 0xd0)),
                0xca | 0xcb => return Err(malformed(start, "a float")),
                _ => return Err(malformed(start, "a form that is not used")),
            };
            let count = self.fitting(start, count)?;
            if count == 0 {
                return Ok(());
            }
            let Some(slot) = self.open.get_mut(self.depth) else {
                return Err(malformed(start, "nested too deeply"));
            };
            *slot = count;
            self.depth += 1;
        }
    }

    /// The big-endian number in the next `width` bytes.
    fn number(&mut self, width: usize) -> Result<u64, Deviation> {
        let end = self.at.saturating_add(width);
        let Some(bytes) = self.bytes.get(self.at..end) else {
            return Err(malformed(self.bytes.len(), "the bytes end within a value"));
        };
        self.at = end;
        Ok(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// A length in `width` bytes that no shorter form holds.
    fn length(&mut self, start: usize, width: usize, least: u64) -> Result<u64, Deviation> {
        let length = self.number(width)?;
        if length < least { Err(longer(start)) } else { Ok(length) }
    }

    /// A length that the bytes left can hold, each value being at least one byte.
    fn fitting(&self, start: usize, length: u64) -> Result<usize, Deviation> {
        let left = self.bytes.len() - self.at;
        let fits = usize::try_from(length).ok().filter(|length| *length <= left);
        fits.ok_or_else(|| malformed(start, "a length beyond the end of the bytes"))
    }

    fn skip(&mut self, start: usize, length: u64) -> Result<(), Deviation> {
        self.at += self.fitting(start, length)?;
        Ok(())
    }

    fn sized(&mut self, start: usize, width: usize, least: u64) -> Result<(), Deviation> {
        let length = self.length(start, width, least)?;
        self.skip(start, length)
    }

    fn unsigned(&mut self, start: usize, width: usize) -> Result<(), Deviation> {
        let least = if width == 1 { 128 } else { 1 << (4 * width) };
        if self.number(width)? < least { Err(longer(start)) } else { Ok(()) }
    }

    /// Signed forms are for numbers below zero that no shorter form holds.
    fn signed(&mut self, start: usize, width: usize) -> Result<(), Deviation> {
        let unused = 64 - 8 * width;
        let value = (self.number(width)? << unused).cast_signed() >> unused;
        let above = if width == 1 { -32 } else { -(1_i64 << (4 * width - 1)) };
        if value >= above { Err(longer(start)) } else { Ok(()) }
    }

    /// The name of an enum's variant: a short string.
    fn key(&mut self) -> Result<(), Deviation> {
        let start = self.at;
        match self.number(1)? {
            mark @ 0xa0..=0xbf => self.skip(start, mark & 0x1f),
            0xd9 => self.sized(start, 1, 32),
            _ => Err(malformed(start, "a map whose key is no name")),
        }
    }

    fn end(&self) -> Result<(), Deviation> {
        if self.at == self.bytes.len() {
            return Ok(());
        }
        Err(Deviation { at: self.at, what: "bytes behind the value", is_other_writing: true })
    }
}

fn malformed(at: usize, what: &'static str) -> Deviation {
    Deviation { at, what, is_other_writing: false }
}

fn longer(at: usize) -> Deviation {
    Deviation {
        at,
        what: "a number or length that is not in its shortest form",
        is_other_writing: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::encode;
    use proptest::prelude::*;
    use serde::Serialize;

    fn what(bytes: &[u8]) -> Option<&'static str> {
        check(bytes).err().map(|deviation| deviation.what)
    }

    #[derive(Serialize)]
    enum Named {
        Content(u8, bool),
    }

    #[test]
    fn whatever_is_written_here_has_the_shape() {
        assert_eq!(check(&encode(&Named::Content(200, true))), Ok(()));
        assert_eq!(check(&encode(&(None::<u8>, "x".repeat(300), [0_u8; 0]))), Ok(()));
        for edge in [0, 31, 32, 33, 127, 128, 129, 255, 256, 32_767, 32_768, 65_535, 65_536] {
            assert_eq!(check(&encode(&"x".repeat(edge))), Ok(()), "text of {edge}");
            assert_eq!(check(&encode(&vec![1_u8; edge])), Ok(()), "list of {edge}");
            assert_eq!(check(&encode(&serde_bytes::ByteBuf::from(vec![1; edge]))), Ok(()));
            for value in [edge as i64, -(edge as i64), -1 - edge as i64] {
                assert_eq!(check(&encode(&value)), Ok(()), "{value}");
            }
        }
    }

    #[test]
    fn every_longer_form_of_a_number_is_refused() {
        let longest = "a number or length that is not in its shortest form";
        for bytes in [
            &[0xcc, 127][..],
            &[0xcd, 0, 255],
            &[0xce, 0, 0, 255, 255],
            &[0xcf, 0, 0, 0, 0, 255, 255, 255, 255],
            &[0xd0, 0xe0],
            &[0xd0, 5],
            &[0xd1, 0xff, 0x80],
            &[0xd1, 0, 200],
            &[0xd2, 0xff, 0xff, 0x80, 0],
            &[0xd3, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0],
            &[0xd9, 1, b'x'],
            &[0xda, 0, 1, b'x'],
            &[0xdb, 0, 0, 0, 1, b'x'],
            &[0xc5, 0, 1, 0],
            &[0xc6, 0, 0, 0, 1, 0],
            &[0xdc, 0, 1, 0],
            &[0xdd, 0, 0, 0, 1, 0],
        ] {
            assert_eq!(what(bytes), Some(longest), "{bytes:x?}");
        }
        assert_eq!(check(&[0xd0, 0xdf]), Ok(()), "-33 needs the form");
        assert_eq!(check(&[0xd1, 0xff, 0x7f]), Ok(()), "-129 needs the form");
    }

    #[test]
    fn forms_lengths_and_depths_out_of_bounds_are_refused() {
        let lying = "a length beyond the end of the bytes";
        for (bytes, expected) in [
            (&[][..], "the bytes end within a value"),
            (&[0xcd, 1], "the bytes end within a value"),
            (&[0xdd, 0xff, 0xff, 0xff, 0xff, 0], lying),
            (&[0xc6, 0xff, 0xff, 0xff, 0xff, 0], lying),
            (&[0xdb, 0x7f, 0xff, 0xff, 0xff], lying),
            (&[0xbf, b'x'], lying),
            (&[0xca, 0, 0, 0, 0], "a float"),
            (&[0xcb, 0, 0, 0, 0, 0, 0, 0, 0], "a float"),
            (&[0xc1], "a form that is not used"),
            (&[0xd4, 1, 1], "a form that is not used"),
            (&[0xc7, 1, 1, 1], "a form that is not used"),
            (&[0x80], "a map that is not one name with its content"),
            (&[0x82, 0xa1, b'a', 1, 0xa1, b'b', 1], "a map that is not one name with its content"),
            (&[0xdf, 0, 0, 0, 1, 0xa1, b'a', 1], "a map that is not one name with its content"),
            (&[0x81, 1, 1], "a map whose key is no name"),
            (&[1, 1], "bytes behind the value"),
        ] {
            assert_eq!(what(bytes), Some(expected), "{bytes:x?}");
        }
        let nested = |depth: usize| [vec![0x91; depth], vec![0]].concat();
        assert_eq!(check(&nested(DEPTH_MAX)), Ok(()));
        assert_eq!(what(&nested(DEPTH_MAX + 1)), Some("nested too deeply"));
        assert_eq!(what(&vec![0x91; 1 << 20]), Some("nested too deeply"));
    }

    proptest! {
        #[test]
        fn a_prefix_of_a_value_is_never_one(numbers in prop::collection::vec(any::<i64>(), 0..40)) {
            let bytes = encode(&numbers);
            prop_assert_eq!(check(&bytes), Ok(()));
            for cut in 0..bytes.len() {
                prop_assert!(check(&bytes[..cut]).is_err());
            }
        }
    }
}
