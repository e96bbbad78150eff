//! Bytes of which perhaps only the beginning and the end are at hand.

use std::ops::Range;

/// So far that sums of offsets do not overflow.
const FURTHEST: u64 = u64::MAX / 4;

/// The first and the last bytes of something, and its length. Reading beyond what is there gives nothing.
#[derive(Clone, Copy, Debug)]
pub struct Extent<'a> {
    head: &'a [u8],
    size_bytes: u64,
    tail: &'a [u8],
}

impl<'a> Extent<'a> {
    /// All of it.
    #[must_use]
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self { head: bytes, size_bytes: length(bytes), tail: bytes }
    }

    /// Its beginning and its end, which may overlap, of `size_bytes` in all.
    #[must_use]
    pub fn ends(head: &'a [u8], tail: &'a [u8], size_bytes: u64) -> Self {
        let size_bytes = size_bytes.min(FURTHEST).max(length(head)).max(length(tail));
        Self { head, size_bytes, tail }
    }

    /// The first bytes.
    #[must_use]
    pub fn head(&self) -> &'a [u8] {
        self.head
    }

    /// The last bytes.
    #[must_use]
    pub fn tail(&self) -> &'a [u8] {
        self.tail
    }

    /// How many there are in all.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) fn is_whole(&self) -> bool {
        length(self.head) == self.size_bytes
    }

    pub(super) fn all(&self) -> Range<u64> {
        0..self.size_bytes
    }

    /// So many bytes from there on; `None` if they are not at hand.
    pub(super) fn at(&self, offset: u64, count: usize) -> Option<&'a [u8]> {
        let slice = |bytes: &'a [u8], offset: u64| {
            let start = usize::try_from(offset).ok()?;
            bytes.get(start..start.checked_add(count)?)
        };
        slice(self.head, offset).or_else(|| {
            let tail_at = self.size_bytes - length(self.tail);
            slice(self.tail, offset.checked_sub(tail_at)?)
        })
    }

    pub(super) fn array<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        self.at(offset, N)?.try_into().ok()
    }

    /// A number, most significant byte first.
    pub(super) fn be_u32(&self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// A number, most significant byte first.
    pub(super) fn be_u64(&self, offset: u64) -> Option<u64> {
        self.array(offset).map(u64::from_be_bytes)
    }

    /// A number, least significant byte first.
    pub(super) fn le_u16(&self, offset: u64) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    /// A number, least significant byte first.
    pub(super) fn le_u32(&self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
