//! The command lines of tenants.

use std::path::PathBuf;

use lexopt::prelude::{Long, Value, ValueExt};

use super::{How, Wish};

/// Which gateway is meant, as far as the command line says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Where {
    /// `--env`
    pub(crate) environment: Option<String>,
    /// `--key-file`
    pub(crate) key_file: Option<PathBuf>,
    /// `--url`
    pub(crate) url: Option<String>,
}

/// What a command has read so far.
#[derive(Default)]
struct Read {
    assets: Option<PathBuf>,
    config: Option<PathBuf>,
    how: How,
    is_forced: bool,
    organization: Option<String>,
    place: Where,
    word: Option<String>,
}

/// Reads what stands behind `instance`.
///
/// # Errors
/// A sentence for the caller.
pub(crate) fn instance(mut parser: lexopt::Parser) -> Result<(Wish, Where), lexopt::Error> {
    let verb = match parser.next()? {
        Some(Value(verb)) => verb.string()?,
        Some(other) => return Err(other.unexpected()),
        None => {
            return Err(
                "what about instances? create, delete, deploy-all, list, show, update".into()
            );
        }
    };
    const APPLY: &[&str] = &["dry-run", "no-api-keys", "offline", "save-keys", "secrets-to"];
    let wish = match verb.as_str() {
        "create" | "update" => {
            let mut read = read(&mut parser, &[&["config"][..], APPLY].concat(), false)?;
            let path = read.config.take().ok_or("which file? --config f.json")?;
            read.how.must_exist = verb == "update";
            (Wish::Apply { how: read.how, path }, read.place)
        }
        "delete" => {
            let read = read(&mut parser, &["force", "keep-assets"], true)?;
            let id = read.word.ok_or("which one? its id: inst_…")?;
            let (is_forced, keep_assets) = (read.is_forced, read.assets);
            (Wish::Delete { id, is_forced, keep_assets }, read.place)
        }
        "deploy-all" => {
            let mut read = read(&mut parser, APPLY, true)?;
            let path = read.word.ok_or("which folder?")?.into();
            read.how.is_folder = true;
            (Wish::Apply { how: read.how, path }, read.place)
        }
        "list" => {
            let read = read(&mut parser, &["organization"], false)?;
            (Wish::List { organization: read.organization }, read.place)
        }
        "show" => {
            let read = read(&mut parser, &[], true)?;
            (Wish::Show { id: read.word.ok_or("which one? its id: inst_…")? }, read.place)
        }
        unknown => return Err(format!("instances have no `{unknown}`").into()),
    };
    Ok(wish)
}

/// Reads what stands behind `export`.
///
/// # Errors
/// A sentence for the caller.
pub(crate) fn export(mut parser: lexopt::Parser) -> Result<(Wish, Where), lexopt::Error> {
    let read = read(&mut parser, &["organization"], false)?;
    let organization = read.organization.ok_or("which one? --organization org_…")?;
    Ok((Wish::Export { organization }, read.place))
}

/// Reads what stands behind `import`.
///
/// # Errors
/// A sentence for the caller.
pub(crate) fn import(mut parser: lexopt::Parser) -> Result<(Wish, Where), lexopt::Error> {
    let options = ["dry-run", "issue-keys", "offline", "save-keys", "secrets-to"];
    let mut read = read(&mut parser, &options, true)?;
    let path = read.word.take().ok_or("which file?")?.into();
    Ok((Wish::Apply { how: read.how, path }, read.place))
}

fn read(
    parser: &mut lexopt::Parser,
    options: &[&str],
    has_word: bool,
) -> Result<Read, lexopt::Error> {
    let mut read = Read::default();
    // What is made for people comes with keys, unless they say otherwise; a file that is moved does not.
    read.how.issues_keys = !options.contains(&"issue-keys");
    while let Some(arg) = parser.next()? {
        match arg {
            Long("env") => read.place.environment = Some(parser.value()?.string()?),
            Long("key-file") => read.place.key_file = Some(parser.value()?.into()),
            Long("url") => read.place.url = Some(parser.value()?.string()?),
            Long(name) if !options.contains(&name) => return Err(Long(name).unexpected()),
            Long("config") => read.config = Some(parser.value()?.into()),
            Long("dry-run") => read.how.is_dry = true,
            Long("force") => read.is_forced = true,
            Long("issue-keys") => read.how.issues_keys = true,
            Long("keep-assets") => read.assets = Some(parser.value()?.into()),
            Long("no-api-keys") => read.how.issues_keys = false,
            Long("offline") => read.how.is_offline = true,
            Long("organization") => read.organization = Some(parser.value()?.string()?),
            Long("save-keys") => read.how.saves_keys = true,
            Long("secrets-to") => read.how.secrets_to = Some(parser.value()?.into()),
            Value(word) if has_word && read.word.is_none() => read.word = Some(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    if read.how.is_offline && !read.how.is_dry {
        return Err("--offline goes with --dry-run: nothing can be done without a network".into());
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
