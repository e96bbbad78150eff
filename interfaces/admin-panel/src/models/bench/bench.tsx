import { Button, Fault, Note, Tabs, toast, useQuery } from "@de/ui";
import { useMemo, useRef, useState } from "preact/hooks";
import { NewProvider } from "../../providers/new-provider.tsx";
import { type Config, changed, configOf, isSame, text } from "../draft.ts";
import { Fields } from "../fields/fields.tsx";
import { useLeaving } from "../leave.ts";
import { ownerOf, type Saved, useModels, useProviders } from "../rows.ts";
import { firstInput, InputFields, inputOf, optionsOf } from "./input.tsx";
import { Overtaken } from "./overtaken.tsx";
import { Preview } from "./preview.tsx";
import { create, isOvertaken, isSavedAnyway, newest, refusedFields, update } from "./save.ts";
import { Test } from "./test.tsx";
import { broken, type Draft, MappingText, WholeText } from "./texts.tsx";
import { configFaults, usePreview } from "./use-preview.ts";

interface BenchProps {
  /** What is edited: the saved model, or what a new one begins with. */
  begin: Config;
  /** Whether the person may save. */
  isMine: boolean;
  /** A model was saved; it is done, or goes on being edited here. */
  onSaved: (row: Saved, isDone: boolean) => void;
  row: Saved | null;
}

const VIEWS = [
  ["fields", "Fields"],
  ["mapping", "Mapping"],
  ["json", "JSON"],
] as const;

const SIDES = [
  ["preview", "Preview"],
  ["test", "Test"],
] as const;

