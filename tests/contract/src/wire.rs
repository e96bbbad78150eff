//! The three protocols that a caller may speak.

/// What a caller speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wire {
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /generate`.
    Native,
    /// `POST /v1/chat/completions`.
    OpenAi,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::Native, Self::OpenAi];

    /// Where it is spoken, on the text worker's own host.
    #[must_use]
    pub fn path(self, streamed: bool) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::Native if streamed => "/generate/stream",
            Self::Native => "/generate",
            Self::OpenAi => "/v1/chat/completions",
        }
    }

    /// The same behind the front door.
    #[must_use]
    pub fn front_path(self, streamed: bool) -> &'static str {
        match self {
            Self::Native if streamed => "/text/generate/stream",
            Self::Native => "/text/generate",
            Self::Anthropic | Self::OpenAi => self.path(streamed),
        }
    }
}

/// A vendor that serves text, by the model that tests call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Server {
    /// `claude-haiku-4-5`.
    Anthropic,
    /// `gemini-2.5-flash`.
    Gemini,
    /// `gpt-4o-mini`.
    OpenAi,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::Gemini, Self::OpenAi];

    /// The seeded model.
    #[must_use]
    pub fn model(self) -> &'static str {
        match self {
            Self::Anthropic => "claude-haiku-4-5",
            Self::Gemini => "gemini-2.5-flash",
            Self::OpenAi => "gpt-4o-mini",
        }
    }

    /// The provider's id, which is the simulator's name of the vendor too.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Gemini => "google",
            Self::OpenAi => "openai",
        }
    }

    /// Whether its bytes pass as they are to a caller of this protocol.
    #[must_use]
    pub fn speaks(self, wire: Wire) -> bool {
        matches!((self, wire), (Self::Anthropic, Wire::Anthropic) | (Self::OpenAi, Wire::OpenAi))
    }
}

/// Every protocol with every vendor.
pub fn pairs() -> impl Iterator<Item = (Wire, Server)> {
    Wire::ALL.into_iter().flat_map(|wire| Server::ALL.map(|server| (wire, server)))
}
