// Says what each page loads at first, and fails where that is more than it may be. The browser suite holds the same
// against what a browser really loads (frame.spec.ts).
//
//   node build/budget.ts admin-panel monitoring
import { readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = 30_000;
/**
 * What a page's landing shows besides what is loaded with the page itself. Charts are not among it: they come after
 * the page, as the editor does.
 */
const LANDING: Record<string, string[]> = {
  "admin-panel": [],
  "image-testing": [],
  monitoring: [],
  "text-testing": ["src/settings.tsx"],
};
const PAGES = process.argv.slice(2);

interface Chunk {
  file: string;
  imports?: string[];
  isEntry?: boolean;
}

if (PAGES.length === 0) throw new Error("say which pages");
let failed = false;
for (const page of PAGES) {
  const dist = path.join(import.meta.dirname, "..", page, "dist");
  const manifest: Record<string, Chunk> = JSON.parse(readFileSync(path.join(dist, "manifest.json"), "utf8"));
  const first = new Set<string>();
  const add = (chunk: Chunk | undefined) => {
    if (!chunk || first.has(chunk.file)) return;
    first.add(chunk.file);
    for (const name of chunk.imports ?? []) add(manifest[name]);
  };
  for (const chunk of Object.values(manifest)) if (chunk.isEntry) add(chunk);
  for (const part of LANDING[page] ?? []) {
    if (!manifest[part]) throw new Error(`${page} has no ${part} that is loaded by itself`);
    add(manifest[part]);
  }
  const bytes = [...first]
    .filter((file) => file.endsWith(".js"))
    .reduce((sum, file) => sum + gzipSync(readFileSync(path.join(dist, file)), { level: 9 }).length, 0);
  const over = bytes > BUDGET;
  failed ||= over;
  console.log(
    `${page.padEnd(14)} ${(bytes / 1000).toFixed(1).padStart(6)} kB of JavaScript at first load${over ? `, more than ${BUDGET / 1000}` : ""}`,
  );
}
process.exit(failed ? 1 : 0);
