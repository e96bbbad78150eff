//! Puts the catalogue of `seeds/` into a deployed database.
//!
//! `wrangler d1 execute` takes a file of SQL without values beside it, so the values become literals here. The
//! statements are those of the store: they add what is missing, and let be what an operator changed.

use std::collections::HashMap;
use std::fmt::Write;

use de_core::ports::{Arg, Statement};
use de_core::seeds;
use de_core::time::UnixMillis;

use crate::dev::seed;
use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::layout::Layout;

/// The catalogue, ready to be put into a database.
pub(crate) struct Seeds {
    /// Changes when what would be put there does.
    pub(crate) hash: String,
    /// How many providers and models.
    pub(crate) sizes: (usize, usize),
    /// A file of SQL, good for one run.
    pub(crate) sql: String,
}

/// Reads `seeds/`.
///
/// # Errors
/// `Content` for a file that cannot be used.
pub(crate) fn read(layout: &Layout, now: UnixMillis) -> Result<Seeds, Failure> {
    let folder = layout.root.join("seeds");
    let path = folder.join("providers.json");
    let content = |problem: String| Failure::Content { path: path.clone(), problem };
    let providers = seeds::read_providers(&files::read(&path)?, &HashMap::new())
        .map_err(|error| content(error.to_string()))?;
    let models = seed::models(&folder.join("models"))?;
    let text = |now| -> Result<String, Failure> {
        let batch = seeds::catalogue(&providers, &models, now);
        let lines = batch.iter().map(|statement| literal(statement).map_err(content));
        Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
    };
    let mut hash = Hash::default();
    hash.add(text(UnixMillis(0))?.as_bytes());
    Ok(Seeds { hash: hash.finish(), sizes: (providers.len(), models.len()), sql: text(now)? })
}

/// A statement with its values in the text, and a semicolon behind it.
pub(crate) fn literal(Statement { args, sql }: &Statement) -> Result<String, String> {
    let mut made = String::with_capacity(sql.len());
    let mut rest = sql.chars().peekable();
    let mut quoted = false;
    while let Some(next) = rest.next() {
        quoted ^= next == '\'';
        if next != '?' || quoted {
            made.push(next);
            continue;
        }
        let mut number = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            number.push(digit);
        }
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let arg = index.and_then(|index| args.get(index));
        let arg = arg
            .ok_or_else(|| format!("a statement names ?{number} and has {} values", args.len()))?;
        put(&mut made, arg)?;
    }
    made.push(';');
    Ok(made)
}

fn put(made: &mut String, arg: &Arg) -> Result<(), String> {
    match arg {
        Arg::Bool(flag) => made.push(if *flag { '1' } else { '0' }),
        Arg::Int(number) => write!(made, "{number}").map_err(|error| error.to_string())?,
        Arg::Null => made.push_str("NULL"),
        // SQLite would end the text there.
        Arg::Text(text) if text.contains('\0') => return Err("a value has a NUL in it".to_owned()),
        Arg::Text(text) => {
            made.push('\'');
            made.push_str(&text.replace('\'', "''"));
            made.push('\'');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use de_core::ports::{Arg, Statement};
    use de_core::time::UnixMillis;
    use rusqlite::Connection;

    use super::{literal, read};
    use crate::files;
    use crate::layout::Layout;

    fn layout() -> Layout {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        Layout { target: root.join("target"), cache: root.join("cache"), root }
    }

    fn migrated() -> Connection {
        let database = Connection::open_in_memory().unwrap();
        for path in files::entries(&layout().root.join("migrations")).unwrap() {
            if path.extension().is_some_and(|extension| extension == "sql") {
                database.execute_batch(&files::read(&path).unwrap()).unwrap();
            }
        }
        database
    }

    /// Everything that seeds write, as text.
    fn rows(database: &Connection) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "SELECT json_array(id, display_name, base_url, auth, headers, updated_at) FROM providers ORDER BY id",
            "SELECT json_array(model_id, version, config, updated_at) FROM model_configs ORDER BY model_id",
            "SELECT json_array(model_id, version, created_by) FROM model_config_versions ORDER BY model_id, version",
            "SELECT json_array(alias, model_id) FROM model_aliases ORDER BY alias",
            "SELECT json_array(scope, epoch) FROM epochs ORDER BY scope",
        ] {
            let mut query = database.prepare(sql).unwrap();
            all.extend(
                query.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap),
            );
        }
        all
    }

    #[test]
    fn the_file_seeds_a_migrated_database_and_a_second_run_changes_nothing() {
        let database = migrated();
        let first = read(&layout(), UnixMillis(1_000)).unwrap();
        database.execute_batch(&first.sql).unwrap();
        let seeded = rows(&database);
        assert!(first.sizes.0 > 10 && first.sizes.1 > 40, "{:?}", first.sizes);
        assert!(seeded.len() > first.sizes.0 + 2 * first.sizes.1);
        let second = read(&layout(), UnixMillis(2_000)).unwrap();
        assert_eq!(second.hash, first.hash);
        database.execute_batch(&second.sql).unwrap();
        assert_eq!(rows(&database), seeded);
    }

    #[test]
    fn a_fresh_database_has_models_and_nobody() {
        let database = migrated();
        let seeds = read(&layout(), UnixMillis(1_000)).unwrap();
        database.execute_batch(&seeds.sql).unwrap();
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let mut query = database.prepare(sql).unwrap();
        let tables = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let tables: Vec<String> = tables.map(Result::unwrap).collect();
        for known in ["api_keys", "organizations", "provider_keys", "sessions", "users"] {
            assert!(tables.iter().any(|table| table == known), "{known} is called otherwise now");
        }
        let filled = tables.into_iter().filter(|table| {
            let sql = format!("SELECT count(*) FROM \"{table}\"");
            database.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap() > 0
        });
        let catalogue =
            ["epochs", "model_config_versions", "model_configs", "pending_bumps", "providers"];
        assert_eq!(filled.collect::<Vec<_>>(), catalogue);
    }

    #[test]
    fn what_an_operator_changed_is_left_alone() {
        let database = migrated();
        database.execute_batch(&read(&layout(), UnixMillis(1_000)).unwrap().sql).unwrap();
        database
            .execute_batch("UPDATE providers SET base_url = 'https://mine.example', seeded = 0 WHERE id = 'openai'")
            .unwrap();
        let before = rows(&database);
        database.execute_batch(&read(&layout(), UnixMillis(2_000)).unwrap().sql).unwrap();
        assert_eq!(rows(&database), before);
    }

    #[test]
    fn values_are_put_in_as_they_are() {
        let statement = Statement {
            args: vec![
                Arg::Text("it's ?2; DROP".to_owned()),
                Arg::Int(-5),
                Arg::Null,
                Arg::Bool(true),
            ],
            sql: "SELECT ?1, ?2, ?3, ?4, ?2, '?1 stays', 'it''s ?1'",
        };
        let sql = literal(&statement).unwrap();
        assert_eq!(sql, "SELECT 'it''s ?2; DROP', -5, NULL, 1, -5, '?1 stays', 'it''s ?1';");
        let first: String =
            Connection::open_in_memory().unwrap().query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(first, "it's ?2; DROP");
        let few = Statement { args: Vec::new(), sql: "SELECT ?1" };
        assert!(literal(&few).unwrap_err().contains("names ?1 and has 0 values"));
        let nul = Statement { args: vec![Arg::Text("a\0b".to_owned())], sql: "SELECT ?1" };
        assert!(literal(&nul).is_err());
    }
}
