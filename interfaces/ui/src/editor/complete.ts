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
  const options = Object.entries(known)
    .filter(([name]) => !written.has(name))
    .map(([name, member]) => option(name, member, isNamed));
  return { filter: true, from, options, to, validFor: /^"?[\w$-]*$/ };
}

function option(name: string, member: Member, isNamed: boolean): Completion {
  const value = startOf(member).replace("#", "$" + "{}");
  const put = isNamed ? `"${name}"` : `"${name}": ${value}`;
  return {
    apply: snippet(put),
    displayLabel: name,
    ...(member.description === undefined ? {} : { info: member.description }),
    // The quote is part of what is typed, so it has to be part of what is compared.
    label: `"${name}"`,
    type: "property",
  };
}

function valuesAt(root: Member, context: CompletionContext, node: SyntaxNode, { from, to }: Place) {
  const text = context.state.doc;
  const list = container(node)?.name === "Array" ? container(node) : null;
  const path = list ? [...pathTo(text, list), "0"] : pathTo(text, node);
  const values = memberAt(root, path)?.values ?? [];
  if (values.length === 0) return null;
  const options = values.map((value) => ({ label: JSON.stringify(value), type: "constant" }));
  return { from, options, to, validFor: /^"?[\w$-]*$/ };
}
