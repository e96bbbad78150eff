// Runs the local stack: the workers' wasm in workerd, each on a port of its own, and the simulator beside it.
//
// `cargo xtask dev` and `cargo xtask test` start it with one argument: a JSON file that says what to run.
// The file holds secrets, so it is deleted once read. Its shape is `StackInput` in crates/xtask/src/stack/input.rs.
//
// What each worker is bound to comes from wrangler/*.jsonc, read by wrangler itself, so that what runs here
// is what gets deployed. `wrangler dev` is not used because the proxy that it puts in front bunches streams up
// and costs more than the workers do.
//
// It speaks to its parent over two pipes. Standard output carries one JSON object a line:
// {"step": text}, then {"ready": true} or {"error": text}. Standard input says how long to live:
// when it ends, the parent has died and everything here ends too, unless the line "detach" came before.
import { spawn } from "node:child_process";
import { createWriteStream, readFileSync, readdirSync, unlinkSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";

const HOST = "127.0.0.1";
/** How long workerd and the simulator may take to end before they are killed. */
const GRACE_MS = 4000;
/** Statements a batch: one transaction each, small enough for D1. */
const BATCH = 100;
/** Stands in for the worker that a page does not have: all of it is files. */
const NO_CODE = "export default { fetch: () => new Response(null, { status: 404 }) };";
/** The one time that is kept here. */
const EVERY_MINUTE = "* * * * *";

const inputPath = process.argv[2];
const input = JSON.parse(readFileSync(inputPath, "utf8"));
unlinkSync(inputPath);

const log = createWriteStream(input.log, { flags: "a", mode: 0o600 });
const note = (level, message) => log.write(`${new Date().toISOString()} ${level} ${message}\n`);

/** The workers that run at their time, filled from their configs. */
const scheduled = [];
let detached = false;
let ending;
let miniflare;
let simulator;
/** Vite's processes. */
const servers = [];

// The parent may have gone: that is what standard input is for, not a reason to fail here.
process.stdout.on("error", () => {});
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const parent = createInterface({ input: process.stdin });
parent.on("line", (line) => {
  if (line === "detach") detached = true;
});
parent.on("close", () => {
  if (!detached) end(0);
});
process.on("SIGHUP", () => {
  if (!detached) end(0);
});
process.on("uncaughtException", (error) => fail(error));
process.on("unhandledRejection", (error) => fail(error));

async function run() {
  endOnSignals();
  try {
    // Before the runtime, because its address is already in the workers' configuration.
    if (input.simulator) await startSimulator(input.simulator);
    // V8 does not know what the runtime's own objects take, and lets hundreds of MiB of them lie before it looks.
    if (input.full_collections) process.env.MINIFLARE_WORKERD_V8_FLAGS = "--gc-global";
    // Should workerd die, Miniflare starts it again by itself, with the same state and on the same ports.
    miniflare = new Miniflare(options());
    endOnSignals();
    const entry = await miniflare.ready;
    tell({ step: "workerd runs" });
    const migrated = await migrate();
    await seed(input.statements);
    tell({ step: `database: ${migrated} migrations, ${input.statements.length} statements` });
    keepTime(new URL("/cdn-cgi/local/scheduled", entry));
    if (input.vite) for (const page of Object.values(input.pages)) servePage(page);
    tell({ ready: true });
  } catch (error) {
    await fail(error);
  }
}

/**
 * Makes TERM and INT end everything in order. Miniflare's own listeners exit at once, before workerd and the
 * simulator are gone and asked after, so they have to go.
 */
function endOnSignals() {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.removeAllListeners(signal);
    process.on(signal, () => end(0));
  }
}

/** Calls the workers at their time, as the platform does. What they did is in their own log. */
function keepTime(door) {
  door.searchParams.set("cron", EVERY_MINUTE);
  setInterval(async () => {
    for (const name of ending ? [] : scheduled) {
      const answer = await fetch(door, { headers: { "MF-Route-Override": name } }).catch((error) => error);
      if (answer.ok || ending) continue;
      note("error", `${name} did not do what it does every minute: ${answer.status ?? answer}`);
    }
  }, 60_000);
}

/** Miniflare's options: wrangler's reading of each config, plus ports, code and the variables of this run. */
function options() {
  scheduled.length = 0;
  const workers = Object.entries(input.workers).map(([name, worker]) => {
    const config = unstable_readConfig({ config: worker.config });
    const { workerOptions, externalWorkers } = unstable_getMiniflareWorkerOptions(config);
    if (externalWorkers.length > 0) throw new Error(`${name}: bindings that need more workers are not supported here`);
    const crons = config.triggers?.crons ?? [];
    if (crons.some((cron) => cron !== EVERY_MINUTE)) throw new Error(`${name}: no other time is kept here than every minute`);
    if (crons.length > 0) scheduled.push(config.name);
    return {
      ...workerOptions,
      // Only what the config and this run name: wrangler also reads `.dev.vars` and the like.
      bindings: { ...config.vars, ...worker.vars },
      modules: [
        { type: "ESModule", path: path.join(worker.build, "index.js") },
        { type: "CompiledWasm", path: path.join(worker.build, "index_bg.wasm") },
      ],
      modulesRoot: worker.build,
      modulesRules: undefined,
      name: config.name,
      ratelimits: loosened(workerOptions.ratelimits),
      // Workerd's own sockets: no proxy between a client and its worker.
      unsafeDirectSockets: worker.port === null ? [] : [{ host: HOST, port: worker.port }],
    };
  });
  const pages = Object.values(input.vite ? {} : input.pages).map(({ config: file, directory, port }) => {
    const config = unstable_readConfig({ config: file });
    const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
    return {
      ...workerOptions,
      assets: { ...workerOptions.assets, directory },
      modules: [{ type: "ESModule", path: "page.mjs", contents: NO_CODE }],
      name: config.name,
      unsafeDirectSockets: [{ host: HOST, port }],
    };
  });
  return convertV4MiniflareOptions({
    cf: false,
    handleStructuredLogs: ({ level, message }) => note(level, message),
    handleUncaughtError: (error) => note("error", error.stack ?? String(error)),
    host: HOST,
    log: new FileLog(),
    // Miniflare's own entry: not for requests, but whoever does not want to wait for the minute calls a
    // worker's cron there: `GET /cdn-cgi/local/scheduled` with the worker's name as `MF-Route-Override`.
    port: input.cron_port,
    // The folder that `wrangler … --local --persist-to` reads.
    resourcePersistencePath: path.join(input.state, "v3"),
    telemetry: { enabled: false },
    unsafeTriggerHandlers: true,
    workers: [...workers, ...pages],
  });
}

