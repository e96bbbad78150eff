//! `backup`, and that what it writes brings everything back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use de_core::seeds::{self as tenants, DevTenant};
use de_core::time::UnixMillis;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::world::{Scripted, World, clone, node};
use crate::deploy::args::BackupWish;
use crate::deploy::{backup, seeds};
use crate::failure::Failure;
use crate::files;
use crate::run::Run;
use crate::setup::Tools;

fn tools() -> Tools {
    Tools {
        esbuild: PathBuf::new(),
        node: node(),
        wasm_bindgen: PathBuf::new(),
        wasm_opt: PathBuf::new(),
        worker_build: PathBuf::new(),
        versions: String::new(),
    }
}

/// Calls the pinned wrangler on a database of a folder.
fn local(place: &Path, args: &[&str]) {
    let layout = clone();
    let script = layout.wrangler().join("node_modules/wrangler/bin/wrangler.js");
    assert!(script.exists(), "set-up has not been here: cargo xtask build");
    let config = place.join("wrangler.json");
    let made = json!({
        "compatibility_date": "2026-11-01", "name": "de-test",
        "d1_databases": [{ "binding": "DB", "database_id": "1", "database_name": "de", "migrations_dir": layout.root.join("migrations") }],
    });
    files::write(&config, &made.to_string()).unwrap();
    let state = place.join("state");
    let env =
        [("CI", "1"), ("CLOUDFLARE_CF_FETCH_ENABLED", "false"), ("WRANGLER_SEND_METRICS", "false")];
    let run = env.iter().fold(Run::new(node()), |run, (name, value)| run.env(name, value));
    run.args([script.as_path()])
        .args(args)
        .args(["--local", "--config"])
        .args([config])
        .args(["--persist-to"])
        .args([state])
        .dir(place)
        .capture()
        .unwrap();
}

/// Exports take their state from the folder of the config.
fn export(place: &Path, file: &Path) {
    let script = clone().wrangler().join("node_modules/wrangler/bin/wrangler.js");
    let run = Run::new(node())
        .env("CI", "1")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("WRANGLER_SEND_METRICS", "false");
    run.args([script.as_path()])
        .args(["d1", "export", "de", "--local", "--config"])
        .args([place.join("wrangler.json")])
        .args(["--output"])
        .args([file])
        .dir(place)
        .capture()
        .unwrap();
}

fn opened(place: &Path) -> Connection {
    let folder = place.join("state/v3/d1/miniflare-D1DatabaseObject");
    let file = files::entries(&folder).unwrap().into_iter().find(|path| {
        path.extension().is_some_and(|extension| extension == "sqlite")
            && path.file_stem().is_some_and(|stem| stem != "metadata")
    });
    Connection::open_with_flags(file.unwrap(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// Every row of every table, with the schema.
fn everything(database: &Connection) -> Vec<(String, Vec<Vec<Value>>)> {
    let mut names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '_cf_%' AND name NOT LIKE 'sqlite_%' ORDER BY name").unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let table = |name: String| {
        let mut query = database.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns = query.column_count();
        let rows = query
            .query_map([], |row| (0..columns).map(|column| row.get(column)).collect())
            .unwrap();
        let mut rows: Vec<Vec<Value>> = rows.map(Result::unwrap).collect();
        rows.sort_by_key(|row| format!("{row:?}"));
        (name, rows)
    };
    names.into_iter().map(table).collect()
}

#[test]
fn what_was_exported_is_restored_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for place in [&first, &second] {
        files::make_folder(place).unwrap();
    }
    local(&first, &["d1", "migrations", "apply", "de"]);
    let mut tenant = DevTenant::bare().unwrap();
    tenant.email = "o'neil; ünï--\n@dev.invalid".to_owned();
    let rows = tenants::dev_tenant(&tenant, UnixMillis(1_000));
    let rows: Vec<String> = rows.iter().map(|row| seeds::literal(row).unwrap()).collect();
    let sql = folder.path().join("rows.sql");
    files::write(
        &sql,
        &format!("{}\n{}", seeds::read(&clone(), UnixMillis(1_000)).unwrap().sql, rows.join("\n")),
    )
    .unwrap();
    local(&first, &["d1", "execute", "de", "--yes", "--file", &sql.to_string_lossy()]);
    let state = first.join(".wrangler");
    files::make_folder(&state).unwrap();
    std::os::unix::fs::symlink(first.join("state"), state.join("state")).unwrap();
    let dump = folder.path().join("backup.sql");
    export(&first, &dump);

    let checked = backup::check(&clone(), &tools(), &dump).unwrap();
    let expected = everything(&opened(&first));
    let counted: usize = expected
        .iter()
        .filter(|(name, _)| name != "d1_migrations")
        .map(|(_, rows)| rows.len())
        .sum();
    assert_eq!(checked.rows, counted as u64);
    assert!(counted > 100, "{counted}");

    local(&second, &["d1", "execute", "de", "--yes", "--file", &dump.to_string_lossy()]);
    assert_eq!(everything(&opened(&second)), expected);
    // And the next deploy finds no migration pending.
    local(&second, &["d1", "migrations", "apply", "de"]);
    assert_eq!(everything(&opened(&second)), expected);

    // The first half, the half without indexes, another file, and rows that name nobody.
    let text = files::read(&dump).unwrap();
    let indexes = text.find("CREATE INDEX").unwrap();
    for (broken, expected) in [
        (text[..text.len() / 2].to_owned(), "the export is not whole"),
        (text[..indexes].to_owned(), "parts of its schema"),
        ("SELECT 1;".to_owned(), "which migrations"),
        (
            text.clone()
                + "INSERT INTO projects SELECT 'proj_x', 'inst_x', name, status, created_at, updated_at FROM projects LIMIT 1;",
            "the export is not whole",
        ),
    ] {
        files::write(&dump, &broken).unwrap();
        let refusal = backup::check(&clone(), &tools(), &dump).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{refusal}");
    }

    let world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    let to = folder.path().join("kept");
    let wish = BackupWish { environment: "staging".to_owned(), r2: true, to: Some(to.clone()) };
    let person = Scripted::away();
    let export_of_account = world.path().with_file_name("export.sql");
    files::write(&export_of_account, &text[..indexes]).unwrap();
    let refusal = backup::run(&world.site("staging", &person), &tools(), &wish).unwrap_err();
    assert!(matches!(refusal, Failure::Content { .. }), "{refusal}");
    assert!(
        files::entries(&to)
            .unwrap()
            .iter()
            .all(|path| path.extension().is_some_and(|extension| extension == "part"))
    );
    files::write(&export_of_account, &text).unwrap();
    backup::run(&world.site("staging", &person), &tools(), &wish).unwrap();
    let made = files::entries(&to).unwrap();
    let made = made
        .iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .unwrap();
    assert_eq!(files::read(made).unwrap(), text);
    assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        world
            .changes(0)
            .iter()
            .any(|line| line.starts_with("r2 object put de-assets-staging/backups/de-staging-"))
    );
    world.put("damaged", json!(true));
    let refusal =
        backup::run(&world.site("staging", &person), &tools(), &wish).unwrap_err().to_string();
    assert!(refusal.contains("is not what was put there"), "{refusal}");
}
