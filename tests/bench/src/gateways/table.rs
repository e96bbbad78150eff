//! From rounds to figures: medians over the rounds, and ratios within one.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{
    case::{Case, Road, Side},
    load::Round,
    report::{Figures, quantile, short},
};

/// The figures of one of them in one case.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    case: Case,
    who: &'static str,
    answers_per_second: f64,
    #[serde(flatten)]
    figures: Figures,
    /// What the first byte is later than from the vendor itself.
    added_first_byte_ms: Option<f64>,
    /// The text worker's answers a second, divided by theirs, round by round, then the median.
    text_to_it: f64,
    /// Their processor time a request, divided by the text worker's, alike.
    cpu_to_text: Option<f64>,
}

/// What one round says.
struct One {
    figures: Figures,
    rate: f64,
}

impl One {
    fn of(case: &Case, round: &Round) -> Self {
        let answers = f64::from(u32::try_from(round.times.len()).unwrap_or(u32::MAX));
        let rate = answers / round.took.as_secs_f64();
        Self { figures: Figures::of_round(case, round), rate }
    }
}

/// Sums up a case; `rounds` are in the order of `sides`, and the text worker is among them.
pub(crate) fn of_rounds(case: Case, sides: &[Side], rounds: &[Vec<Round>]) -> Vec<Line> {
    let of = |side: Side| -> Vec<One> {
        let place = sides.iter().position(|known| *known == side);
        let rounds = place.and_then(|place| rounds.get(place));
        rounds.into_iter().flatten().map(|round| One::of(&case, round)).collect()
    };
    let (text, direct) = (of(Side::Text), of(Side::Direct));
    let lines = sides.iter().map(|side| {
        let theirs = of(*side);
        let pairs = || theirs.iter().zip(&text);
        let figures: Vec<Figures> = theirs.iter().map(|one| one.figures).collect();
        let added = theirs.iter().zip(&direct);
        let added = added
            .map(|(it, vendor)| it.figures.first_byte_p50_ms - vendor.figures.first_byte_p50_ms);
        Line {
            case,
            who: side.word(),
            answers_per_second: median(theirs.iter().map(|one| one.rate)).unwrap_or(f64::NAN),
            figures: Figures::median(&figures),
            added_first_byte_ms: median(added),
            text_to_it: median(pairs().map(|(it, text)| text.rate / it.rate)).unwrap_or(f64::NAN),
            cpu_to_text: median(pairs().filter_map(|(it, text)| {
                Some(it.figures.cpu_ms_per_request? / text.figures.cpu_ms_per_request?)
            })),
        }
    });
    lines.collect()
}

/// The middle of some values.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile(&values, 50))
}

/// A figure, or a dash.
pub(crate) fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), short)
}

/// All cases, in Markdown.
pub(crate) fn lines(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "| case | callers | who | answers a second | p50 ms | p95 ms | first byte later by ms | CPU ms a request | \
         text's answers a second to its | its CPU to text's |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for line in lines {
        let cells = [
            Some(line.answers_per_second),
            Some(line.figures.latency_p50_ms),
            line.figures.latency_p95_ms,
            line.added_first_byte_ms,
            line.figures.cpu_ms_per_request,
            Some(line.text_to_it),
            line.cpu_to_text,
        ];
        let Line { case, who, .. } = line;
        // Writing to a String cannot fail.
        let _written = writeln!(
            table,
            "| {case} | {} | {who} | {} |",
            case.concurrency,
            cells.map(figure).join(" | ")
        );
    }
    table
}

/// What one more chunk of a relayed stream costs each, in Markdown: from 200 of them to 2,000, one caller, no gaps.
pub(crate) fn further(lines: &[Line]) -> String {
    let alone = |who: &str, chunks: u32| {
        let found = lines.iter().find(|line| {
            let Case { road, chunks: its, gap_ms, concurrency, .. } = line.case;
            line.who == who && (road, its, gap_ms, concurrency) == (Road::Relayed, chunks, 0, 1)
        });
        found?.figures.cpu_ms_per_request
    };
    let cost = |who: &str| Some((alone(who, 2_000)? - alone(who, 200)?) / 1.8);
    let mut table = String::new();
    let floor = cost(Side::Bare.word());
    for side in [Side::Bare, Side::Text, Side::Portkey, Side::Litellm] {
        let Some(micros) = cost(side.word()) else { continue };
        let ratio = floor.map(|floor| micros / floor);
        let _written =
            writeln!(table, "| {} | {} | {} |", side.word(), short(micros), figure(ratio));
    }
    if table.is_empty() {
        return table;
    }
    format!("| who | CPU µs a further chunk | to bare |\n| --- | --- | --- |\n{table}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{further, of_rounds};
    use crate::{
        case::{Road, Side, case},
        load::{Round, Times},
    };

    fn round(millis: u64) -> Round {
        let took = Duration::from_millis(millis);
        Round { cpu: Some(took), times: vec![Times { first_byte: took, whole: took }], took }
    }

    #[test]
    fn ratios_are_within_a_round() {
        let lines = of_rounds(
            case(Road::Json, 0, 0, 1, 1),
            &[Side::Text, Side::Bare, Side::Direct],
            &[vec![round(4), round(8)], vec![round(2), round(2)], vec![round(1), round(1)]],
        );
        let [text, bare, direct] = &lines[..] else { panic!("{lines:?}") };
        assert!((text.text_to_it - 1.0).abs() < 1e-9);
        // A half and a quarter of the floor's answers.
        assert!((bare.text_to_it - 0.375).abs() < 1e-9, "{bare:?}");
        assert!((bare.cpu_to_text.unwrap() - 0.375).abs() < 1e-9);
        assert!((text.added_first_byte_ms.unwrap() - 5.0).abs() < 1e-9);
        assert!((direct.answers_per_second - 1_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_further_chunk_is_the_difference_between_two_lengths() {
        let of = |chunks, text, bare| {
            of_rounds(
                case(Road::Relayed, chunks, 0, 1, 1),
                &[Side::Text, Side::Bare],
                &[vec![round(text)], vec![round(bare)]],
            )
        };
        let mut lines = of(200, 4, 2);
        lines.extend(of(2_000, 40, 20));
        let table = further(&lines);
        assert!(table.contains("| bare | 10.0 | 1.00 |"), "{table}");
        assert!(table.contains("| text | 20.0 | 2.00 |"), "{table}");
        assert_eq!(further(&[]), "");
    }
}
