//! `cargo xtask new-provider`: a vendor in code that has its places everywhere, and refuses by name what is not
//! written.
//!
//! The simulator is left out: it is strict in each vendor's own words, and nothing can be said in those that
//! nobody has read.

use std::collections::HashMap;
use std::path::Path;

use de_core::ids::ProviderId;
use de_core::model::Protocol;
use de_core::seeds;
use lexopt::prelude::{Long, Value, ValueExt};

use super::{Draft, describe, format, name, pascal, rendered, snake, spoken};
use crate::failure::Failure;
use crate::layout::Layout;
use crate::marks::{above, sorted};
use crate::say;

const SEEDS: &str = "seeds/providers.json";

/// What a vendor does, and so which trait it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// How the tests ask it for something.
    ask: &'static str,
    /// Where what is asked stands, below `de_core`.
    call_path: &'static str,
    /// As it is asked for.
    pub(super) name: &'static str,
    template: &'static str,
    /// What the vendor does, in the words of its module.
    what: &'static str,
}

/// All of them, in the order of the alphabet.
pub(super) const KINDS: [Kind; 7] = [
    Kind {
        ask: "Vendor.request(&ChatCall::default(), &target())",
        call_path: "chat::ChatCall",
        name: "chat",
        template: include_str!("../../templates/provider/chat.rs.tpl"),
        what: "conversations",
    },
    Kind {
        ask: "Vendor.embeddings().unwrap().request(&EmbeddingCall::default(), &target())",
        call_path: "calls::embedding::EmbeddingCall",
        name: "embeddings",
        template: include_str!("../../templates/provider/embeddings.rs.tpl"),
        what: "vectors of texts",
    },
    Kind {
        ask: "Vendor.renders().unwrap().request(&RenderCall::default(), None, &target())",
        call_path: "calls::RenderCall",
        name: "films",
        template: include_str!("../../templates/provider/films.rs.tpl"),
        what: "films, ordered and asked about",
    },
    Kind {
        ask: "Vendor.images().unwrap().request(&ImageCall::default(), &target())",
        call_path: "calls::ImageCall",
        name: "images",
        template: include_str!("../../templates/provider/images.rs.tpl"),
        what: "pictures",
    },
    Kind {
        ask: "Vendor.speech().unwrap().request(&SpeechCall::default(), &target())",
        call_path: "calls::SpeechCall",
        name: "speech",
        template: include_str!("../../templates/provider/speech.rs.tpl"),
        what: "speech",
    },
    Kind {
        ask: "Vendor.stock().unwrap().request(&StockCall::default(), &target())",
        call_path: "calls::stock::StockCall",
        name: "stock",
        template: include_str!("../../templates/provider/stock.rs.tpl"),
        what: "stock media, searched and had by id",
    },
    Kind {
        ask: "Vendor.transcription().unwrap().request(&TranscriptionCall::default(), &target())",
        call_path: "calls::TranscriptionCall",
        name: "transcripts",
        template: include_str!("../../templates/provider/transcripts.rs.tpl"),
        what: "transcripts",
    },
];

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Order {
    base_url: String,
    kind: Kind,
    name: String,
    title: String,
}

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        let all = |order: &Self| {
            let Self { base_url, kind, name, title } = order;
            (base_url.clone(), kind.name, name.clone(), title.clone())
        };
        all(self) == all(other)
    }
}

impl Eq for Order {}

impl Order {
    /// Reads what stands behind `new-provider`.
    ///
    /// # Errors
    /// A sentence for the caller.
    pub(crate) fn read(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let (mut named, mut base_url, mut kind, mut title) = (None, None, None, None);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("base-url") => base_url = Some(parser.value()?.string()?),
                Long("kind") => kind = Some(parser.value()?.string()?),
                Long("title") => title = Some(parser.value()?.string()?),
                Value(text) if named.is_none() => named = Some(text.string()?),
                other => return Err(other.unexpected()),
            }
        }
        let named = named.ok_or("which vendor? `new-provider acme --kind images --base-url …`")?;
        let kinds = KINDS.map(|kind| kind.name).join(", ");
        let kind = kind.ok_or(format!("what does it do? --kind takes one of {kinds}"))?;
        let base_url =
            base_url.ok_or("where does it live? --base-url https://api.acme.example/v1")?;
        Self::new(&named, &kind, base_url, title).map_err(Into::into)
    }

    /// Checks all of it that needs no look at the repository.
    ///
    /// # Errors
    /// A sentence for the caller.
    pub(super) fn new(
        named: &str,
        kind: &str,
        base_url: String,
        title: Option<String>,
    ) -> Result<Self, String> {
        let named = name(named)?;
        if Protocol::parse(&named).is_some() {
            return Err(format!("{named} is there already: a protocol has that name"));
        }
        let found = KINDS.into_iter().find(|known| known.name == kind);
        let kind = found.ok_or_else(|| {
            format!("--kind {kind}: expected is one of {}", KINDS.map(|kind| kind.name).join(", "))
        })?;
        let well_formed = base_url.starts_with("https://")
            && !base_url.ends_with('/')
            && !base_url.contains(|letter: char| letter == '"' || letter == '\\' || letter <= ' ');
        if !well_formed {
            return Err(format!(
                "--base-url {base_url}: expected is an address that begins with https:// and ends without a slash"
            ));
        }
        let title = title.unwrap_or_else(|| spoken(&named));
        if title.trim().is_empty() || title.contains(['"', '\\', '{', '}', '\n']) {
            return Err("--title: expected is a line of text without \" \\ { }".to_owned());
        }
        Ok(Self { base_url, kind, name: named, title })
    }
}

