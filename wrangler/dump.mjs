// Reads a backup into a database in memory, and says what it holds: node dump.mjs <file.sql> <migrations/>.
//
// Ends with 1 and a sentence if the file is not whole. An export ends with indexes and triggers, so one that was cut
// off has fewer than the migrations that it says it had.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Tables of the platform's own, and of SQLite. */
const THEIRS = "name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' AND name <> 'd1_migrations'";
const PARTS = `SELECT type || ' ' || name AS part FROM sqlite_master WHERE ${THEIRS} ORDER BY part`;

const [file, migrations] = process.argv.slice(2);

function fail(problem) {
  console.error(problem);
  process.exit(1);
}

function opened(texts) {
  const database = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
  for (const text of texts) database.exec(text);
  return database;
}

function read() {
  try {
    return opened([readFileSync(file, "utf8")]);
  } catch (error) {
    return fail(`SQLite cannot read it: ${error.message}`);
  }
}

const backup = read();
const one = (sql) => Object.values(backup.prepare(sql).get() ?? {})[0];
const sound = one("PRAGMA integrity_check");
if (sound !== "ok") fail(`it is not sound: ${sound}`);
const loose = backup.prepare("PRAGMA foreign_key_check").all();
if (loose.length > 0) fail(`${loose.length} rows name rows that are not in it, the first in ${loose[0].table}`);

if (!one("SELECT name FROM sqlite_master WHERE name = 'd1_migrations'")) fail("it does not say which migrations it has had");
const applied = backup.prepare("SELECT name FROM d1_migrations ORDER BY id").all().map(({ name }) => name);
if (applied.length === 0) fail("it has had no migration");
const known = applied.map((name) => path.join(migrations, name));
// One from a newer release than the one that is here: its migrations are not at hand to compare with.
if (known.every((name) => existsSync(name))) {
  const expected = opened(known.map((name) => readFileSync(name, "utf8")));
  const parts = new Set(backup.prepare(PARTS).all().map(({ part }) => part));
  const missing = expected.prepare(PARTS).all().map(({ part }) => part).filter((part) => !parts.has(part));
  if (missing.length > 0) fail(`it lacks ${missing.length} parts of its schema, among them ${missing[0]}`);
}

const tables = backup.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND ${THEIRS}`).all();
const rows = tables.reduce((sum, { name }) => sum + Number(one(`SELECT count(*) FROM "${name}"`)), 0);
console.log(JSON.stringify({ newest_migration: applied.at(-1), rows, tables: tables.length }));
