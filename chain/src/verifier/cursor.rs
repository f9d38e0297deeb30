//! A cursor over canonical bytes: borrows what it reads and refuses every second way to write it.
//!
//! It accepts exactly the bytes that [`crate::encode`] writes for the types read with it: integers
//! in their shortest form, arrays and byte strings with their shortest header, nothing left over.

/// Bytes that are not what was asked for; which and why is told by reading them the owned way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotCanonical;

/// What was read, or nothing.
pub(crate) type Read<T> = Result<T, NotCanonical>;

/// The rest of some bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `n` bytes.
    #[inline]
    fn take(&mut self, n: usize) -> Read<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(NotCanonical)?;
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Read<&'a [u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or(NotCanonical)?;
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Read<u8> {
        self.fixed::<1>().map(|byte| byte[0])
    }

    /// Exactly `bytes`.
    #[inline]
    pub(crate) fn literal(&mut self, bytes: &[u8]) -> Read<()> {
        if self.take(bytes.len())? == bytes { Ok(()) } else { Err(NotCanonical) }
    }

    /// Nothing is left.
    #[inline]
    pub(crate) fn end(self) -> Read<()> {
        if self.0.is_empty() { Ok(()) } else { Err(NotCanonical) }
    }

    /// An unsigned integer after its marker, in its shortest form.
    #[inline]
    fn unsigned_after(&mut self, marker: u8) -> Read<u64> {
        let (value, least) = match marker {
            0..=0x7f => (u64::from(marker), 0),
            0xcc => (u64::from(self.byte()?), 0x80),
            0xcd => (u64::from(u16::from_be_bytes(*self.fixed()?)), 0x100),
            0xce => (u64::from(u32::from_be_bytes(*self.fixed()?)), 0x1_0000),
            0xcf => (u64::from_be_bytes(*self.fixed()?), 0x1_0000_0000),
            _ => return Err(NotCanonical),
        };
        if value >= least { Ok(value) } else { Err(NotCanonical) }
    }

    /// An unsigned integer.
    #[inline]
    pub(crate) fn u64(&mut self) -> Read<u64> {
        let marker = self.byte()?;
        self.unsigned_after(marker)
    }

    /// An unsigned integer of 32 bits.
    #[inline]
    pub(crate) fn u32(&mut self) -> Read<u32> {
        u32::try_from(self.u64()?).map_err(|_| NotCanonical)
    }

    /// An unsigned integer of 8 bits.
    #[inline]
    pub(crate) fn u8(&mut self) -> Read<u8> {
        u8::try_from(self.u64()?).map_err(|_| NotCanonical)
    }

    /// A signed integer; from zero up it is written like an unsigned one.
    #[inline]
    pub(crate) fn i64(&mut self) -> Read<i64> {
        let marker = self.byte()?;
        let (value, greatest) = match marker {
            0xe0..=0xff => return Ok(i64::from(marker.cast_signed())),
            0xd0 => (i64::from(self.byte()?.cast_signed()), -33),
            0xd1 => (i64::from(i16::from_be_bytes(*self.fixed()?)), -129),
            0xd2 => (i64::from(i32::from_be_bytes(*self.fixed()?)), -32_769),
            0xd3 => (i64::from_be_bytes(*self.fixed()?), -2_147_483_649),
            _ => {
                let value = self.unsigned_after(marker)?;
                return i64::try_from(value).map_err(|_| NotCanonical);
            }
        };
        if value <= greatest { Ok(value) } else { Err(NotCanonical) }
    }

    /// A byte string.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let (length, least) = match self.byte()? {
            0xc4 => (u32::from(self.byte()?), 0),
            0xc5 => (u32::from(u16::from_be_bytes(*self.fixed()?)), 0x100),
            0xc6 => (u32::from_be_bytes(*self.fixed()?), 0x1_0000),
            _ => return Err(NotCanonical),
        };
        if length < least {
            return Err(NotCanonical);
        }
        self.take(length as usize)
    }

    /// A byte string of exactly `N` bytes, at most 255.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Read<&'a [u8; N]> {
        let head = self.fixed::<2>()?;
        if usize::from(head[1]) != N || head[0] != 0xc4 {
            return Err(NotCanonical);
        }
        self.fixed()
    }

    /// The header of an array of exactly `n` elements, at most 15.
    #[inline]
    pub(crate) fn fields(&mut self, n: u8) -> Read<()> {
        if self.byte()? == 0x90 | n { Ok(()) } else { Err(NotCanonical) }
    }
}