/** Where a model is worked on: its fields and texts, and beside them what it would send and what comes of it. */
export function Bench({ begin, isMine, onSaved, row }: BenchProps) {
  const [query, change] = useQuery();
  const [draft, setDraft] = useState<Draft>({ config: begin });
  const [input, setInput] = useState(() => firstInput(begin));
  const [refused, setRefused] = useState<{ config: Config; thrown: unknown } | null>(null);
  const [theirs, setTheirs] = useState<Saved | null>(null);
  const [isMaking, setMaking] = useState(false);
  const key = useRef(crypto.randomUUID());
  const providers = useProviders();
  const models = useModels();
  const { config } = draft;
  const saved = useMemo(() => row && configOf(row), [row]);
  const isDirty = saved ? !isSame(saved, config) : !isSame(begin, config);
  const blocked = broken(draft);
  const leaving = useLeaving(isMine && (isDirty || blocked !== null));
  const read = inputOf(input, config.protocol);
  const asked = "input" in read ? read.input : null;
  const preview = usePreview(
    blocked === null && asked ? { config, input: asked, owner: row ? ownerOf(row) : {}, saved } : null,
  );
  // What a save was refused for counts until something is changed.
  const faults =
    refused && isSame(refused.config, config) && refusedFields(refused.thrown).length > 0
      ? refusedFields(refused.thrown)
      : configFaults(preview.data);

  const set = (changes: Config) =>
    setDraft(({ config, mapping }) => ({
      config: changed(config, changes),
      ...(mapping !== undefined && { mapping }),
    }));

  /** Saves what there is; `status` in place of the one that was chosen, while the model is still tried. */
  const store = async (status: string | null, force = false): Promise<Saved> => {
    const sent = status === null ? config : changed(config, { status });
    setRefused(null);
    try {
      const next = row ? await update(row, sent, force) : await create(sent, key.current);
      key.current = crypto.randomUUID();
      return next;
    } catch (thrown) {
      if (isSavedAnyway(thrown)) {
        toast.failed(thrown);
        return newest(row ?? ({ model_id: text(config, "model_id"), version: 0 } as Saved));
      }
      setRefused({ config, thrown });
      if (row && isOvertaken(thrown)) setTheirs(await newest(row));
      throw thrown;
    }
  };
  const save = async (force = false) => {
    const next = await store(null, force).catch(() => {
      // The page itself says why; a key that was used for something else is used no more.
      key.current = crypto.randomUUID();
      return null;
    });
    if (!next) return;
    setTheirs(null);
    leaving.free();
    setDraft({ config: configOf(next) });
    toast.done(`${next.model_id} is saved as version ${next.version}`);
    onSaved(next, true);
  };
  const isTrial = !row || (row.status === "disabled" && config.status !== "disabled");
  const saves = !row
    ? "as-disabled"
    : isSame(changed(config, { status: row.status }), saved)
      ? "nothing"
      : "changes";
  const saveForTest = async () => {
    if (saves === "nothing" && row) return row.model_id;
    const next = await store(isTrial ? "disabled" : null);
    onSaved(next, false);
    return next.model_id;
  };

  const view = VIEWS.find(([name]) => name === query.view)?.[0] ?? "fields";
  const side = SIDES.find(([name]) => name === query.side)?.[0] ?? "preview";
  const texts = { draft, faults, onDraft: setDraft };
  return (
    <div class="bench">
      <div class="bench-main">
        <Tabs
          label="Views of the config"
          tabs={VIEWS}
          selected={view}
          onSelect={(next) => change({ view: next === "fields" ? null : next })}
        >
          {view === "json" && <WholeText {...texts} />}
          {view !== "json" && draft.whole !== undefined && blocked !== null && draft.mapping === undefined ? (
            <Note tone="bad">
              <p>{blocked}</p>
              <div class="row">
                <Button size="small" onClick={() => change({ view: "json" })}>
                  Back to it
                </Button>
                <Button size="small" onClick={() => setDraft({ config })}>
                  Drop the text
                </Button>
              </div>
            </Note>
          ) : (
            <>
              {view === "mapping" && <MappingText {...texts} />}
              {view === "fields" && (
                <Fields
                  config={config}
                  faults={faults}
                  isNew={!row}
                  models={models.data ?? []}
                  onNewProvider={() => setMaking(true)}
                  providers={providers.data ?? []}
                  set={set}
                />
              )}
            </>
          )}
        </Tabs>
      </div>
      <aside class="bench-side" aria-label="Preview and test">
        <Tabs
          label="Try it"
          tabs={SIDES}
          selected={side}
          onSelect={(next) => change({ side: next === "preview" ? null : next })}
        >
          <InputFields
            input={input}
            onInput={setInput}
            fault={"fault" in read ? read.fault : undefined}
            options={optionsOf(config)}
          />
          {side === "preview" && <Preview blocked={blocked} of={preview} />}
          {side === "test" && (
            <Test
              blocked={
                blocked ?? (isMine || saves === "nothing" ? null : "Only what is saved can be tested.")
              }
              input={asked}
              save={saveForTest}
              saves={saves}
            />
          )}
        </Tabs>
      </aside>
      {isMine && (
        <footer class="bench-foot" aria-label="Save">
          {refused && !theirs && <Fault error={refused.thrown} />}
          <div class="row">
            <span class="small quiet" role="status">
              {blocked ?? (isDirty ? "Not saved" : row ? `Version ${row.version} is saved` : "")}
              {blocked === null && faults.length > 0 && ` · ${faults.length} to mend`}
            </span>
            <span class="row row-end">
              {(isDirty || blocked !== null) && (
                <Button
                  onClick={() => {
                    setDraft({ config: saved ?? begin });
                    setRefused(null);
                  }}
                >
                  Undo all
                </Button>
              )}
              <Button
                kind="primary"
                disabled={blocked !== null || (row !== null && !isDirty)}
                onClick={() => save()}
              >
                {row ? "Save" : "Save model"}
              </Button>
            </span>
          </div>
        </footer>
      )}
      {isMaking && (
        <NewProvider
          onClose={() => setMaking(false)}
          onMade={async (provider) => {
            await providers.reload();
            set({ provider_id: provider.id });
          }}
        />
      )}
      {theirs && row && (
        <Overtaken
          base={row}
          theirs={theirs}
          onClose={() => setTheirs(null)}
          onForce={() => save(true)}
          onTake={() => {
            setTheirs(null);
            setRefused(null);
            setDraft({ config: configOf(theirs) });
            onSaved(theirs, false);
          }}
        />
      )}
    </div>
  );
}