/// Runs the command.
pub(crate) fn run(layout: &Layout, order: &Order) -> Result<(), Failure> {
    say::part(&format!("The vendor {}", order.name));
    write(&layout.root, order)?;
    format(&layout.root)?;
    say::line("written; its word goes into the description now");
    describe(layout)?;
    let module = snake(&order.name);
    for step in [
        "What is left is what it says, in docs/adding-a-vendor-in-code.md step by step:".to_owned(),
        format!("  crates/de-core/src/protocols/{module}.rs    what it is asked, how its answers and errors read"),
        "  crates/de-core/src/model/words.rs      then `is_built_for`: until then calls are refused".to_owned(),
        format!("  crates/de-core/fixtures/{module}/           its documented answers"),
        "  seeds/providers.json, seeds/models/    how it takes the key (`auth`), `key_test`; a model with its price"
            .to_owned(),
        "  tests/simulator                        the format, strictly, and SIMULATED of crates/xtask/src/dev/seed.rs"
            .to_owned(),
        format!("Try it: cargo test -p de-core --test {module}; git status shows what was written"),
    ] {
        say::line(&step);
    }
    Ok(())
}

/// Writes the vendor into a repository.
///
/// # Errors
/// `Content` naming what is there already, or the mark that is gone; then nothing was written.
pub(super) fn write(root: &Path, order: &Order) -> Result<(), Failure> {
    draft(root, order)?.write(root)
}

fn draft(root: &Path, order: &Order) -> Result<Draft, Failure> {
    let Order { base_url, kind, name, title } = order;
    let (module, variant) = (snake(name), pascal(name));
    let refused = format!("{variant}{}", kind.ask);
    let values = [
        ("base_url", base_url.as_str()),
        ("call_path", kind.call_path),
        ("module", &module),
        ("name", name),
        ("refused", &refused),
        ("title", title),
        ("Type", &variant),
        ("what", kind.what),
    ];
    let mut draft = Draft::default();
    for (file, template) in [
        (format!("crates/de-core/src/protocols/{module}.rs"), kind.template),
        (
            format!("crates/de-core/tests/{module}.rs"),
            include_str!("../../templates/provider/tests.rs.tpl"),
        ),
        (
            format!("crates/de-core/fixtures/{module}/README.md"),
            include_str!("../../templates/provider/fixtures.md.tpl"),
        ),
    ] {
        draft.add(root, &file, rendered(template, &values)?)?;
    }
    let words = "crates/de-core/src/model/words.rs";
    let word = format!("    /// {title}.\n    {variant} = \"{name}\",");
    draft.edit(root, words, |text| {
        sorted(text, "mark: protocols.", "// mark: end of protocols", &word)
    })?;
    let unbuilt = format!("            Self::{variant} => false,");
    draft.edit(root, words, |text| above(text, "mark: unbuilt protocols.", &unbuilt))?;
    let pinned = format!("            \"{name}\",");
    draft.edit(root, words, |text| {
        sorted(text, "mark: pinned protocols.", "// mark: end of pinned protocols", &pinned)
    })?;
    let declared = format!("pub mod {module};");
    draft.edit(root, "crates/de-core/src/protocols.rs", |text| {
        sorted(text, "mark: modules.", "// mark: end of modules", &declared)
    })?;
    let road = format!(
        "        Protocol::{variant} => Arc::new(crate::protocols::{module}::{variant}Vendor),"
    );
    draft
        .edit(root, "crates/de-core/src/registry.rs", |text| above(text, "mark: roads.", &road))?;
    let choice = format!("  [\"{name}\", \"{title} (not built yet)\"],");
    draft.edit(root, "interfaces/admin-panel/src/models/words.ts", |text| {
        above(text, "mark: protocols.", &choice)
    })?;
    draft.edit(root, SEEDS, |text| seeded(text, order))?;
    Ok(draft)
}

