import type { FieldFault } from "@de/api";
import type { Config } from "../draft.ts";
import type { Provider, Row } from "../rows.ts";
import { Abilities } from "./abilities.tsx";
import { Basics } from "./basics.tsx";
import { Bounds } from "./bounds.tsx";
import { Breaker } from "./breaker.tsx";
import { Fallbacks } from "./fallbacks.tsx";
import { Life } from "./life.tsx";
import { Prices } from "./prices.tsx";

export interface FieldsProps {
  /** What the API says is wrong, by pointers into the config. */
  faults: readonly FieldFault[];
  isNew: boolean;
  models: readonly Row[];
  /** Opens what makes a provider. */
  onNewProvider: () => void;
  providers: readonly Provider[];
  set: (changes: Config) => void;
  config: Config;
}

/** All members of a model config but its mapping, as a form. */
export function Fields(props: FieldsProps) {
  return (
    <>
      <Basics {...props} />
      <Abilities {...props} />
      <Prices {...props} />
      <Bounds {...props} />
      <Fallbacks {...props} />
      <Breaker {...props} />
      <Life {...props} />
    </>
  );
}
