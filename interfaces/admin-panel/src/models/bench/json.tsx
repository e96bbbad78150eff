import type { FieldFault } from "@de/api";
import type { EditorProps, Member } from "@de/ui/editor";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

interface JsonProps {
  faults: readonly FieldFault[];
  label: string;
  onInput: (text: string) => void;
  readOnly?: boolean;
  schema: Member;
  value: string;
}

let loaded: ComponentType<EditorProps> | null = null;

/** The editor, loaded when one is first seen. */
export function Json(props: JsonProps) {
  const [Editor, setEditor] = useState<ComponentType<EditorProps> | null>(() => loaded);
  useEffect(() => {
    if (loaded) return;
    void import("@de/ui/editor").then((module) => {
      loaded = module.default;
      setEditor(() => loaded);
    });
  }, []);
  if (!Editor) return <div class="bone" role="status" aria-label="Loading the editor" />;
  return <Editor {...props} />;
}
