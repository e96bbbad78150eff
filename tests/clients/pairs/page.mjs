// `docs/compatibility.md`, written from what the run saw.
import { isRelayed, limitOf, relayOf, table } from "./plan.mjs";

const HEAD = `# What reaches which vendor

Written by \`cargo xtask test\` from what it saw, and checked by \`cargo xtask ci\`: each cell was asked by the official SDKs against the simulated vendors.
Rows and reasons are in \`tests/clients/table\`; whoever changes what a pair can carry changes them there.

| Word | Meaning |
| --- | --- |
| as it is | caller and vendor speak the same protocol: the body goes on as it came, but for the model's name |
| yes | it is carried into the vendor's protocol, and the answer back |
| hint | it has no effect there: the vendor does so anyway, or has nothing that it could change. It is left out, and named in \`x-de-dropped\` |
| setting | 400 that names it; with \`x-de-on-unsupported: drop\` (or the model's \`on_unsupported\`) it is left out, and named in \`x-de-dropped\` |
| refused | 400 that names it, always: the answer would be to another question |
| unsaid | it is left out without a word |
| otherwise | it is carried, and the answer has another form: the note says which |
| not yet | not built |

`;

const WORDS = {
  dropped: "hint",
  otherwise: "otherwise",
  refused: "refused",
  setting: "setting",
  unsaid: "unsaid",
};

/** What a pair does with a scenario, and a note's text where there is one to add. */
function entry(scenario, client, vendor, mode) {
  if (!vendor.built) return { word: "not yet" };
  const limit = limitOf(scenario, client, vendor, mode);
  if (limit) {
    const fields = (limit.fields ?? []).map((field) => `\`${field}\``);
    return { word: WORDS[limit.how], note: `${fields.length > 0 ? `${fields.join(", ")}: ` : ""}${limit.reason}` };
  }
  const note = relayOf(scenario, client, vendor)?.note;
  return { word: isRelayed(client, vendor) ? "as it is" : "yes", note };
}

/** The whole page; `version` tells that of a client's SDK. */
export function page(version) {
  const parts = [HEAD, always()];
  for (const protocol of table.protocols) {
    const clients = table.clients.filter((client) => client.protocol === protocol.id);
    const language = (client) => (client.language === "node" ? "Node" : "Python");
    const sdks = clients.filter((client) => client.sdk);
    const names = sdks.map((client) => `\`${client.sdk}\` ${version(client)} (${language(client)})`);
    parts.push(`## Clients of ${protocol.title}: \`${protocol.route}\`\n\n`);
    parts.push(names.length > 0 ? `Asked by ${names.join(", ")}.\n\n` : "It has no SDK: any client of HTTP will do.\n\n");
    parts.push(protocol.built ? section(clients) : "This route is not built yet.\n\n");
  }
  return `${parts.join("").trimEnd()}\n`;
}

/** What holds for every pair, and where it does not. */
function always() {
  const rows = new Map();
  for (const scenario of table.scenarios.filter((scenario) => scenario.of_all)) {
    const notes = rows.get(scenario.row) ?? [];
    const limits = table.limits.filter((limit) => [limit.scenario].flat().includes(scenario.id));
    rows.set(scenario.row, [...notes, ...limits.map((limit) => limit.reason)]);
  }
  const lines = [...rows].map(([row, notes]) => `- ${row}${notes.length > 0 ? ` But ${notes.join("; ")}.` : ""}`);
  return `## Every pair\n\n${lines.join("\n")}\n\n`;
}

function section(clients) {
  const notes = [];
  const noted = ({ word, note }) => {
    if (!note) return word;
    if (!notes.includes(note)) notes.push(note);
    return `${word} (${notes.indexOf(note) + 1})`;
  };
  // The protocol's own SDK stands for it; one that writes requests in another way has its own rows of limits.
  const client = clients.find((client) => client.adapter !== "ai");
  const rows = new Map();
  const unasked = new Set();
  for (const scenario of table.scenarios.filter((scenario) => !scenario.of_all)) {
    if (!scenario.ask[client.adapter]) {
      unasked.add(scenario.row);
      continue;
    }
    const cells = table.vendors.map((vendor) => {
      const [first, second = first] = scenario.modes.map((mode) => noted(entry(scenario, client, vendor, mode)));
      return first === second ? first : `${first}, streamed ${second}`;
    });
    const known = rows.get(scenario.row) ?? cells;
    rows.set(scenario.row, known.map((word, index) => (word === cells[index] ? word : `${word}, ${cells[index]}`)));
  }
  const titles = table.vendors.map((vendor) => vendor.title);
  const lines = [`| | ${titles.join(" | ")} |`, `| --- |${" --- |".repeat(titles.length)}`];
  for (const [row, cells] of rows) lines.push(`| ${row} | ${cells.join(" | ")} |`);
  const without = [...unasked].filter((row) => !rows.has(row));
  const parts = [lines.join("\n")];
  if (notes.length > 0) parts.push(notes.map((note, index) => `${index + 1}. ${note}`).join("\n"));
  if (without.length > 0) parts.push(`Not asked in this protocol, in most cases since it has no words for it: ${without.join("; ")}.`);
  return `${parts.join("\n\n")}\n\n`;
}
