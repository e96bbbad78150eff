import type { Schema } from "@de/api";
import { CheckField } from "@de/ui";

type Scope = Schema<"Scope">;

/** What each scope is for. `admin` is for keys of people alone. */
export const SCOPES: readonly (readonly [Scope, string])[] = [
  ["text", "chat, messages, responses, vectors"],
  ["image", "pictures"],
  ["audio", "speech, transcriptions"],
  ["stock", "searches for stock media"],
  ["render", "films"],
  ["read", "looks: usage, requests, models"],
  ["admin", "changes what the person may change"],
  // mark: scopes. `cargo xtask new-worker` writes above this line.
];

interface ScopesFieldProps {
  fault: string | undefined;
  isPersons: boolean;
  onInput: (scopes: Scope[]) => void;
  value: readonly Scope[];
}

/** What a key is for: one at least. */
export function ScopesField({ fault, isPersons, onInput, value }: ScopesFieldProps) {
  const offered = SCOPES.filter(([scope]) => isPersons || scope !== "admin");
  return (
    <fieldset>
      <legend>Scopes</legend>
      <div class="choices">
        {offered.map(([scope, help]) => (
          <CheckField
            key={scope}
            label={scope}
            help={help}
            name="scopes"
            checked={value.includes(scope)}
            onInput={(on) => onInput(on ? [...value, scope] : value.filter((one) => one !== scope))}
          />
        ))}
      </div>
      {fault && <span class="field-fault">{fault}</span>}
    </fieldset>
  );
}
