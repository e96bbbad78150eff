//! Questions over HTTPS to what is deployed, asked by `wrangler/ask.mjs`: Node is here anyway, with certificates.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::layout::Layout;
use crate::run::Run;
use crate::setup::Tools;

/// Asks by Node.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    pub(crate) node: PathBuf,
    pub(crate) script: PathBuf,
    /// The hosts that resolve, in tests.
    pub(crate) resolving: Option<Vec<String>>,
    /// The origin that stands in for every other, in tests. The host that was meant goes with the question.
    pub(crate) through: Option<String>,
}

/// One question.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) method: &'static str,
    pub(crate) url: String,
}

impl Question {
    pub(crate) fn get(url: String) -> Self {
        Self { headers: BTreeMap::new(), method: "GET", url }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

/// What came back; `error` if nothing did.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// Names in lower case.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) status: u16,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// What a person should know of it.
    pub(crate) fn text(&self) -> String {
        match &self.error {
            Some(error) => error.clone(),
            None => format!(
                "{} {}",
                self.status,
                self.body.chars().take(200).collect::<String>().trim()
            ),
        }
    }
}

impl Web {
    pub(crate) fn new(layout: &Layout, tools: &Tools) -> Self {
        let script = layout.wrangler().join("ask.mjs");
        Self { node: tools.node.clone(), resolving: None, script, through: None }
    }

    /// Asks all at once; the answers are in the order of the questions. Headers may hold keys: everything goes by
    /// standard input.
    pub(crate) fn ask(&self, questions: &[Question]) -> Result<Vec<Answer>, Failure> {
        let wrong = |problem: String| Failure::System { action: "ask over HTTPS", problem };
        let input = serde_json::json!({ "questions": questions, "through": self.through });
        let text = Run::new(&self.node).args([&self.script]).input(&input.to_string()).capture()?;
        let answers: Vec<Answer> =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if answers.len() != questions.len() {
            return Err(wrong(format!(
                "{} answers to {} questions",
                answers.len(),
                questions.len()
            )));
        }
        Ok(answers)
    }

    /// Those of the hosts that resolve to something.
    ///
    /// # Errors
    /// `System` if that could not be found out.
    pub(crate) fn resolving(&self, hosts: &[&str]) -> Result<Vec<String>, Failure> {
        if let Some(resolving) = &self.resolving {
            return Ok(resolving
                .iter()
                .filter(|host| hosts.contains(&host.as_str()))
                .cloned()
                .collect());
        }
        let input = serde_json::json!({ "hosts": hosts });
        let text = Run::new(&self.node).args([&self.script]).input(&input.to_string()).capture()?;
        serde_json::from_str(&text).map_err(|error| Failure::System {
            action: "look hosts up",
            problem: error.to_string(),
        })
    }
}
