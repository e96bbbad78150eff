//! Named parts in parts, as MP4 (boxes) and WebM (EBML elements) are built.

use std::ops::Range;

use super::Extent;

/// No file that plays has more parts side by side before the one that is sought.
const MOST: usize = 4_096;

/// How the parts of a format begin.
pub(super) trait Form {
    /// Reads the head of a part: its name, and where its content lies.
    fn read(bytes: &Extent<'_>, within: &Range<u64>) -> Option<(u32, Range<u64>)>;
}

/// MP4 and QuickTime: four bytes of length, four of name (ISO/IEC 14496-12, 4.2).
pub(super) struct Boxes;

impl Form for Boxes {
    fn read(bytes: &Extent<'_>, within: &Range<u64>) -> Option<(u32, Range<u64>)> {
        let at = within.start;
        let name = bytes.be_u32(at.checked_add(4)?)?;
        let (head, length) = match bytes.be_u32(at)? {
            0 => (8, within.end.checked_sub(at)?),
            1 => (16, bytes.be_u64(at.checked_add(8)?)?),
            length => (8, u64::from(length)),
        };
        part(name, at, head, length.checked_sub(head)?, within)
    }
}

/// WebM: both name and length say by their first bits how long they are (RFC 8794, 4 to 6).
pub(super) struct Ebml;

impl Form for Ebml {
    fn read(bytes: &Extent<'_>, within: &Range<u64>) -> Option<(u32, Range<u64>)> {
        let at = within.start;
        let (name, name_width) = number(bytes, at)?;
        let (marked, width) = number(bytes, at.checked_add(name_width)?)?;
        let head = name_width + width;
        // Without the bit that marks the width; all ones: the length was not known when it was written.
        let mask = u64::MAX.checked_shr(u32::try_from(64 - 7 * width).ok()?)?;
        let length = match marked & mask {
            open if open == mask => within.end.checked_sub(at.checked_add(head)?)?,
            length => length,
        };
        part(u32::try_from(name).ok()?, at, head, length, within)
    }
}

/// A number with the bit that marks its width, 1 to 8 bytes, and that width.
fn number(bytes: &Extent<'_>, at: u64) -> Option<(u64, u64)> {
    let [first] = bytes.array(at)?;
    let width = first.leading_zeros() + 1;
    let read = bytes.at(at, usize::try_from(width).ok().filter(|width| *width <= 8)?)?;
    let value = read.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
    Some((value, u64::from(width)))
}

/// A part ends where its parent does, whatever it says.
fn part(
    name: u32,
    at: u64,
    head: u64,
    length: u64,
    within: &Range<u64>,
) -> Option<(u32, Range<u64>)> {
    let start = at.checked_add(head)?;
    let end = start.saturating_add(length).min(within.end);
    (start <= end).then_some((name, start..end))
}

/// The parts that lie side by side, as far as they are at hand.
pub(super) fn parts<F: Form>(
    bytes: &Extent<'_>,
    within: Range<u64>,
) -> impl Iterator<Item = (u32, Range<u64>)> {
    let mut rest = within;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (name, content) = F::read(bytes, &rest)?;
        rest.start = content.end;
        Some((name, content))
    })
    .take(MOST)
}

/// The first part of this path of names.
pub(super) fn find<F: Form>(
    bytes: &Extent<'_>,
    within: Range<u64>,
    path: &[u32],
) -> Option<Range<u64>> {
    path.iter().try_fold(within, |within, name| {
        parts::<F>(bytes, within).find(|(found, _)| found == name).map(|(_, content)| content)
    })
}
