import shape from "shape:NewModelConfig";
import type { FieldFault } from "@de/api";
import type { Saved } from "./rows.ts";

/** A model config as it is edited: what is not JSON yet is kept beside it, see `bench.tsx`. */
export type Config = Record<string, unknown>;

/** What a row knows and a config does not say. */
const OF_THE_ROW = new Set(["created_at", "organization_id", "updated_at", "version"]);
const ORDER = Object.keys(shape);

/** The part of a row that is edited, in the order in which the API describes it. */
export function configOf(row: Saved | Config): Config {
  const entries = Object.entries(row).filter(([name]) => !OF_THE_ROW.has(name));
  return ordered(Object.fromEntries(entries));
}

function ordered(config: Config): Config {
  const place = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return Object.fromEntries(Object.entries(config).toSorted(([a], [b]) => place(a) - place(b)));
}

/** A config with some members changed; what becomes undefined goes. */
export function changed(config: Config, changes: Config): Config {
  const entries = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== undefined);
  return ordered(Object.fromEntries(entries));
}

/** An object of a config with one member changed; undefined once nothing is in it. */
export function changedIn(value: unknown, name: string, member: unknown): Config | undefined {
  const inside = changed(isConfig(value) ? value : {}, { [name]: member });
  return Object.keys(inside).length === 0 ? undefined : inside;
}

export function isConfig(value: unknown): value is Config {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** An object of a config; empty where it has none. */
export function part(config: Config, name: string): Config {
  const value = config[name];
  return isConfig(value) ? value : {};
}

/** A text of a config; empty where it has none. */
export function text(config: Config, name: string): string {
  const value = config[name];
  return typeof value === "string" ? value : "";
}

/** Whether two values say the same, whatever the order of their members. */
export function isSame(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isConfig(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** What has to be sent so that one config becomes another: what is gone is null. */
export function changesOf(before: Config, after: Config): Config {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changes: Config = {};
  for (const name of names) {
    if (isSame(before[name], after[name])) continue;
    // Of a circuit breaker null means "never"; its usual values come back by an empty one.
    changes[name] = after[name] ?? (name === "circuit_breaker" && !(name in after) ? {} : null);
  }
  return changes;
}

/** What is said of one place, and of what lies in it only where `deep`. */
export function faultAt(faults: readonly FieldFault[], pointer: string, deep = false): string | undefined {
  const found = faults.filter(
    (fault) => fault.pointer === pointer || (deep && fault.pointer.startsWith(`${pointer}/`)),
  );
  return found.length === 0 ? undefined : found.map(({ reason }) => reason).join("; ");
}

/** The faults below a pointer, with pointers from there on. */
export function faultsBelow(faults: readonly FieldFault[], pointer: string): FieldFault[] {
  return faults
    .filter((fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`))
    .map((fault) => ({ ...fault, pointer: fault.pointer.slice(pointer.length) }));
}

export function written(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
