/** One member that a change is about: its path, and its value before and after; absent where there was none. */
export interface Member {
  after: string | undefined;
  before: string | undefined;
  path: string;
}

/** What differs between two states of a row, and what stayed. Objects are taken apart, lists compared whole. */
export function membersOf(before: unknown, after: unknown): { changed: Member[]; stayed: Member[] } {
  const [old, young] = [flat(before), flat(after)];
  const paths = [...new Set([...old.keys(), ...young.keys()])].sort();
  const all = paths.map((path) => ({ after: young.get(path), before: old.get(path), path }));
  return {
    changed: all.filter((member) => member.before !== member.after),
    stayed: all.filter((member) => member.before === member.after),
  };
}

function flat(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  if (!isObject) {
    if (path !== "" || (value !== null && value !== undefined)) into.set(path || "value", told(value));
    return into;
  }
  const entries = Object.entries(value);
  if (entries.length === 0 && path !== "") into.set(path, "{}");
  for (const [name, inner] of entries) flat(inner, path === "" ? name : `${path}.${name}`, into);
  return into;
}

function told(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
