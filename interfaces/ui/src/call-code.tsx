import { instance } from "@de/api";
import { Code } from "./code.tsx";
import { useQuery } from "./query.ts";
import { type Call, KEY, LANGUAGES, type Language } from "./snippets.ts";
import { Tabs } from "./tabs.tsx";

/** One call in each language, to be copied. The language is kept in the address. */
export function CallCode({ call, write }: { call: Call; write: (call: Call, language: Language) => string }) {
  const [query, change] = useQuery();
  const language = LANGUAGES.find(([one]) => one === query.lang)?.[0] ?? "curl";
  return (
    <Tabs
      label="Languages"
      tabs={LANGUAGES}
      selected={language}
      onSelect={(one) => change({ lang: one === "curl" ? null : one })}
    >
      <Code label={`the call in ${language}`} text={write(call, language)} />
      <p class="quiet small">
        It reads a project's key from <code>{KEY}</code>. A person's key also needs the header{" "}
        <code>X-Instance-ID: {instance.value ?? "…"}</code>.
      </p>
    </Tabs>
  );
}
