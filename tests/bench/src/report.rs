//! From rounds to figures: medians over the rounds, and ratios within one.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{case::Case, load::Round, machine::Machine};

/// Everything that a run found out, as it is written to `target/bench/latest.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) cases: Vec<Line>,
}

/// The figures of one case.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    pub(crate) case: Case,
    pub(crate) text: Figures,
    pub(crate) bare: Figures,
    /// Text divided by bare, round by round, then the median: what disturbs one side of a round disturbs
    /// the other, too.
    pub(crate) ratio: Figures,
    /// The bare worker where it splits the stream, of a road that cannot do with less.
    pub(crate) split: Option<Figures>,
}

/// One round of everybody.
#[derive(Debug)]
pub(crate) struct Rounds {
    pub(crate) bare: Round,
    pub(crate) split: Option<Round>,
    pub(crate) text: Round,
}

/// Figures of one side, or ratios of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) latency_p50_ms: f64,
    /// None from fewer requests than it takes for one of them to be past it.
    pub(crate) latency_p95_ms: Option<f64>,
    pub(crate) first_byte_p50_ms: f64,
    /// Processor time of the runtime's process; none where the system does not tell.
    pub(crate) cpu_ms_per_request: Option<f64>,
    /// The same, divided by the events with text.
    pub(crate) cpu_us_per_chunk: Option<f64>,
}

/// Requests from which on there is a 95th percentile.
const ENOUGH: usize = 20;

impl Figures {
    /// Of one round.
    pub(crate) fn of_round(case: &Case, round: &Round) -> Self {
        let millis = |of: fn(&crate::load::Times) -> std::time::Duration| {
            let mut times: Vec<f64> =
                round.times.iter().map(|times| of(times).as_secs_f64() * 1e3).collect();
            times.sort_by(f64::total_cmp);
            times
        };
        let whole = millis(|times| times.whole);
        let requests = count(whole.len());
        let cpu = round.cpu.map(|cpu| cpu.as_secs_f64() * 1e3 / requests);
        Self {
            latency_p50_ms: quantile(&whole, 50),
            latency_p95_ms: (whole.len() >= ENOUGH).then(|| quantile(&whole, 95)),
            first_byte_p50_ms: quantile(&millis(|times| times.first_byte), 50),
            cpu_ms_per_request: cpu,
            cpu_us_per_chunk: cpu
                .filter(|_| case.chunks > 0)
                .map(|cpu| cpu * 1e3 / f64::from(case.chunks)),
        }
    }

    fn over(self, other: Self) -> Self {
        let both = |ours: Option<f64>, other: Option<f64>| Some(ours? / other?);
        Self {
            latency_p50_ms: self.latency_p50_ms / other.latency_p50_ms,
            latency_p95_ms: both(self.latency_p95_ms, other.latency_p95_ms),
            first_byte_p50_ms: self.first_byte_p50_ms / other.first_byte_p50_ms,
            cpu_ms_per_request: both(self.cpu_ms_per_request, other.cpu_ms_per_request),
            cpu_us_per_chunk: both(self.cpu_us_per_chunk, other.cpu_us_per_chunk),
        }
    }

    /// Each figure's median.
    pub(crate) fn median(of: &[Self]) -> Self {
        let median = |figure: fn(&Self) -> Option<f64>| {
            let mut values: Vec<f64> = of.iter().filter_map(figure).collect();
            values.sort_by(f64::total_cmp);
            (!values.is_empty()).then(|| quantile(&values, 50))
        };
        Self {
            latency_p50_ms: median(|figures| Some(figures.latency_p50_ms)).unwrap_or(f64::NAN),
            latency_p95_ms: median(|figures| figures.latency_p95_ms),
            first_byte_p50_ms: median(|figures| Some(figures.first_byte_p50_ms))
                .unwrap_or(f64::NAN),
            cpu_ms_per_request: median(|figures| figures.cpu_ms_per_request),
            cpu_us_per_chunk: median(|figures| figures.cpu_us_per_chunk),
        }
    }
}

impl Line {
    /// Sums up the rounds of a case.
    pub(crate) fn of_rounds(case: Case, rounds: &[Rounds]) -> Self {
        let of = |round: &Round| Figures::of_round(&case, round);
        let text: Vec<_> = rounds.iter().map(|round| of(&round.text)).collect();
        let bare: Vec<_> = rounds.iter().map(|round| of(&round.bare)).collect();
        let split: Vec<_> =
            rounds.iter().filter_map(|round| round.split.as_ref()).map(of).collect();
        let ratios: Vec<_> = text.iter().zip(&bare).map(|(text, bare)| text.over(*bare)).collect();
        Self {
            case,
            text: Figures::median(&text),
            bare: Figures::median(&bare),
            ratio: Figures::median(&ratios),
            split: (!split.is_empty()).then(|| Figures::median(&split)),
        }
    }
}

