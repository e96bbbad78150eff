//! The order of the steps, with a place that notes them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Place, Resealed, rotate};
use crate::failure::Failure;

/// Rows by the version that sealed them, and who has which master keys.
struct Noted {
    /// What the workers have.
    deployed: BTreeSet<u32>,
    /// Rows that open with nothing.
    broken: u64,
    kept: BTreeSet<u32>,
    /// Whether each row opened at every step.
    opened: bool,
    rows: BTreeMap<u32, u64>,
    /// The step at which it breaks off.
    fails_at: Option<&'static str>,
    steps: Vec<String>,
}

impl Noted {
    fn with(kept: &[u32], rows: &[(u32, u64)]) -> Self {
        Self {
            deployed: kept.iter().copied().collect(),
            broken: 0,
            kept: kept.iter().copied().collect(),
            opened: true,
            rows: rows.iter().copied().collect(),
            fails_at: None,
            steps: Vec::new(),
        }
    }

    /// Notes a step, and looks whether each row opens for workers and keeper alike.
    fn step(&mut self, step: String) -> Result<(), Failure> {
        let fails = self.fails_at.is_some_and(|word| step.starts_with(word));
        self.steps.push(step);
        let opens = |known: &BTreeSet<u32>| {
            self.rows.iter().all(|(version, count)| *count == 0 || known.contains(version))
        };
        self.opened &= opens(&self.deployed) && opens(&self.kept);
        if fails { Err(Failure::Interrupted) } else { Ok(()) }
    }
}

impl Place for Noted {
    fn versions(&self) -> Vec<u32> {
        self.kept.iter().copied().collect()
    }

    fn add(&mut self, version: u32) -> Result<(), Failure> {
        self.step(format!("add {version}"))?;
        self.kept.insert(version);
        Ok(())
    }

    fn deploy(&mut self) -> Result<(), Failure> {
        self.step(format!("deploy {:?}", self.kept))?;
        self.deployed = self.kept.clone();
        Ok(())
    }

    fn reseal(&mut self) -> Result<Resealed, Failure> {
        self.step("reseal".to_owned())?;
        let newest = self.deployed.last().copied().unwrap_or_default();
        let mut resealed = 0;
        for (version, count) in &mut self.rows {
            let taken = (*count).min(50 - resealed) * u64::from(*version != newest);
            *count -= taken;
            resealed += taken;
        }
        *self.rows.entry(newest).or_default() += resealed;
        let old = self.rows.iter().filter(|(version, _)| **version != newest);
        let failed =
            vec!["inst_1/openai: it does not open".to_owned(); self.broken.min(1) as usize];
        let remaining = old.map(|(_, count)| count).sum::<u64>() + self.broken;
        Ok(Resealed { failed, newest_version: newest, remaining, resealed })
    }

    fn keep_only(&mut self, version: u32) -> Result<(), Failure> {
        self.step(format!("keep only {version}"))?;
        self.kept.retain(|known| *known == version);
        Ok(())
    }
}

#[test]
fn the_old_key_goes_when_nothing_names_it() {
    let mut place = Noted::with(&[1], &[(1, 120)]);
    assert_eq!(rotate(&mut place).unwrap(), 2);
    let expected =
        ["add 2", "deploy {1, 2}", "reseal", "reseal", "reseal", "keep only 2", "deploy {2}"];
    assert_eq!(place.steps, expected);
    assert_eq!(place.rows, BTreeMap::from([(1, 0), (2, 120)]));
    // And the next time on.
    assert_eq!(rotate(&mut place).unwrap(), 3);
    assert!(place.opened);
}

#[test]
fn what_was_broken_off_goes_on() {
    for fails_at in ["add", "deploy {1, 2}", "reseal", "keep", "deploy {2}"] {
        let mut place = Noted::with(&[1], &[(1, 70)]);
        place.fails_at = Some(fails_at);
        assert!(rotate(&mut place).is_err(), "{fails_at}");
        place.fails_at = None;
        rotate(&mut place).unwrap();
        assert_eq!(place.kept.len(), 1, "{fails_at}");
        assert_eq!(place.kept, place.deployed, "{fails_at}");
        let newest = place.kept.last().unwrap();
        assert_eq!(place.rows[newest], 70, "{fails_at}");
        assert!(place.opened, "{fails_at}");
    }
}

#[test]
fn a_key_that_does_not_open_keeps_both() {
    let mut place = Noted::with(&[1], &[(1, 10)]);
    place.broken = 1;
    let refusal = rotate(&mut place).unwrap_err().to_string();
    assert!(refusal.contains("inst_1/openai: it does not open"), "{refusal}");
    assert_eq!(place.versions(), [1, 2]);
    assert!(!place.steps.iter().any(|step| step.starts_with("keep")), "{:?}", place.steps);
    // Once it is mended, the same rotation ends.
    place.broken = 0;
    assert_eq!(rotate(&mut place).unwrap(), 2);
}

#[test]
fn workers_that_do_not_have_the_new_key_stop_it() {
    struct Deaf(Noted);
    impl Place for Deaf {
        fn versions(&self) -> Vec<u32> {
            self.0.versions()
        }
        fn add(&mut self, version: u32) -> Result<(), Failure> {
            self.0.add(version)
        }
        fn deploy(&mut self) -> Result<(), Failure> {
            Ok(())
        }
        fn reseal(&mut self) -> Result<Resealed, Failure> {
            self.0.reseal()
        }
        fn keep_only(&mut self, version: u32) -> Result<(), Failure> {
            self.0.keep_only(version)
        }
    }
    let mut place = Deaf(Noted::with(&[1], &[(1, 1)]));
    let refusal = rotate(&mut place).unwrap_err().to_string();
    assert!(refusal.contains("seal with version 1, not 2"), "{refusal}");
    assert_eq!(place.versions(), [1, 2]);
}

#[test]
fn an_answer_is_read_and_another_form_is_none() {
    let told = json!({"resealed": 1, "remaining": 2, "newest_version": 3, "failed": [
        {"instance_id": "inst_1", "provider_id": "openai", "reason": "why"}]});
    let read = Resealed::read(&told).unwrap();
    assert_eq!((read.resealed, read.remaining, read.newest_version), (1, 2, 3));
    assert_eq!(read.failed, ["inst_1/openai: why"]);
    assert_eq!(Resealed::read(&json!({"error": "no"})), None);
}
