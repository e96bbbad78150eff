// Runs the bare worker in a workerd of its own, with the versions and settings that the gateway runs with.
//
// Arguments: the folder of wrangler's modules, and the vendor's address. Standard output carries one JSON line,
// {"url", "pid", "workerd"}: where it listens, whose processor time to count, which version it is.
// It ends when its standard input does, since then whoever measures has ended too.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [wrangler, vendor] = process.argv.slice(2);
const modules = createRequire(path.join(wrangler, "package.json"));
const { Log, LogLevel, Miniflare, convertV4MiniflareOptions } = await import(
  pathToFileURL(modules.resolve("miniflare")).href
);
const HOST = "127.0.0.1";

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    cf: false,
    host: HOST,
    log: new Log(LogLevel.ERROR),
    port: 0,
    telemetry: { enabled: false },
    workers: [
      {
        bindings: { KEY: "bare", VENDOR: vendor },
        compatibilityDate: "2026-11-01",
        compatibilityFlags: ["enable_request_signal"],
        modules: [{ type: "ESModule", path: path.join(import.meta.dirname, "worker.mjs") }],
        modulesRoot: import.meta.dirname,
        name: "bare",
        unsafeDirectSockets: [{ host: HOST, port: 0 }],
      },
    ],
  }),
);
await miniflare.ready;
const url = (await miniflare.unsafeGetDirectURL("bare")).origin;
const { version } = JSON.parse(readFileSync(modules.resolve("workerd/package.json"), "utf8"));
process.stdout.write(`${JSON.stringify({ url, pid: child("workerd"), workerd: version })}\n`);

process.stdin.on("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});
process.stdin.resume();

/** The number of our child of this name; null where the system has no /proc. */
function child(name) {
  try {
    for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
      const stat = statOf(pid);
      if (stat?.name === name && stat.parent === process.pid) return Number(pid);
    }
  } catch {
    // Another system.
  }
  return null;
}

function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = text.lastIndexOf(")");
    return { name: text.slice(text.indexOf("(") + 1, end), parent: Number(text.slice(end + 2).split(" ")[1]) };
  } catch {
    // It ended while we looked.
    return undefined;
  }
}
