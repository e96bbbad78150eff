//! `docs/cost-of-running.md`: its results, computed again from its prices and counts.

use std::collections::BTreeMap;
use std::fs;

use super::{page, root};

const PAGE: &str = "docs/cost-of-running.md";
const SECONDS_A_MONTH: f64 = 30.0 * 86_400.0;
/// What is billed under one heading.
const GROUPS: [(&str, &[&str]); 7] = [
    ("requests", &["requests"]),
    ("CPU", &["CPU ms"]),
    ("objects", &["object requests", "object GB-s"]),
    ("rows of objects", &["object rows read", "object rows written"]),
    ("D1", &["D1 rows read", "D1 rows written"]),
    ("KV", &["KV reads", "KV writes"]),
    ("logs", &["log MB"]),
];

/// Rates of the page, with calls a second.
const RATES: [(&str, f64); 4] = [
    // One each 26 seconds.
    ("alone", 100_000.0 / SECONDS_A_MONTH),
    ("1 a second", 1.0),
    ("10 a second", 10.0),
    ("100 a second", 100.0),
];

type Table = Vec<Vec<String>>;

/// The rows of the table with this head, the head left out.
fn table(text: &str, head: &str) -> Table {
    let mut lines = text.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "{PAGE} has no table with the head {head}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn number(cell: &str) -> f64 {
    let plain = cell.replace([',', '$'], "");
    plain.parse().unwrap_or_else(|_| panic!("{PAGE}: `{cell}` is no number"))
}

/// A column of a table, by the meter in its first one; what has a dash is left out.
fn column(table: &Table, index: usize) -> BTreeMap<String, f64> {
    let rows = table.iter().filter(|row| row[index] != "–");
    rows.map(|row| (row[0].clone(), number(&row[index]))).collect()
}

struct Prices {
    free: BTreeMap<String, f64>,
    included: BTreeMap<String, f64>,
    million: BTreeMap<String, f64>,
}

impl Prices {
    fn read(text: &str) -> Self {
        let rows = table(
            text,
            "| Meter | Free plan, a day | Paid plan includes, a month | then, a million |",
        );
        Self { free: column(&rows, 1), included: column(&rows, 2), million: column(&rows, 3) }
    }

    fn cost(&self, meter: &str, used: f64) -> f64 {
        (used - self.included[meter]).max(0.0) / 1e6 * self.million[meter]
    }
}

