//! What a part has found out: promises that hold or do not, and figures.

use std::fmt::Write as _;

use serde::Serialize;

/// One part of the proofs.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    figures: Vec<Figure>,
    pub(crate) name: &'static str,
    promises: Vec<Promise>,
}

/// What was measured. It never fails a run.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
}

/// What has to hold.
#[derive(Debug, Serialize)]
struct Promise {
    holds: bool,
    says: String,
    seen: String,
}

impl Part {
    pub(crate) fn new(name: &'static str) -> Self {
        println!("\n{name}");
        Self { figures: Vec::new(), name, promises: Vec::new() }
    }

    /// Notes whether something holds, and by what that was seen.
    pub(crate) fn promise(&mut self, says: impl Into<String>, holds: bool, seen: String) {
        let says = says.into();
        let word = if holds { "holds " } else { "BROKEN" };
        println!("  {word}  {says}: {seen}");
        self.promises.push(Promise { holds, says, seen });
    }

    /// Notes a figure.
    pub(crate) fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        println!("          {name}: {} {unit}", short(value));
        self.figures.push(Figure { name, unit, value });
    }

    /// How many promises do not hold.
    pub(crate) fn broken(&self) -> usize {
        self.promises.iter().filter(|promise| !promise.holds).count()
    }
}

/// Promises and figures of all parts, in Markdown.
pub(crate) fn table(parts: &[Part]) -> String {
    let mut table = String::from("| part | promise | holds | seen |\n| --- | --- | --- | --- |\n");
    // Writing to a String cannot fail.
    for Part { name, promises, .. } in parts {
        for Promise { holds, says, seen } in promises {
            let holds = if *holds { "yes" } else { "**no**" };
            let _written = writeln!(table, "| {name} | {says} | {holds} | {seen} |");
        }
    }
    table.push_str("\n| part | figure | value |\n| --- | --- | --- |\n");
    for Part { figures, name, .. } in parts {
        for Figure { name: figure, unit, value } in figures {
            let _written = writeln!(table, "| {name} | {figure} | {} {unit} |", short(*value));
        }
    }
    table
}

/// Whole numbers as they are, others with three digits.
fn short(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        small if small < 0.995 => format!("{value:.3}"),
        small if small < 9.95 => format!("{value:.2}"),
        middle if middle < 99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, short, table};

    #[test]
    fn what_is_broken_is_counted_and_seen() {
        let mut part = Part::new("one");
        part.promise("it holds", true, "as it should".to_owned());
        part.promise("it does not", false, "alas".to_owned());
        part.figure("hops", 0.034, "a request");
        assert_eq!(part.broken(), 1);
        let table = table(&[part]);
        assert!(table.contains("| one | it does not | **no** | alas |"), "{table}");
        assert!(table.contains("| one | hops | 0.034 a request |"), "{table}");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(
            [0.0341, 1.5, 12.34, 1234.5, 7.0].map(short),
            ["0.034", "1.50", "12.3", "1234", "7"]
        );
    }
}
