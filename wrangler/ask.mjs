// Asks what is deployed over HTTPS, for `cargo xtask deploy` and its like: questions by standard input, since their
// headers may hold keys, and answers to standard output. Given hosts, it says which of them resolve. All forms are in
// crates/xtask/src/deploy/web.rs.
import { lookup } from "node:dns/promises";
import { text } from "node:stream/consumers";

/** How long an answer may take. */
const PATIENCE_MS = 15_000;
/** The most characters of a body that are handed on. */
const CAP = 65_536;

const { hosts, questions, through } = JSON.parse(await text(process.stdin));

async function ask({ headers, method, url }) {
  const meant = new URL(url);
  const asked = through ? new URL(meant.pathname + meant.search, through) : meant;
  if (through) headers["x-de-meant-host"] = meant.host;
  try {
    // A redirect is an answer: what is deployed has none, so it is somebody else's.
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(asked, { headers, method, redirect: "manual", signal });
    const body = await answer.text();
    return { body: body.slice(0, CAP), headers: Object.fromEntries(answer.headers), status: answer.status };
  } catch (error) {
    return { error: `${error.message}${error.cause ? `: ${error.cause.code ?? error.cause.message}` : ""}` };
  }
}

/** Whether there is such a host. What could not be found out is no answer, and ends this with an error. */
async function resolves(host) {
  try {
    return (await lookup(host)).address.length > 0;
  } catch (error) {
    if (["ENODATA", "ENOTFOUND"].includes(error.code)) return false;
    throw error;
  }
}

async function resolving() {
  const found = await Promise.all(hosts.map(resolves));
  return hosts.filter((_host, index) => found[index]);
}

process.stdout.write(JSON.stringify(await (hosts ? resolving() : Promise.all(questions.map(ask)))));
