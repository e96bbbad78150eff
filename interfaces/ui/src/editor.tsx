import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import {
  bracketMatching,
  ensureSyntaxTree,
  foldGutter,
  foldKeymap,
  indentOnInput,
} from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, nextDiagnostic, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Annotation, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import type { FieldFault } from "@de/api";
import { useEffect, useRef } from "preact/hooks";
import { completions } from "./editor/complete.ts";
import { look } from "./editor/look.ts";
import { firstBreak, spanOf } from "./editor/places.ts";
import type { Member } from "./editor/schema.ts";

export type { Member } from "./editor/schema.ts";

/** Marks a change that was not made in the editor. */
const outside = Annotation.define<true>();

export interface EditorProps {
  /** What the API says is wrong, by pointers into this text. */
  faults?: readonly FieldFault[];
  /** What is edited, for who hears the page. */
  label: string;
  onInput?: (text: string) => void;
  readOnly?: boolean;
  /** What may stand where, for completion. */
  schema?: Member;
  value: string;
}

/**
 * An editor for JSON: completion, errors at their line. Escape and then Tab leave it by the keyboard; F8 goes to the
 * next error. It lives in a shadow of its own, where styles are made without an element that the page's policy forbids.
 */
export default function Editor(props: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  // What was typed and has not come back as the value yet: it comes later than more is typed.
  const told = useRef(new Set<string>());
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const tell = (text: string) => {
      told.current.add(text);
      latest.current.onInput?.(text);
    };
    const made = make(
      element.shadowRoot ?? element.attachShadow({ mode: "open" }),
      () => latest.current,
      tell,
    );
    view.current = made;
    return () => made.destroy();
  }, []);
  const { faults, label, value } = props;
  // What comes from outside replaces the text; what was typed here only comes back.
  useEffect(() => {
    const editor = view.current;
    if (editor?.state.doc.toString() === value) told.current.clear();
    if (!editor || editor.state.doc.toString() === value || told.current.has(value)) return;
    const changes = { from: 0, insert: value, to: editor.state.doc.length };
    editor.dispatch({ annotations: outside.of(true), changes });
  }, [value]);
  useEffect(() => {
    if (view.current) check(view.current, faults ?? []);
  }, [faults, value]);
  return <div ref={host} class="editor" data-editor={label} />;
}

function make(parent: ShadowRoot, props: () => EditorProps, tell: (text: string) => void): EditorView {
  const { label, readOnly, value } = props();
  const changed = EditorView.updateListener.of(({ docChanged, state, transactions }) => {
    if (docChanged && !transactions.some((one) => one.annotation(outside))) tell(state.doc.toString());
  });
  const extensions = [
    lineNumbers(),
    foldGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    lintGutter(),
    json(),
    autocompletion({ icons: false, override: [completions(() => props().schema)] }),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": label }),
    EditorState.readOnly.of(readOnly ?? false),
    keymap.of([
      { key: "F8", run: nextDiagnostic },
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
    changed,
    EditorView.domEventHandlers({ beforeinput: typeOver }),
    look,
  ];
  return new EditorView({ parent, root: parent, state: EditorState.create({ doc: value, extensions }) });
}

/**
 * Replaces a selection by what is typed. Left to itself the browser keeps the styles of what goes as attributes, which
 * the page's policy forbids.
 */
function typeOver(event: InputEvent, view: EditorView): boolean {
  const { data, inputType } = event;
  const { from, to } = view.state.selection.main;
  if (inputType !== "insertText" || data === null || view.composing || from === to) return false;
  const insert = () => view.state.update(view.state.replaceSelection(data), { userEvent: "input.type" });
  const isHandled = view.state
    .facet(EditorView.inputHandler)
    .some((handler) => handler(view, from, to, data, insert));
  if (!isHandled) view.dispatch(insert());
  event.preventDefault();
  return true;
}

/** Marks where the text is no JSON; where it is, what the API says of it. */
function check(view: EditorView, faults: readonly FieldFault[]): void {
  const { state } = view;
  const tree = ensureSyntaxTree(state, state.doc.length, 200);
  if (!tree) return;
  const broken = syntaxFault(state.doc.toString());
  const diagnostics: Diagnostic[] = broken
    ? [{ ...firstBreak(state.doc, tree), message: broken, severity: "error" }]
    : faults.map(({ pointer, reason }) => ({
        ...spanOf(state.doc, tree, pointer),
        message: reason,
        severity: "error",
      }));
  view.dispatch(setDiagnostics(state, diagnostics));
}

/** Why a text is no JSON, without the place, which the editor shows. */
function syntaxFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return message.replace(/(,? \.\.\..*)? (is not valid JSON|in JSON at position.*)$/s, "").trim();
  }
}
