// Stands in for wrangler in tests: `wrangler.sh` hands each call on to this server, since to start Node for each of
// some sixty calls a deploy would cost minutes. Started as node wrangler.mjs <folder>, it says its port, and ends with
// its standard input.
//
// The account is `<folder>/account.json`. Each call is noted there with its arguments, and the names, not the values,
// of what came by standard input. It refuses what wrangler and the platform refuse: a binding to a worker that is not
// there, a bucket that is made twice. `break` makes one call fail: before or after it did its work, which is what a run
// sees of a network that fails, and leaves what a run that is killed leaves.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";

const folder = process.argv[2];
const file = path.join(folder, "account.json");
const fresh = { bindings: [], deployments: [], secrets: {}, triggers: {}, versions: [] };
/** Of the call that is answered: its arguments, its standard input, and where it writes what it uploaded. */
let args, input, outputPath;
let account, said;

class Refusal extends Error {}

function fail(text) {
  throw new Refusal(`✘ [ERROR] ${text}`);
}
function option(name) {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : args[at + 1];
}
/** Later than all before: a second a call. */
function now() {
  return new Date(Date.UTC(2026, 0, 1) + account.calls.length * 1000).toISOString();
}
function worker(name) {
  return account.workers[name] ?? fail("A request to the Cloudflare API failed.\n\n  This Worker does not exist on your account. [code: 10007]");
}
function config() {
  return JSON.parse(readFileSync(option("config"), "utf8"));
}
function output(entry) {
  appendFileSync(outputPath, `${JSON.stringify(entry)}\n`);
}
function say(text) {
  said += `${text}\n`;
}
function print(value) {
  say(JSON.stringify(value, null, 2));
}

function refuseBindings(made) {
  for (const { service } of made.services ?? []) worker(service);
  for (const { script_name: script } of made.durable_objects?.bindings ?? []) {
    if (script && worker(script).deployments.length === 0) fail(`no objects in ${script}`);
  }
  const databases = Object.values(account.databases).map(({ uuid }) => uuid);
  for (const { database_id: id } of made.d1_databases ?? []) if (!databases.includes(id)) fail(`no database ${id}`);
  for (const { id } of made.kv_namespaces ?? []) if (!Object.values(account.namespaces).includes(id)) fail(`no namespace ${id}`);
  for (const { bucket_name: name } of made.r2_buckets ?? []) if (!account.buckets.includes(name)) fail(`no bucket ${name}`);
  if (made.main && !existsSync(made.main)) fail(`no ${made.main}`);
}
function upload(made) {
  refuseBindings(made);
  const found = (account.workers[made.name] ??= structuredClone(fresh));
  return addVersion(found, made, { "workers/message": option("message"), "workers/tag": option("tag") });
}
function addVersion(found, made, annotations) {
  const bindings = Object.entries(made.vars ?? {}).map(([name, text]) => ({ name, text, type: "plain_text" }));
  const secrets = Object.keys(found.secrets).map((name) => ({ name, type: "secret_text" }));
  const id = `version-${String(account.calls.length).padStart(4, "0")}`;
  found.versions.push({
    annotations,
    id,
    metadata: { created_on: now() },
    resources: { bindings: [...bindings, ...secrets] },
  });
  return id;
}
function changeSecrets(found) {
  for (const [name, value] of Object.entries(JSON.parse(input))) {
    account.calls.at(-1).push(value === null ? `-${name}` : `+${name}`);
    if (value === null) delete found.secrets[name];
    else found.secrets[name] = value;
  }
}
/** The newest version of a worker with its secrets as they are now. */
function newestAgain(found, annotations) {
  const kept = found.versions.at(-1).resources.bindings.filter(({ type }) => type === "plain_text");
  return addVersion(found, { vars: Object.fromEntries(kept.map(({ name, text }) => [name, text])) }, annotations);
}
function serve(found, versions) {
  found.deployments.push({ created_on: now(), versions });
}
function triggers(made) {
  const hosts = (made.routes ?? []).map(({ pattern }) => pattern);
  for (const host of hosts) {
    const other = Object.entries(account.workers).find(([name, { triggers: its }]) => name !== made.name && its.hosts?.includes(host));
    if (other) fail(`${host} belongs to ${other[0]}`);
  }
  account.workers[made.name].triggers = { crons: made.triggers?.crons ?? [], hosts, workers_dev: made.workers_dev };
  const dev = made.workers_dev ? [`https://${made.name}.${account.subdomain}.workers.dev`] : [];
  return [...dev, ...hosts.map((host) => `https://${host} (custom domain)`)];
}
function migrated(name) {
  const { migrations } = account.databases[name] ?? fail(`no database ${name}`);
  return migrations;
}

