/** The same call of the API in the languages that people write. The key is never in them: only where it is read. */

export type Language = "curl" | "python" | "rust" | "typescript";

export const LANGUAGES: readonly (readonly [Language, string])[] = [
  ["curl", "curl"],
  ["python", "Python"],
  ["typescript", "TypeScript"],
  ["rust", "Rust"],
];

/** A call as it was sent, or would be. */
export interface Call {
  /** The API's origin. */
  base: string;
  body: Record<string, unknown>;
  /** Beside the key and the type of the body. */
  headers?: Record<string, string>;
  path: string;
}

/** The variable of the environment that holds the key. */
export const KEY = "DE_API_KEY";

/** A call of OpenAI's chat protocol: by its SDK where there is one. */
export function chatSnippet(call: Call, language: Language): string {
  const { base, body, headers = {} } = call;
  const isStream = body.stream === true;
  const named = Object.keys(headers).length > 0;
  switch (language) {
    case "curl":
      return curl(call, isStream);
    case "python": {
      const told = Object.entries(body).filter(([, value]) => value !== undefined);
      const members = told.map(([name, value]) => `    ${name}=${python(value, 4)},`);
      if (named) members.push(`    extra_headers=${python(headers, 4)},`);
      return `import os

from openai import OpenAI

client = OpenAI(base_url=${python(`${base}/v1`, 0)}, api_key=os.environ["${KEY}"])

${isStream ? "stream" : "answer"} = client.chat.completions.create(
${members.join("\n")}
)
${isStream ? PYTHON_STREAM : "print(answer.choices[0].message.content)"}
`;
    }
    case "rust":
      return rust(call, isStream);
    case "typescript": {
      const options = named ? `, { headers: ${typescript(headers, 0)} }` : "";
      return `import OpenAI from "openai";

const client = new OpenAI({ apiKey: process.env.${KEY}, baseURL: ${JSON.stringify(`${base}/v1`)} });

const ${isStream ? "stream" : "answer"} = await client.chat.completions.create(${typescript(body, 0)}${options});
${isStream ? TYPESCRIPT_STREAM : "console.log(answer.choices[0]?.message.content);"}
`;
    }
  }
}

/** A call of our own protocol, which has no SDK: by each language's usual client. */
export function plainSnippet(call: Call, language: Language): string {
  const { base, body, headers = {}, path } = call;
  switch (language) {
    case "curl":
      return curl(call, false);
    case "python": {
      const more = Object.entries(headers).map(
        ([name, value]) => `        ${python(name, 8)}: ${python(value, 8)},`,
      );
      return `import os

import requests

answer = requests.post(
    ${python(base + path, 4)},
    headers={
        "Authorization": f"Bearer {os.environ['${KEY}']}",
${more.map((line) => `${line}\n`).join("")}    },
    json=${python(body, 4)},
    timeout=600,
)
answer.raise_for_status()
print(answer.json())
`;
    }
    case "rust":
      return rust(call, false);
    case "typescript": {
      const more = Object.entries(headers).map(
        ([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`,
      );
      return `const answer = await fetch(${JSON.stringify(base + path)}, {
  method: "POST",
  headers: {
    Authorization: \`Bearer \${process.env.${KEY}}\`,
    "Content-Type": "application/json",
${more.map((line) => `${line}\n`).join("")}  },
  body: JSON.stringify(${typescript(body, 2)}),
});
if (!answer.ok) throw new Error(\`\${answer.status}: \${await answer.text()}\`);
console.log(await answer.json());
`;
    }
  }
}

const PYTHON_STREAM = `for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)`;

const TYPESCRIPT_STREAM = `for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}`;

function curl({ base, body, headers = {}, path }: Call, isStream: boolean): string {
  const more = Object.entries(headers).map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)} \\\n`);
  return `curl ${isStream ? "-N " : ""}${quoted(base + path)} \\
  -H "Authorization: Bearer $${KEY}" \\
  -H 'Content-Type: application/json' \\
${more.join("")}  -d ${quoted(JSON.stringify(body, null, 2))}
`;
}

/** A text that a shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function rust({ base, body, headers = {}, path }: Call, isStream: boolean): string {
  const more = Object.entries(headers).map(
    ([name, value]) => `        .header(${raw(name)}, ${raw(value)})\n`,
  );
  const rest = isStream
    ? `    // Server-sent events, as they come.
    while let Some(piece) = answer.chunk().await? {
        std::io::stdout().write_all(&piece)?;
    }`
    : `    println!("{}", answer.text().await?);`;
  return `// [dependencies]
// reqwest = "0.12"
// tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
${isStream ? "use std::io::Write;\n\n" : ""}#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let body = ${raw(JSON.stringify(body, null, 2))};
    let ${isStream ? "mut " : ""}answer = reqwest::Client::new()
        .post(${raw(base + path)})
        .bearer_auth(std::env::var("${KEY}")?)
        .header("content-type", "application/json")
${more.join("")}        .body(body)
        .send()
        .await?
        .error_for_status()?;
${rest}
    Ok(())
}
`;
}

/** A text as Rust has it: raw, with as many hashes as it needs. */
function raw(text: string): string {
  if (!/["\\\n]/.test(text)) return `"${text}"`;
  const longest = Math.max(0, ...[...text.matchAll(/"(#*)/g)].map(([, hashes = ""]) => hashes.length + 1));
  const hashes = "#".repeat(longest);
  return `r${hashes}"${text}"${hashes}`;
}

function python(value: unknown, indent: number): string {
  return literal(value, indent, 4, {
    leaf: (one) => ({ false: "False", null: "None", true: "True" })[String(one)] ?? String(one),
    name: (name) => JSON.stringify(name),
  });
}

function typescript(value: unknown, indent: number): string {
  return literal(value, indent, 2, {
    leaf: String,
    name: (name) => (/^[a-z_$][\w$]*$/i.test(name) ? name : JSON.stringify(name)),
  });
}

interface Words {
  /** A number, a boolean or nothing. */
  leaf: (value: unknown) => string;
  name: (name: string) => string;
}

/** A value as a language writes it: in one line where that is short. Texts are JSON's, which both languages read. */
function literal(value: unknown, indent: number, step: number, words: Words): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return words.leaf(value);
  const isList = Array.isArray(value);
  const inner = indent + step;
  const items = isList
    ? value.map((item) => literal(item, inner, step, words))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]) => `${words.name(name)}: ${literal(item, inner, step, words)}`);
  const [open, close] = isList ? "[]" : "{}";
  const space = isList || step === 4 ? "" : " ";
  const line = items.length === 0 ? `${open}${close}` : `${open}${space}${items.join(", ")}${space}${close}`;
  if (line.length + indent <= 88 && !line.includes("\n")) return line;
  const pad = " ".repeat(inner);
  return `${open}\n${items.map((item) => `${pad}${item},\n`).join("")}${" ".repeat(indent)}${close}`;
}
