//! `cargo xtask backup`: everything in an environment's database as a file of SQL, which was tried before it counts.
//!
//! `wrangler/dump.mjs` reads the file into a database in memory, looks whether it is sound, and whether every table
//! and index is there that the migrations in it made: an export that was cut off lacks some.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::deploy::Site;
use crate::deploy::args::BackupWish;
use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::layout::Layout;
use crate::random;
use crate::run::Run;
use crate::say;
use crate::setup::Tools;

/// The most that `wrangler r2 object put` takes: <https://developers.cloudflare.com/r2/objects/upload-objects/>.
const LARGEST_OBJECT: u64 = 300 << 20;

/// What a file was found to hold.
#[derive(Debug, Deserialize)]
pub(crate) struct Checked {
    /// The newest migration in it.
    pub(crate) newest_migration: String,
    pub(crate) rows: u64,
    pub(crate) tables: u64,
}

/// Runs the command.
///
/// # Errors
/// `Missing` without a database; what wrangler could not do; `Content` for an export that is not whole, which then
/// lies there as `….part`.
pub(crate) fn run(site: &Site<'_>, tools: &Tools, wish: &BackupWish) -> Result<(), Failure> {
    let path = make(site, tools, wish.to.as_deref())?;
    println!("{}", path.display());
    if wish.r2 {
        put(site, &path)?;
    }
    Ok(())
}

/// Exports to a new file in the folder, and tries it.
pub(crate) fn make(
    site: &Site<'_>,
    tools: &Tools,
    folder: Option<&Path>,
) -> Result<PathBuf, Failure> {
    let database = site.environment.database();
    if !site.wrangler.databases()?.contains_key(&database) {
        return Err(Failure::Missing {
            what: format!("there is no database {database} on {}", site.account),
            remedy: format!(
                "cargo xtask status --env {} says what is there",
                site.environment.name
            ),
        });
    }
    let folder = folder.map_or_else(|| site.layout.root.join("backups"), Path::to_owned);
    files::make_folder(&folder)?;
    let folder = folder.canonicalize().map_err(Failure::file("find", &folder))?;
    let time = random::now().rfc3339().replace([':', '.'], "-");
    let path = folder.join(format!("{database}-{time}.sql"));
    let part = path.with_extension("sql.part");
    say::part(&format!("Backup of {database}"));
    // Made first, so that nobody else may read what wrangler writes into it.
    files::write_private(&part, "")?;
    site.wrangler.export(&database, &part)?;
    let checked = check(site.layout, tools, &part)?;
    std::fs::rename(&part, &path).map_err(Failure::file("rename", &part))?;
    say::line(&format!(
        "{} rows in {} tables, up to migration {}; it holds what people said of themselves, and keys sealed: keep it as such",
        checked.rows, checked.tables, checked.newest_migration
    ));
    Ok(path)
}

/// Looks whether a file of SQL is a whole database of ours.
///
/// # Errors
/// `Content` with what is wrong with it.
pub(crate) fn check(layout: &Layout, tools: &Tools, file: &Path) -> Result<Checked, Failure> {
    let script = layout.wrangler().join("dump.mjs");
    let migrations = layout.root.join("migrations");
    let run =
        Run::new(&tools.node).args(["--no-warnings"]).args([script.as_path(), file, &migrations]);
    let text = run.capture().map_err(|failure| match failure {
        Failure::Ended { tail, .. } => Failure::Content {
            path: file.to_owned(),
            problem: format!("the export is not whole, run this again:{tail}"),
        },
        other => other,
    })?;
    serde_json::from_str(&text).map_err(|error| Failure::System {
        action: "read what a backup holds",
        problem: error.to_string(),
    })
}

/// Puts a file into the environment's bucket, and fetches it again to compare.
fn put(site: &Site<'_>, path: &Path) -> Result<(), Failure> {
    let size = std::fs::metadata(path).map_err(Failure::file("read", path))?.len();
    if size > LARGEST_OBJECT {
        return Err(Failure::Missing {
            what: format!(
                "{} is larger than the {} MiB that wrangler puts into R2",
                path.display(),
                LARGEST_OBJECT >> 20
            ),
            remedy:
                "the file is whole: put it into R2 by an S3 client, see docs/backup-and-restore.md"
                    .to_owned(),
        });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let place = format!("{}/backups/{name}", site.environment.bucket());
    site.wrangler.put_object(&place, path)?;
    let copy = path.with_extension("sql.copy");
    files::write_private(&copy, "")?;
    let fetched =
        site.wrangler.fetch_object(&place, &copy).and_then(|()| Ok(hash(&copy)? == hash(path)?));
    files::remove(&copy)?;
    if !fetched? {
        return Err(Failure::System {
            action: "put the backup into R2",
            problem: format!("what lies under {place} is not what was put there; run this again"),
        });
    }
    println!("r2://{place}");
    Ok(())
}

fn hash(path: &Path) -> Result<String, Failure> {
    let mut hash = Hash::default();
    hash.add(&std::fs::read(path).map_err(Failure::file("read", path))?);
    Ok(hash.finish())
}