const commands = {
  "d1 create": () => {
    if (account.databases[args[2]]) fail(`A database with that name already exists: ${args[2]}`);
    account.databases[args[2]] = { executed: 0, migrations: [], uuid: `uuid-of-${args[2]}` };
  },
  "d1 delete": () => void delete account.databases[args[2]],
  "d1 execute": () => {
    if (!migrated(args[2]).length) fail("no such table: users");
    if (option("command")) return print([{ results: account.superadmin ? [{ id: "user_1" }] : [], success: true }]);
    if (!readFileSync(option("file"), "utf8").includes("INSERT INTO providers")) fail("no catalogue");
    account.databases[args[2]].executed += 1;
  },
  "d1 export": () => writeFileSync(option("output"), readFileSync(path.join(folder, "export.sql"))),
  "d1 list": () => print(Object.entries(account.databases).map(([name, { uuid }]) => ({ name, uuid }))),
  "d1 migrations": () => {
    const all = account.migrations.filter((name) => !migrated(args[3]).includes(name));
    if (args[2] === "apply") account.databases[args[3]].migrations.push(...all);
    say(all.length ? all.map((name) => `│ ${name} │`).join("\n") : "✅ No migrations to apply!");
  },
  delete: () => {
    worker(option("name"));
    delete account.workers[option("name")];
  },
  deploy: () => {
    const its = config();
    const id = upload(its);
    serve(account.workers[its.name], [{ percentage: 100, version_id: id }]);
    account.workers[its.name].objects = its.migrations?.at(-1)?.tag;
    output({ targets: triggers(its), type: "deploy", version_id: id });
  },
  "deployments list": () => print(worker(option("name")).deployments.slice(-10)),
  "deployments status": () => {
    const latest = worker(option("name")).deployments.at(-1);
    if (!latest) fail(`The Worker ${option("name")} has no deployments.`);
    print(latest);
  },
  "kv namespace": () => {
    if (args[2] === "list") return print(Object.entries(account.namespaces).map(([title, id]) => ({ id, title })));
    if (args[2] === "create" && account.namespaces[args[3]]) fail(`A KV namespace with the title "${args[3]}" already exists.`);
    if (args[2] === "create") account.namespaces[args[3]] = `id-of-${args[3]}`;
    if (args[2] === "delete") {
      for (const [title, id] of Object.entries(account.namespaces)) if (id === option("namespace-id")) delete account.namespaces[title];
    }
  },
  "r2 bucket": () => {
    const is = account.buckets.includes(args[3]);
    if (args[2] === "info") return is ? print({ name: args[3] }) : fail("The specified bucket does not exist. [code: 10006]");
    if (args[2] === "create" && is) fail("The bucket you tried to create already exists, and you own it. [code: 10004]");
    if (args[2] === "create") account.buckets.push(args[3]);
    if (args[2] === "delete" && account.full) fail("The bucket you tried to delete is not empty [code: 10008]");
    if (args[2] === "delete") account.buckets = account.buckets.filter((name) => name !== args[3]);
  },
  "r2 object": () => {
    const lies = path.join(folder, args[3].replaceAll("/", "-"));
    if (args[2] === "put") writeFileSync(lies, readFileSync(option("file")));
    else writeFileSync(option("file"), account.damaged ? "other" : readFileSync(lies));
  },
  rollback: () => {
    const found = worker(option("name"));
    if (!found.versions.some(({ id }) => id === args[1])) fail(`no version ${args[1]}`);
    serve(found, [{ percentage: 100, version_id: args[1] }]);
  },
  "secret bulk": () => {
    const found = (account.workers[option("name")] ??= structuredClone(fresh));
    const serving = found.deployments.at(-1);
    // `throwIfLatestVersionNotDeployed` of wrangler, by the platform's codes 10214 and 10215.
    if (serving && !serving.versions.some(({ version_id: id }) => id === found.versions.at(-1).id)) {
      fail("Secret edit failed. You attempted to modify a secret, but the latest version of your Worker isn't currently deployed.");
    }
    changeSecrets(found);
    if (serving) serve(found, [{ percentage: 100, version_id: newestAgain(found, { "workers/triggered_by": "secret" }) }]);
  },
  "secret list": () => {
    const found = account.workers[option("name")];
    if (!found) fail(`Worker "${option("name")}" not found.\n\nIf this is a new Worker, run \`wrangler deploy\` first to create it.`);
    print(Object.keys(found.secrets).map((name) => ({ name, type: "secret_text" })));
  },
  "triggers deploy": () => say(`Deployed triggers\n  ${triggers(config()).join("\n  ")}`),
  "versions deploy": () => {
    const shares = args.filter((word) => /@\d+%$/.test(word)).map((word) => word.slice(0, -1).split("@"));
    const found = worker(option("name"));
    if (shares.some(([id]) => !found.versions.some((version) => version.id === id))) fail("no such version");
    serve(found, shares.map(([id, share]) => ({ percentage: Number(share), version_id: id })));
  },
  "versions list": () => print(worker(option("name")).versions.slice(-10).map(({ resources, ...version }) => version)),
  "versions secret": () => {
    const found = worker(option("name"));
    changeSecrets(found);
    newestAgain(found, { "workers/message": option("message"), "workers/triggered_by": "secret" });
  },
  "versions upload": () => {
    const its = config();
    const found = worker(its.name);
    if (found.objects !== its.migrations?.at(-1)?.tag) fail("Version upload failed. You attempted to upload a version of a Worker that includes a Durable Object migration, but migrations must be fully applied by running `wrangler deploy`.");
    output({ type: "version-upload", version_id: upload(its) });
  },
  "versions view": () => print(worker(option("name")).versions.find(({ id }) => id === args[2]) ?? fail("no such version")),
  whoami: () => {
    if (!account.accounts) throw new Refusal(JSON.stringify({ loggedIn: false }));
    print({ accounts: account.accounts, loggedIn: true });
  },
};

