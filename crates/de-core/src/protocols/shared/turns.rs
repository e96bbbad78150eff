//! Turns of a conversation as vendors want them: the results of all calls right behind the turn that called.
//!
//! Callers' protocols may tell each result in a message of its own. A vendor that has no place for a picture
//! in a result is shown it behind the results, and so it has to know where all of them end.

use crate::chat::{Message, Part, Role};

/// A turn, of one message or of some that belong together.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::protocols) struct Turn<'a> {
    /// Content in order.
    pub(in crate::protocols) parts: Vec<&'a Part>,
    /// Who speaks.
    pub(in crate::protocols) role: Role,
}

impl<'a> Turn<'a> {
    fn of(message: &'a Message) -> Self {
        Self { parts: message.parts.iter().collect(), role: message.role }
    }
}

/// The turns of a conversation. Between two turns of the model, users' messages up to the last one with a
/// result are one turn; what operators say among them stands behind it.
pub(in crate::protocols) fn with_results_joined(messages: &[Message]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::with_capacity(messages.len());
    for between in messages
        .chunk_by(|one, next| (one.role == Role::Assistant) == (next.role == Role::Assistant))
    {
        let last = between.iter().rposition(has_result);
        let (joined, rest) = between.split_at(last.map_or(0, |last| last.saturating_add(1)));
        let said = joined.iter().filter(|message| message.role == Role::User);
        let parts: Vec<&Part> = said.flat_map(|message| &message.parts).collect();
        if !parts.is_empty() {
            turns.push(Turn { parts, role: Role::User });
        }
        let operators = joined.iter().filter(|message| message.role != Role::User);
        turns.extend(operators.chain(rest).map(Turn::of));
    }
    turns
}

fn has_result(message: &Message) -> bool {
    let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
    message.role == Role::User && message.parts.iter().any(is_result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(role: Role, text: &str) -> Message {
        Message { parts: vec![Part::Text(text.to_owned())], role }
    }

    fn result(id: &str) -> Message {
        let parts =
            vec![Part::ToolResult { content: Vec::new(), id: id.to_owned(), is_error: false }];
        Message { parts, role: Role::User }
    }

    #[test]
    fn results_are_one_turn_and_what_follows_them_is_another() {
        let messages = [
            text(Role::User, "a"),
            text(Role::User, "b"),
            text(Role::Assistant, "calls"),
            result("1"),
            text(Role::System, "c"),
            text(Role::User, "d"),
            result("2"),
            text(Role::User, "e"),
            text(Role::Assistant, "f"),
            text(Role::Assistant, "g"),
            result("3"),
        ];
        let [a, b, calls, one, c, d, two, e, f, g, three] = &messages;
        let parts = [&one.parts, &d.parts, &two.parts].into_iter().flatten().collect();
        let expected = [
            Turn::of(a),
            Turn::of(b),
            Turn::of(calls),
            Turn { parts, role: Role::User },
            Turn::of(c),
            Turn::of(e),
            Turn::of(f),
            Turn::of(g),
            Turn::of(three),
        ];
        assert_eq!(with_results_joined(&messages), expected);
    }
}
