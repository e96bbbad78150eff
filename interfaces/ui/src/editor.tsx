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
import { EditorState } from "@codemirror/state";
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
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const made = make(element.shadowRoot ?? element.attachShadow({ mode: "open" }), () => latest.current);
    view.current = made;
    return () => made.destroy();
  }, []);
  const { faults, label, value } = props;
  // What comes from outside replaces the text; what was typed here comes back as it is.
  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, insert: value, to: editor.state.doc.length } });
  }, [value]);
  useEffect(() => {
    if (view.current) check(view.current, faults ?? []);
  }, [faults, value]);
  return <div ref={host} class="editor" data-editor={label} />;
}

function make(parent: ShadowRoot, props: () => EditorProps): EditorView {
  const { label, readOnly, value } = props();
  const changed = EditorView.updateListener.of(({ docChanged, state }) => {
    if (docChanged && state.doc.toString() !== props().value) props().onInput?.(state.doc.toString());
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
    look,
  ];
  return new EditorView({ parent, root: parent, state: EditorState.create({ doc: value, extensions }) });
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
