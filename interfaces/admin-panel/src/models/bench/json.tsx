import type { FieldFault } from "@de/api";
import { later } from "@de/ui";
import type { Member } from "@de/ui/editor";
import type { FunctionComponent } from "preact";

interface JsonProps {
  faults: readonly FieldFault[];
  label: string;
  onInput: (text: string) => void;
  readOnly?: boolean;
  schema: Member;
  value: string;
}

/** The editor, loaded when one is first seen. */
export const Json: FunctionComponent<JsonProps> = later(
  () => import("@de/ui/editor"),
  () => <div class="bone" role="status" aria-label="Loading the editor" />,
);
