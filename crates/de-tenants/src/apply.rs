//! Brings about what a document says: what is not there is made, what differs is changed, the rest is left.
//!
//! Every thing is looked for before it is made, by its id or by its name in its place, so a run that broke
//! off is run again and goes on. Before anything is changed the whole document is walked once without
//! changing anything: what can be foreseen to fail fails there, all of it at once.

mod bounds;
mod models;
mod rows;
mod shown;
mod walk;

use std::collections::BTreeMap;

use de_core::protocols::FieldIssue;

use crate::{
    document::Tenant,
    gateway::{Gateway, GatewayError},
    ledger::Ledger,
    plan::{RunError, Shown, Sink, Step, Verb},
    sources::Sources,
};

/// How a run goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Says what would be done, and does nothing.
    pub is_dry: bool,
    /// API keys that are not there are made; else somebody has to.
    pub issues_keys: bool,
    /// Organization and instances have to be there.
    pub must_exist: bool,
    /// The vendors' keys that there are sources for are saved, also where one with the same end is there.
    pub saves_keys: bool,
}

/// How often each verb came, and what was left to do by hand.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Steps by what became of them.
    pub counts: BTreeMap<Verb, usize>,
    /// Steps that wait for a hand.
    pub by_hand: Vec<Step>,
    /// The organization, where there is one.
    pub organization_id: Option<String>,
    /// The instances, in the order of the document; none for one that would be made.
    pub instance_ids: Vec<Option<String>>,
}

/// What a run has to work with.
pub struct Means<'a> {
    /// Who is asked; nobody for a dry run without a network.
    pub gateway: Option<&'a Gateway>,
    /// Where secrets are kept until they were handed on.
    pub ledger: &'a mut Ledger,
    /// The vendors' keys.
    pub sources: &'a Sources,
}

/// Walks a document.
///
/// # Errors
/// [`RunError::Problems`] if something cannot be done, before anything is; else what broke the run off.
pub fn apply(
    tenant: &Tenant,
    options: Options,
    means: Means<'_>,
    sink: &mut dyn Sink,
) -> Result<Outcome, RunError> {
    let Means { gateway, ledger, sources } = means;
    if options.is_dry || gateway.is_none() {
        let options = Options { is_dry: true, ..options };
        return Walk::begin(gateway, ledger, options, sink, sources).tenant(tenant);
    }
    let ahead = Options { is_dry: true, ..options };
    let mut unheard = Unheard;
    let mut walk = Walk::begin(gateway, ledger, ahead, &mut unheard, sources);
    walk.needs_sources = true;
    walk.tenant(tenant)?;
    Walk::begin(gateway, ledger, options, sink, sources).tenant(tenant)
}

/// One way through a document.
struct Walk<'a> {
    gateway: Option<&'a Gateway>,
    ledger: &'a mut Ledger,
    /// Whether a source without a secret is a problem, and not only something to be said.
    needs_sources: bool,
    options: Options,
    outcome: Outcome,
    /// Persons by address, as far as they were looked for: their ids, none for one that would be made.
    persons: BTreeMap<String, Option<String>>,
    problems: Vec<FieldIssue>,
    sink: &'a mut dyn Sink,
    sources: &'a Sources,
}

impl<'a> Walk<'a> {
    fn begin(
        gateway: Option<&'a Gateway>,
        ledger: &'a mut Ledger,
        options: Options,
        sink: &'a mut dyn Sink,
        sources: &'a Sources,
    ) -> Self {
        Self {
            gateway,
            ledger,
            needs_sources: false,
            options,
            outcome: Outcome::default(),
            persons: BTreeMap::new(),
            problems: Vec::new(),
            sink,
            sources,
        }
    }

    fn step(&mut self, verb: Verb, thing: &Thing<'_>, detail: impl Into<String>) {
        let place = thing.place.to_owned();
        let step = Step { detail: detail.into(), place, thing: thing.name.clone(), verb };
        *self.outcome.counts.entry(verb).or_default() += 1;
        self.sink.step(&step);
        if verb == Verb::ByHand {
            self.outcome.by_hand.push(step);
        }
    }

    fn problem(&mut self, place: &str, reason: impl Into<String>) {
        self.problems.push(FieldIssue { pointer: place.to_owned(), reason: reason.into() });
    }

    /// The gateway, where something may be changed.
    fn doing(&self) -> Option<&'a Gateway> {
        self.gateway.filter(|_| !self.options.is_dry)
    }
}

/// What a step is about.
struct Thing<'t> {
    /// For people.
    name: String,
    /// Where it stands in the file.
    place: &'t str,
}

impl<'t> Thing<'t> {
    fn new(name: impl Into<String>, place: &'t str) -> Self {
        Self { name: name.into(), place }
    }

    /// Says of a failure what it was about, with pointers that lead into the file.
    fn failed(&self) -> impl Fn(GatewayError) -> RunError + use<> {
        let (thing, place) = (self.name.clone(), self.place.to_owned());
        move |source| match &source {
            GatewayError::Refused { refusal, .. } if !refusal.fields.is_empty() => {
                let lead = |issue: &FieldIssue| FieldIssue {
                    pointer: format!("{place}{}", issue.pointer),
                    reason: issue.reason.clone(),
                };
                RunError::Problems(refusal.fields.iter().map(lead).collect())
            }
            GatewayError::Lost { .. } | GatewayError::Refused { .. } => {
                RunError::Gateway { source, thing: thing.clone() }
            }
        }
    }
}

/// Nobody.
struct Unheard;

impl Sink for Unheard {
    fn step(&mut self, _: &Step) {}

    fn secret(&mut self, _: &Shown) -> Result<(), String> {
        Ok(())
    }
}
