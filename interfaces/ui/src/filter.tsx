import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { SelectField, TextField } from "./field.tsx";
import { query as asked, setQuery } from "./query.ts";

interface FilterProps {
  label: string;
  /** The member of the address's query that it sets. */
  name: string;
}

/** Sets one filter in the address. A list that is narrowed otherwise begins at its beginning. */
function useFilter(name: string): [string, (value: string) => void] {
  const { path, query, route } = useLocation();
  // The address as it is then, not as it was when this was rendered: several filters may change meanwhile.
  const set = (value: string) => {
    // What was typed just before another page was chosen must not lead back here.
    if (new URL(path, location.origin).pathname !== location.pathname) return;
    route(setQuery(path, asked(), { cursor: null, [name]: value }), true);
  };
  return [query[name] ?? "", set];
}

/** A filter with a choice; the first one is to filter by nothing. */
export function FilterSelect(
  props: FilterProps & { all?: string; options: readonly (string | readonly [string, string])[] },
) {
  const { all = "All", label, name, options } = props;
  const [value, set] = useFilter(name);
  return <SelectField label={label} options={[["", all], ...options]} value={value} onInput={set} />;
}

/** A filter that is typed. It holds when one stops typing, or at Enter. */
export function FilterText(
  props: FilterProps & {
    list?: string;
    placeholder?: string;
    type?: "datetime-local" | "search" | "text";
  },
) {
  const { label, name, ...native } = props;
  const [value, set] = useFilter(name);
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (typed: string) => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(typed.trim()), 400);
  };
  return <TextField {...native} label={label} value={text} onInput={type} />;
}
