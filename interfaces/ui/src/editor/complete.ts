import {
  type Completion,
  type CompletionContext,
  type CompletionSource,
  snippet,
} from "@codemirror/autocomplete";
import { syntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";
import type { SyntaxNode } from "@lezer/common";
import { members, nameOf, pathTo } from "./places.ts";
import { type Member, memberAt, startOf } from "./schema.ts";

/** Completes the names of members that are known and not written yet, and the words that a value may be. */
export function completions(schema: () => Member | undefined): CompletionSource {
  return (context) => {
    const root = schema();
    if (!root) return null;
    const { pos, state } = context;
    const node = syntaxTree(state).resolveInner(pos, -1);
    const typed = context.matchBefore(/"?[\w$-]*/);
    if (!typed || (typed.from === typed.to && !context.explicit)) return null;
    const place = { from: typed.from, to: closing(state, typed.text, pos) };
    return wantsValue(state, node, typed.from)
      ? valuesAt(root, context, node, place)
      : namesAt(root, context, node, place);
  };
}

interface Place {
  from: number;
  to: number;
}

/** A name that is completed inside its quotes takes the closing one with it. */
function closing(state: EditorState, typed: string, pos: number): number {
  return typed.startsWith('"') && state.sliceDoc(pos, pos + 1) === '"' ? pos + 1 : pos;
}

function wantsValue(state: EditorState, node: SyntaxNode, from: number): boolean {
  const before = state.sliceDoc(0, from).trimEnd().at(-1);
  return before === ":" || container(node)?.name === "Array";
}

/** The object or list that the cursor stands in. */
function container(node: SyntaxNode): SyntaxNode | null {
  let at: SyntaxNode | null = node;
  while (at && at.name !== "Object" && at.name !== "Array") at = at.parent;
  return at;
}

function namesAt(root: Member, context: CompletionContext, node: SyntaxNode, { from, to }: Place) {
  const object = container(node);
  if (object?.name !== "Object") return null;
  const text = context.state.doc;
  const known = memberAt(root, pathTo(text, object))?.members ?? {};
  const written = new Set(
    members(object)
      .filter((one) => one.firstChild && !(one.from <= context.pos && context.pos <= one.firstChild.to))
      .map((one) => one.firstChild && nameOf(text, one.firstChild)),
  );
  const isNamed = /^\s*:/.test(context.state.sliceDoc(to, to + 20));
  const names = Object.keys(known).filter((name) => !written.has(name));
  const options = fitting(names, context, from).map((name) => option(name, known[name] ?? {}, isNamed));
  return { filter: false, from, options, to };
}

function option(name: string, member: Member, isNamed: boolean): Completion {
  const value = startOf(member).replace("#", "$" + "{}");
  const put = isNamed ? `"${name}"` : `"${name}": ${value}`;
  return {
    apply: snippet(put),
    ...(member.description === undefined ? {} : { info: member.description }),
    label: name,
    type: "property",
  };
}

function valuesAt(root: Member, context: CompletionContext, node: SyntaxNode, { from, to }: Place) {
  const text = context.state.doc;
  const list = container(node)?.name === "Array" ? container(node) : null;
  const path = list ? [...pathTo(text, list), "0"] : pathTo(text, node);
  const values = memberAt(root, path)?.values ?? [];
  if (values.length === 0) return null;
  const words = fitting(values.map(String), context, from);
  const options = values
    .filter((value) => words.includes(String(value)))
    .map((value) => ({ apply: JSON.stringify(value), label: String(value), type: "constant" }));
  return { filter: false, from, options, to };
}

/**
 * The words that what is typed may become: those that begin so, then those that have it in them. Done here, since
 * quotes are part of what is replaced and not of what is looked for.
 */
function fitting(words: readonly string[], context: CompletionContext, from: number): string[] {
  const typed = context.state.sliceDoc(from, context.pos).replaceAll('"', "").toLowerCase();
  const begins = words.filter((word) => word.toLowerCase().startsWith(typed));
  const holds = words.filter((word) => !begins.includes(word) && word.toLowerCase().includes(typed));
  return [...begins, ...holds];
}
