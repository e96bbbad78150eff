import { api, isAdministrator, type Schema, take } from "@de/api";
import { Crumbs, Note, Page, Resource, setQuery, useQuery, useResource } from "@de/ui";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Bench } from "./bench/bench.tsx";
import { type Config, changed, configOf } from "./draft.ts";
import { modelHref, type Saved } from "./rows.ts";
import { TEMPLATES } from "./templates.ts";
import "./models.css";

const ABOVE = [["/models", "Models"]] as const;

/** A model that is made: from a template, or from another model. */
export default function NewModel() {
  const [query, change] = useQuery();
  const { route } = useLocation();
  const [row, setRow] = useState<Saved | null>(null);
  const template = TEMPLATES.find(({ id }) => id === query.template);
  // Once it is saved, a page that is loaded anew goes on where the model is.
  useEffect(() => {
    if (query.saved && !row) route(modelHref({ model_id: query.saved }), true);
  }, []);
  if (!isAdministrator.value) {
    return (
      <Page title="New model" crumbs={<Crumbs of={ABOVE} />}>
        <Note>Models are made by administrators. Your role may look at them.</Note>
      </Page>
    );
  }
  const onSaved = (next: Saved, isDone: boolean) => {
    if (isDone) route(modelHref(next));
    else {
      setRow(next);
      change({ saved: next.model_id });
    }
  };
  // From a provider's page one comes with that provider.
  const provider: Record<string, string> = query.provider_id ? { provider_id: query.provider_id } : {};
  if (template) {
    return (
      <Page
        title={`New model: ${template.title}`}
        lead={template.lead}
        crumbs={<Crumbs of={[...ABOVE, ["/models/new", "New"]]} />}
      >
        <Bench
          key={template.id}
          isMine
          begin={changed(template.config, provider)}
          row={row}
          onSaved={onSaved}
        />
      </Page>
    );
  }
  if (query.copy) return <Copy of={query.copy} row={row} onSaved={onSaved} />;
  return (
    <Page
      title="New model"
      lead="What does the vendor speak? All of it can be changed afterwards."
      crumbs={<Crumbs of={ABOVE} />}
    >
      <div class="cards templates">
        {TEMPLATES.map(({ id, lead, title }) => (
          <a key={id} class="card template" href={setQuery("/models/new", provider, { template: id })}>
            <h2>{title}</h2>
            <span class="quiet">{lead}</span>
          </a>
        ))}
      </div>
      <p class="quiet">
        Something else? Open a model that is like it and choose “Duplicate”. A vendor's other protocols, such
        as Gemini's, are a choice in the fields.
      </p>
    </Page>
  );
}

/** A model that begins as another one is. */
function Copy(props: { of: string; onSaved: (row: Saved, isDone: boolean) => void; row: Saved | null }) {
  const original = useResource(
    async (signal) => {
      const params = { path: { id: props.of } };
      return (await take(
        api.GET("/v1/model-configs/{id}", { params, signal }),
      )) as Schema<"SavedModelConfig">;
    },
    [props.of],
  );
  return (
    <Page title={`New model like ${props.of}`} crumbs={<Crumbs of={ABOVE} />}>
      <Resource of={original}>
        {(one) => <Bench isMine begin={likeThat(one)} row={props.row} onSaved={props.onSaved} />}
      </Resource>
    </Page>
  );
}

function likeThat(row: Saved): Config {
  return changed(configOf(row), { aliases: undefined, display_name: "", model_id: "" });
}