fn calls(text: &str) -> Table {
    table(text, "| Meter | alone | 1 a second | 10 a second | 100 a second |")
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn dollars(value: f64) -> String {
    let text = format!("{value:.2}");
    let (whole, cents) = text.split_once('.').unwrap();
    format!("${}.{cents}", grouped(whole.parse().unwrap()))
}

fn months(text: &str) -> Vec<String> {
    let prices = Prices::read(text);
    let calls = calls(text);
    let fixed = column(&table(text, "| Meter | a month |"), 1);
    let rows = RATES.iter().enumerate().map(|(index, (rate, a_second))| {
        let count = a_second * SECONDS_A_MONTH;
        let each = column(&calls, index + 1);
        let cost = |meter: &&str| {
            let used = each[*meter] * count + fixed.get(*meter).copied().unwrap_or_default();
            prices.cost(meter, used)
        };
        let costs: Vec<f64> =
            GROUPS.iter().map(|(_, meters)| meters.iter().map(cost).sum()).collect();
        let sum = 5.0 + costs.iter().sum::<f64>();
        let cells: Vec<String> = costs.into_iter().map(dollars).collect();
        format!("| {rate} | {} | {} | **{}** |", grouped(count), cells.join(" | "), dollars(sum))
    });
    rows.collect()
}

fn streams(text: &str) -> Vec<String> {
    let price = Prices::read(text).million["CPU ms"];
    let rows = table(text, "| Road | CPU ms | a million streams |").into_iter();
    rows.map(|row| format!("| {} | {} | {} |", row[0], row[1], dollars(number(&row[1]) * price)))
        .collect()
}

fn files() -> Vec<String> {
    let (storage, writes, reads) = (0.015, 4.5 / 1e6 * 1e3, 0.36 / 1e6 * 1e4);
    vec![format!(
        "| ${storage:.4} | ${writes:.4} | ${reads:.4} | ${:.4} |",
        storage + writes + reads
    )]
}

fn free(text: &str) -> Vec<String> {
    let prices = Prices::read(text);
    let calls = calls(text);
    let used = column(&calls, 1);
    let carried = |meter: &String| {
        let each = used[meter];
        (each > 0.0).then(|| (prices.free.get(meter).copied().unwrap_or(f64::MAX) / each).floor())
    };
    let meters: Vec<(&String, f64)> = calls
        .iter()
        .map(|row| &row[0])
        .filter(|meter| prices.free.contains_key(*meter))
        .filter_map(|meter| Some((meter, carried(meter)?)))
        .collect();
    let least = meters.iter().map(|(_, count)| *count).fold(f64::MAX, f64::min);
    let rows = meters.into_iter().map(|(meter, count)| {
        let mark = if count <= least { "**" } else { "" };
        format!("| {meter} | {mark}{}{mark} |", grouped(count))
    });
    rows.collect()
}

fn kept() -> Vec<String> {
    let rows = RATES.iter().map(|(rate, a_second)| {
        let days = (10e9 / 640.0 / (a_second * 86_400.0)).floor();
        format!("| {rate} | {} |", grouped(days))
    });
    rows.collect()
}

/// The page says below this head what was computed.
#[track_caller]
fn check(text: &str, head: &str, expected: &[String]) {
    let rows = table(text, head);
    let shown: Vec<String> = rows.iter().map(|row| format!("| {} |", row.join(" | "))).collect();
    assert_eq!(shown, expected, "{PAGE} should say\n{}\n", expected.join("\n"));
}

#[test]
fn the_months_are_what_prices_and_counts_come_to() {
    let text = page(PAGE).text;
    let heads: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
    let head = format!("| Rate | Calls a month | {} | Sum with the plan |", heads.join(" | "));
    check(&text, &head, &months(&text));
}

#[test]
fn streams_cost_what_their_processor_time_costs() {
    let text = page(PAGE).text;
    check(&text, "| Road | CPU ms | a million streams |", &streams(&text));
}

#[test]
fn files_cost_what_r2_asks() {
    check(&page(PAGE).text, "| Storage | Writes | Reads | Sum |", &files());
}

#[test]
fn the_free_plan_carries_what_its_allowances_carry() {
    let text = page(PAGE).text;
    check(&text, "| Meter | Calls a day |", &free(&text));
}

#[test]
fn receipts_fit_for_so_many_days() {
    check(&page(PAGE).text, "| Rate | Days in 10 GB |", &kept());
}

/// What the page takes from the benchmarks stands there.
#[test]
fn measured_figures_are_those_of_the_bench() {
    let limits = page("tests/bench/runs/2026-11-26-limits.md").text;
    for figure in [
        "| hops | hops at 1 a second | 1.80 a call |",
        "| hops | hops at 10 a second | 0.360 a call |",
        "| hops | hops at 100 a second | 0.054 a call |",
        "| cpu | processor time with the Limiter | 2.53 ms a call |",
    ] {
        assert!(limits.contains(figure), "the bench no longer says {figure}: change {PAGE} too");
    }
    let roads = page("tests/bench/runs/2026-11-26-roads.md").text;
    for road in ["relayed", "filtered", "translated"] {
        let of_road = streams_of(&roads, road);
        let shown = streams_of_page(road);
        assert!((of_road - shown).abs() < 0.051, "{road}: the bench says {of_road}, not {shown}");
    }
}

/// CPU ms a request of the road's stream with gaps, of the text worker.
fn streams_of(bench: &str, road: &str) -> f64 {
    let begins = format!("| {road} 200 every 10 ms | 8 |");
    let row = bench.lines().find(|line| line.starts_with(&begins)).unwrap();
    let cell = row.trim_matches('|').split('|').nth(5).unwrap();
    let figures = cell.split_once('(').unwrap().1;
    figures.split(" / ").next().unwrap().parse().unwrap()
}

fn streams_of_page(road: &str) -> f64 {
    let rows = table(&page(PAGE).text, "| Road | CPU ms | a million streams |");
    number(&rows.iter().find(|row| row[0] == road).unwrap()[1])
}

/// A receipt writes a row for itself, one for its id, and one for each index. Nine of the ten are indexes.
#[test]
fn a_receipt_is_as_many_rows_as_its_table_has_indexes() {
    let mut indexes = 0;
    for entry in fs::read_dir(root().join("migrations")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let text = fs::read_to_string(path).unwrap();
            let on_receipts = |line: &&str| {
                line.starts_with("CREATE ")
                    && line.contains("INDEX")
                    && line.contains(" ON usage_logs (")
                    // A program's call names no person, and is no row of this index.
                    && !line.ends_with(" WHERE user_id IS NOT NULL;")
            };
            indexes += text.lines().filter(on_receipts).count();
            assert!(
                !text.contains("DROP INDEX usage_logs"),
                "an index of receipts went: count again, here and in {PAGE}"
            );
        }
    }
    let rows = 2 + indexes;
    let text = page(PAGE).text;
    assert!(text.contains(&format!("a receipt writes {rows} rows in D1")), "it writes {rows} rows");
    // And one more when it is deleted.
    let counted = number(&calls(&text).iter().find(|row| row[0] == "D1 rows written").unwrap()[1]);
    assert_eq!(counted, 1.0 + f64::from(u32::try_from(rows).unwrap()));
}