/// The seeds with one provider more, which takes its key as most do.
fn seeded(text: &str, order: &Order) -> Result<String, String> {
    let Order { base_url, name, title, .. } = order;
    let known = seeds::read_providers(text, &HashMap::new()).map_err(|err| err.to_string())?;
    let id = ProviderId::parse(name).map_err(|err| format!("{name}: {err}"))?;
    if known.iter().any(|provider| provider.id == id) {
        return Err(format!("a provider is called {name} already"));
    }
    let end = "\n  }\n]\n";
    let before = text.strip_suffix(end).ok_or("the list does not end with `  }` and `]`")?;
    let entry = format!(
        "\n  }},\n  {{\n    \"id\": \"{name}\",\n    \"display_name\": \"{title}\",\n    \
         \"base_url\": \"{base_url}\",\n    \"auth\": {{\"kind\": \"bearer\"}}"
    );
    let made = format!("{before}{entry}{end}");
    seeds::read_providers(&made, &HashMap::new()).map_err(|err| err.to_string())?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{KINDS, Order, draft, seeded};

    #[track_caller]
    fn read(line: &str) -> Result<Order, String> {
        let parser = lexopt::Parser::from_args(line.split_whitespace());
        Order::read(parser).map_err(|refusal| refusal.to_string())
    }

    const WELL: &str = "acme-labs --kind stock --base-url https://api.acme.example/v1";

    #[test]
    fn an_order_is_read() {
        let order = read(WELL).unwrap();
        assert_eq!((order.kind.name, order.title.as_str()), ("stock", "Acme labs"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (line, expected) in [
            ("", "which vendor?"),
            ("acme", "what does it do? --kind takes one of chat, embeddings, films, images,"),
            ("acme --kind stock", "where does it live?"),
            (
                "acme --kind songs --base-url https://a.example",
                "--kind songs: expected is one of chat,",
            ),
            (
                "acme --kind stock --base-url http://a.example",
                "--base-url http://a.example: expected",
            ),
            (
                "acme --kind stock --base-url https://a.example/",
                "--base-url https://a.example/: expected",
            ),
            ("pexels --kind stock --base-url https://a.example", "pexels is there already"),
            ("Acme --kind stock --base-url https://a.example", "`Acme` is no name"),
        ] {
            let refusal = read(line).unwrap_err();
            assert!(refusal.starts_with(expected), "{line}: {refusal}");
        }
    }

    #[test]
    fn every_list_has_its_mark_and_gets_its_entry() {
        // Asked at run time: clones may share a target folder.
        let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
        for kind in KINDS.map(|kind| kind.name) {
            let order = Order::new("acme", kind, "https://acme.example".to_owned(), None).unwrap();
            let draft = draft(&root, &order).unwrap();
            for (file, entry) in [
                ("crates/de-core/src/model/words.rs", "Acme = \"acme\",\n"),
                ("crates/de-core/src/model/words.rs", "Self::Acme => false,\n"),
                (
                    "crates/de-core/src/model/words.rs",
                    "            \"acme\",\n            \"anthropic",
                ),
                ("crates/de-core/src/protocols.rs", "pub mod acme;\n"),
                ("crates/de-core/src/protocols/acme.rs", "impl Vendor for AcmeVendor"),
                ("crates/de-core/src/registry.rs", "Protocol::Acme => Arc::new("),
                ("crates/de-core/tests/acme.rs", "AcmeVendor."),
                (
                    "interfaces/admin-panel/src/models/words.ts",
                    "[\"acme\", \"Acme (not built yet)\"]",
                ),
                ("seeds/providers.json", "\"base_url\": \"https://acme.example\""),
            ] {
                assert!(draft.files[file].contains(entry), "{kind}, {file}: {}", draft.files[file]);
            }
        }
    }

    #[test]
    fn a_provider_is_added_to_the_seeds_once() {
        let text = include_str!("../../../../seeds/providers.json");
        let order = read(WELL).unwrap();
        let made = seeded(text, &order).unwrap();
        assert!(made.starts_with(text.trim_end_matches("\n  }\n]\n")), "nothing else changes");
        assert!(made.contains("\"id\": \"acme-labs\""));
        assert_eq!(seeded(&made, &order), Err("a provider is called acme-labs already".to_owned()));
        let refusal = seeded("[]\n", &order).unwrap_err();
        assert!(refusal.contains("does not end"), "{refusal}");
    }
}