/** The same brakes with the limit of this run: tests fail to log in on purpose, and all from one address. */
function loosened(ratelimits) {
  const simple = { limit: input.failed_log_ins_a_minute, period: 60 };
  return Object.fromEntries(Object.entries(ratelimits ?? {}).map(([name, brake]) => [name, { ...brake, simple }]));
}

/** Miniflare's own messages, in the same file as the workers'. */
class FileLog extends Log {
  constructor() {
    super(LogLevel.WARN);
  }
  log(message) {
    note("miniflare", message);
  }
}

async function startSimulator({ program, args, env, log: file }) {
  const out = createWriteStream(file, { flags: "a", mode: 0o600 });
  simulator = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  simulator.stderr.pipe(out);
  await new Promise((resolve, reject) => {
    simulator.once("error", reject);
    simulator.once("exit", (code, signal) => reject(new Error(`the simulator ended (${signal ?? code}), see ${file}`)));
    createInterface({ input: simulator.stdout }).on("line", (line) => {
      out.write(`${line}\n`);
      if (line.includes('"address"')) resolve();
    });
  });
  simulator.removeAllListeners("exit");
  simulator.once("exit", (code, signal) => {
    simulator = undefined;
    if (!ending) fail(new Error(`the simulator ended (${signal ?? code}), see ${file}`));
  });
  tell({ step: "simulator listens" });
}

/** Lets Vite serve a page while it is written. */
function servePage({ port, source }) {
  const pages = Object.entries(input.pages).map(([name, { port }]) => [name, `http://${HOST}:${port}`]);
  const origins = { DE_API: input.workers.config.vars.DE_PUBLIC_BASE, DE_PAGES: JSON.stringify(Object.fromEntries(pages)) };
  const env = { ...process.env, ...origins };
  const args = [input.vite, "--port", String(port), "--logLevel", "warn", "--clearScreen", "false"];
  const vite = spawn(process.execPath, args, { cwd: source, env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [vite.stdout, vite.stderr]) stream.on("data", (text) => note("vite", String(text).trim()));
  vite.once("exit", (code, signal) => ending || fail(new Error(`vite ended (${signal ?? code}): ${source}`)));
  servers.push(vite);
}

/** Applies `migrations/*.sql` and keeps wrangler's books, so that `wrangler d1 migrations apply` agrees. */
async function migrate() {
  const database = await miniflare.getD1Database("DB", "de-config");
  await database
    .prepare(
      "CREATE TABLE IF NOT EXISTS d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    )
    .run();
  const done = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(done.results.map((row) => row.name));
  const names = readdirSync(input.migrations)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  for (const name of names.filter((name) => !applied.has(name))) {
    const statements = unstable_splitSqlQuery(readFileSync(path.join(input.migrations, name), "utf8"));
    const record = database.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(name);
    await naming(`migration ${name}`, () =>
      database.batch([...statements.map((statement) => database.prepare(statement)), record]),
    );
  }
  return names.length;
}

async function seed(statements) {
  const database = await miniflare.getD1Database("DB", "de-config");
  for (let from = 0; from < statements.length; from += BATCH) {
    const part = statements.slice(from, from + BATCH);
    await naming(`statements ${from + 1} to ${from + part.length}`, () =>
      database.batch(part.map(({ sql, args }) => database.prepare(sql).bind(...args))),
    );
  }
}

async function naming(what, work) {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
}

async function fail(error) {
  const text = error?.stack ?? String(error);
  note("error", text);
  tell({ error: error?.message ?? String(error) });
  await end(1);
}

/** Ends the runtime and the simulator, then this process; a second call waits for the first. */
function end(code) {
  ending ??= (async () => {
    const late = setTimeout(() => {
      simulator?.kill("SIGKILL");
      process.exit(1);
    }, GRACE_MS);
    for (const server of servers) server.kill("SIGTERM");
    if (simulator) {
      const gone = new Promise((resolve) => simulator.once("exit", resolve));
      simulator.kill("SIGTERM");
      await gone;
    }
    await miniflare?.dispose();
    clearTimeout(late);
    await new Promise((resolve) => log.end(resolve));
    process.exit(code);
  })();
  return ending;
}

await run();