/** Answers one call: the status that the program ends with, and what it says. */
function answer() {
  account = JSON.parse(readFileSync(file, "utf8"));
  said = "";
  let status = 0;
  const line = args.join(" ");
  account.calls.push([line.replaceAll(`${folder}/`, "").replace(/--config \S*\/([^/]*)\.jsonc/, "--config $1")]);
  const breaks = account.break && account.calls.at(-1)[0].startsWith(account.break.call);
  try {
    if (breaks && account.break.when === "before") fail("the network failed");
    (commands[args.slice(0, 2).join(" ")] ?? commands[args[0]] ?? (() => fail(`not known here: ${line}`)))();
    if (breaks) fail("the network failed");
  } catch (error) {
    status = 1;
    say(error instanceof Refusal ? error.message : error.stack);
  }
  writeFileSync(file, JSON.stringify(account));
  return `${status}\n${said}`;
}

const server = createServer((socket) => {
  let text = "";
  socket.setEncoding("utf8").on("data", (piece) => {
    text += piece;
    // The caller cannot close one side alone, so it says where its words end.
    if (!text.endsWith("\u0004")) return;
    const lines = text.slice(0, -1).split("\n");
    const count = Number(lines[0]);
    args = lines.slice(1, 1 + count);
    outputPath = lines[1 + count];
    input = lines.slice(2 + count).join("\n");
    socket.end(answer());
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
