// The half of the run that Python does.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The Python with the locked SDKs, if this machine has one; `cargo xtask test` says where it is. */
export const python = process.env.DE_CLIENTS_PYTHON || undefined;

/** Runs a script of `python/` with a value as its input, and gives what it wrote. */
export async function ask(script, input) {
  const file = fileURLToPath(new URL(`../python/${script}`, import.meta.url));
  const child = spawn(python, [file], { stdio: ["pipe", "pipe", "inherit"] });
  const pieces = [];
  child.stdout.on("data", (piece) => pieces.push(piece));
  child.stdin.end(JSON.stringify(input));
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}
