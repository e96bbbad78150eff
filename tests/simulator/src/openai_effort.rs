//! What OpenAI's models that think refuse, by how hard they think.
//!
//! Each takes its own words for it, and one less in chat completions. While it thinks it takes no sampling parameters,
//! and in chat completions no tools: also where nothing was said and its usual effort is not `none`.
//!
//! Follows <https://developers.openai.com/api/docs/guides/deployment-checklist>, the pages of the models under
//! <https://developers.openai.com/api/docs/models>, and what the vendor answered:
//! <https://github.com/genkit-ai/genkit/pull/6303>, <https://github.com/BerriAI/litellm-docs/pull/1173>.

use crate::endpoint::Reply;
use crate::models::Model;
use crate::openai_errors::refuse;

/// How hard a model thinks.
#[derive(Debug)]
pub(crate) struct Efforts {
    /// Whether it calls tools in chat completions, where it does not think.
    chat_tools: bool,
    /// What it takes, least first.
    taken: &'static [&'static str],
    /// What holds where nothing is said.
    usual: &'static str,
}

/// Of GPT-5.4: it thinks where it is told to.
pub(crate) const AT_WILL: Efforts =
    Efforts { chat_tools: true, taken: &["none", "low", "medium", "high", "xhigh"], usual: "none" };

/// Of GPT-6 Luna.
pub(crate) const USUALLY: Efforts = Efforts {
    chat_tools: true,
    taken: &["none", "low", "medium", "high", "xhigh", "max"],
    usual: "medium",
};

/// Of GPT-6.1 Terra: its tools are in responses alone.
pub(crate) const USUALLY_WITHOUT_CHAT_TOOLS: Efforts = Efforts { chat_tools: false, ..USUALLY };

/// Of GPT-6 Astra and GPT-6.1 Sol: nothing keeps them from thinking.
pub(crate) const ALWAYS: Efforts = Efforts {
    chat_tools: false,
    taken: &["low", "medium", "high", "xhigh", "max"],
    usual: "medium",
};

/// Which of the two protocols is spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Api {
    Chat,
    Responses,
}

impl Efforts {
    /// The effort that holds for a request.
    ///
    /// # Errors
    /// A word that the model does not take.
    pub(crate) fn of<'a>(
        &self,
        model: &Model,
        said: Option<&'a str>,
        api: Api,
    ) -> Result<&'a str, Reply> {
        let is_of = |word: &&str| api == Api::Responses || *word != "max";
        let taken: Vec<&'static str> = self.taken.iter().copied().filter(is_of).collect();
        let Some(said) = said else { return Ok(self.usual) };
        if taken.contains(&said) {
            return Ok(said);
        }
        let param = match api {
            Api::Chat => "reasoning_effort",
            Api::Responses => "reasoning.effort",
        };
        let message = format!(
            "Unsupported value: '{said}' is not supported with the '{}' model. Supported values are: {}.",
            model.id,
            listed(&taken)
        );
        Err(refuse(400, Some("unsupported_value"), Some(param), &message))
    }

    /// Refuses tools in chat completions beside an effort.
    pub(crate) fn tools_in_chat(&self, model: &Model, effort: &str) -> Result<(), Reply> {
        if self.chat_tools && effort == "none" {
            return Ok(());
        }
        let id = model.id;
        let message = if effort == "none" {
            format!(
                "Function tools are not supported for {id} in /v1/chat/completions. Please use /v1/responses instead."
            )
        } else {
            format!(
                "Function tools with reasoning_effort are not supported for {id} in /v1/chat/completions. To use \
                function tools, use /v1/responses or set reasoning_effort to 'none'."
            )
        };
        Err(refuse(400, None, Some("reasoning_effort"), &message))
    }
}

/// `'low', 'medium', and 'high'`.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{}, and {last}", before.join(", ")),
        None => String::new(),
    }
}
