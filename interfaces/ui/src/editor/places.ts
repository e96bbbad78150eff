import type { Text } from "@codemirror/state";
import type { SyntaxNode, Tree } from "@lezer/common";

/** A stretch of the text. */
export interface Span {
  from: number;
  to: number;
}

/** The name of a member, as JSON reads it. */
export function nameOf(text: Text, node: SyntaxNode): string {
  const raw = text.sliceString(node.from, node.to);
  try {
    return String(JSON.parse(raw));
  } catch {
    return raw.replaceAll('"', "");
  }
}

/** Members that are written, as name and node. */
export function members(object: SyntaxNode): SyntaxNode[] {
  return object.getChildren("Property");
}

/** The value of a member, if it has one yet. */
function writtenValue(property: SyntaxNode): SyntaxNode | null {
  const value = property.lastChild;
  return value && value.name !== "PropertyName" && !value.type.isError ? value : null;
}

/** Items of a list, without its brackets. */
export function items(array: SyntaxNode): SyntaxNode[] {
  const list: SyntaxNode[] = [];
  for (let node = array.firstChild; node; node = node.nextSibling) {
    if (node.name !== "[" && node.name !== "]" && node.name !== "," && !node.type.isError) list.push(node);
  }
  return list;
}

/**
 * Where a JSON Pointer leads: the name of the member that it ends at, or the item. Where it leads to nothing that is
 * written, such as a member that is missing, the nearest thing above it.
 */
export function spanOf(text: Text, tree: Tree, pointer: string): Span {
  let node: SyntaxNode | null = tree.topNode.firstChild;
  let span: Span = node ? { from: node.from, to: Math.min(node.from + 1, text.length) } : { from: 0, to: 0 };
  for (const step of pointer.split("/").slice(1).map(unescaped)) {
    if (node?.name === "Object") {
      const property = members(node).find((one) => one.firstChild && nameOf(text, one.firstChild) === step);
      if (!property?.firstChild) break;
      span = { from: property.firstChild.from, to: property.firstChild.to };
      node = writtenValue(property);
    } else if (node?.name === "Array") {
      const item: SyntaxNode | undefined = items(node)[Number(step)];
      if (!item) break;
      span = { from: item.from, to: Math.min(item.to, text.lineAt(item.from).to) };
      node = item;
    } else break;
  }
  return span;
}

/** The first place where the text is no JSON. */
export function firstBreak(text: Text, tree: Tree): Span {
  const cursor = tree.cursor();
  do {
    if (cursor.type.isError) {
      const from = Math.min(cursor.from, text.length);
      return { from, to: Math.min(Math.max(cursor.to, from + 1), text.length) };
    }
  } while (cursor.next());
  return { from: text.length, to: text.length };
}

/** The steps from the root to a node: names of members and places of items. */
export function pathTo(text: Text, node: SyntaxNode): string[] {
  const path: string[] = [];
  for (let at: SyntaxNode | null = node; at; at = at.parent) {
    if (at.name === "Property" && at.firstChild) path.unshift(nameOf(text, at.firstChild));
    else if (at.parent?.name === "Array") {
      const place = items(at.parent).findIndex((item) => item.from === at?.from);
      path.unshift(String(Math.max(place, 0)));
    }
  }
  return path;
}

function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}