impl Report {
    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from(
            "| case | callers | p50 ms | p95 ms | first byte ms | CPU ms a request | CPU µs a chunk |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for Line { case, text, bare, ratio, .. } in &self.cases {
            let cells = [
                cell(
                    Some(text.latency_p50_ms),
                    Some(bare.latency_p50_ms),
                    Some(ratio.latency_p50_ms),
                ),
                cell(text.latency_p95_ms, bare.latency_p95_ms, ratio.latency_p95_ms),
                cell(
                    Some(text.first_byte_p50_ms),
                    Some(bare.first_byte_p50_ms),
                    Some(ratio.first_byte_p50_ms),
                ),
                cell(text.cpu_ms_per_request, bare.cpu_ms_per_request, ratio.cpu_ms_per_request),
                cell(text.cpu_us_per_chunk, bare.cpu_us_per_chunk, ratio.cpu_us_per_chunk),
            ];
            // Writing to a String cannot fail.
            let _written =
                writeln!(table, "| {case} | {} | {} |", case.concurrency, cells.join(" | "));
        }
        table
    }

    /// What one more chunk of each road costs, in Markdown: what a request costs at all is not in it.
    pub(crate) fn further(&self) -> String {
        let mut table = String::from(
            "| road | text µs | bare µs | bare worker that splits µs | text to bare |\n| --- | --- | --- | --- | --- |\n",
        );
        for short_one in self.cases.iter().filter(|line| line.is_alone(200)) {
            let long_one = self
                .cases
                .iter()
                .find(|line| line.is_alone(2_000) && line.case.road == short_one.case.road);
            let Some(long_one) = long_one else { continue };
            let more = f64::from(long_one.case.chunks - short_one.case.chunks);
            let cost =
                |of: fn(&Line) -> Option<f64>| Some((of(long_one)? - of(short_one)?) * 1e3 / more);
            let text = cost(|line| line.text.cpu_ms_per_request);
            let bare = cost(|line| line.bare.cpu_ms_per_request);
            let split = cost(|line| line.split?.cpu_ms_per_request);
            let ratio = text.zip(bare).map(|(text, bare)| text / bare);
            let cells =
                [text, bare, split, ratio].map(|value| value.map_or_else(|| "–".to_owned(), short));
            // Writing to a String cannot fail.
            let _written =
                writeln!(table, "| {} | {} |", short_one.case.road.word(), cells.join(" | "));
        }
        table
    }
}

impl Line {
    /// Whether it is of streams of so many chunks, one after the other and without gaps.
    fn is_alone(&self, chunks: u32) -> bool {
        let Case { concurrency, gap_ms, .. } = self.case;
        self.case.chunks == chunks && gap_ms == 0 && concurrency == 1
    }
}

/// `ratio (text / bare)`.
fn cell(text: Option<f64>, bare: Option<f64>, ratio: Option<f64>) -> String {
    match (text, bare, ratio) {
        (Some(text), Some(bare), Some(ratio)) => {
            format!("**{}×** ({} / {})", short(ratio), short(text), short(bare))
        }
        _ => "–".to_owned(),
    }
}

/// Three digits at most, as more would be noise.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        small if small < 9.95 => format!("{value:.2}"),
        middle if middle < 99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The value that so many percent of sorted values do not exceed; between two it is the mean of both.
pub(crate) fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let place = sorted.len() * percent;
    let at = |index: usize| sorted.get(index).copied();
    let above = at(place / 100).or_else(|| sorted.last().copied());
    let below = if place.is_multiple_of(100) { at((place / 100).wrapping_sub(1)) } else { above };
    match (below, above) {
        (Some(below), Some(above)) => f64::midpoint(below, above),
        _ => f64::NAN,
    }
}

fn count(length: usize) -> f64 {
    f64::from(u32::try_from(length).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Line, Rounds, quantile, short};
    use crate::{
        case::{Case, Road},
        load::{Round, Times},
    };

    #[test]
    fn quantiles_lie_where_they_should() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        for (values, percent, expected) in [
            (&hundred[..], 50, 50.5),
            (&hundred[..], 95, 95.5),
            (&hundred[..3], 50, 2.0),
            (&hundred[..1], 95, 1.0),
            (&hundred[..2], 50, 1.5),
        ] {
            assert!((quantile(values, percent) - expected).abs() < 1e-9, "{values:?} {percent}");
        }
        assert!(quantile(&[], 50).is_nan());
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios() {
        let round = |millis: u64| Round {
            cpu: Some(Duration::from_millis(millis)),
            times: vec![Times {
                first_byte: Duration::from_millis(millis),
                whole: Duration::from_millis(2 * millis),
            }],
            took: Duration::from_millis(2 * millis),
        };
        let case = Case { road: Road::Relayed, chunks: 10, gap_ms: 0, concurrency: 1, requests: 1 };
        let line = Line::of_rounds(
            case,
            &[(30, 10), (200, 100), (10, 10)].map(|(text, bare)| Rounds {
                bare: round(bare),
                split: None,
                text: round(text),
            }),
        );
        assert!((line.ratio.latency_p50_ms - 2.0).abs() < 1e-9);
        assert!((line.text.latency_p50_ms - 60.0).abs() < 1e-9);
        assert!((line.bare.cpu_us_per_chunk.unwrap() - 1_000.0).abs() < 1e-9);
        assert_eq!(line.text.latency_p95_ms, None);
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(
            [0.123, 9.96, 12.34, 99.6, 1234.5].map(short),
            ["0.12", "10.0", "12.3", "100", "1234"]
        );
    }
}
