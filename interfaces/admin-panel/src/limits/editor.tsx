import { api, isApiError } from "@de/api";
import { Button, Dialog, Note, Resource, Tabs, useQuery, useResource } from "@de/ui";
import { BudgetsOf } from "./budget-form.tsx";
import { LimitForm } from "./limit-form.tsx";
import type { Budgets, Limits, Place } from "./scopes.ts";

/** What is set for a scope, and the state that it was read in; null where the browser may not see that. */
export interface Read<T> {
  etag: string | null;
  row: T;
}

/** Where a scope's limits or budgets are. */
function at({ id, instance, scope }: Place) {
  return { path: { id, scope }, query: instance ? { instance_id: instance } : {} };
}

/** Where a scope's limits or budgets are, and the state that a change is meant for. */
export function paramsOf(place: Place, etag: string | null) {
  return { ...at(place), header: etag ? { "If-Match": etag } : {} };
}

interface EditorProps {
  mayChange: boolean;
  name: string;
  onChange: () => Promise<void>;
  onClose: () => void;
  place: Place;
}

/** The limits and budgets of one scope. */
export function Editor({ mayChange, name, onChange, onClose, place }: EditorProps) {
  const [query, change] = useQuery();
  const tab = query.tab === "budgets" ? "budgets" : "limits";
  const key = JSON.stringify(place);
  const limits = useResource<Read<Limits>>(
    async (signal) => {
      const answer = await api.GET("/v1/limits/{scope}/{id}", { params: at(place), signal });
      return { etag: answer.response.headers.get("etag"), row: answer.data as Limits };
    },
    [key],
  );
  const budgets = useResource<Read<Budgets>>(
    async (signal) => {
      const answer = await api.GET("/v1/budgets/{scope}/{id}", { params: at(place), signal });
      return { etag: answer.response.headers.get("etag"), row: answer.data as Budgets };
    },
    [key],
  );
  const changed = async () => {
    await Promise.all([limits.reload(), budgets.reload(), onChange()]);
  };
  return (
    <Dialog
      size="large"
      title={`${place.scope.charAt(0).toUpperCase()}${place.scope.slice(1)} ${name}`}
      onClose={onClose}
    >
      {!mayChange && <Note>Your role may look at these, and not change them.</Note>}
      <Tabs
        label="What is set"
        selected={tab}
        onSelect={(next) => change({ tab: next === "limits" ? null : next })}
        tabs={[
          ["limits", "Limits"],
          ["budgets", "Budgets"],
        ]}
      >
        {tab === "limits" ? (
          <Resource of={limits}>
            {(read) => (
              <LimitForm
                key={`${read.row.updated_at}`}
                mayChange={mayChange}
                place={place}
                read={read}
                onChange={changed}
                onClose={onClose}
              />
            )}
          </Resource>
        ) : (
          <Resource of={budgets}>
            {(read) => (
              <BudgetsOf
                key={`${read.row.updated_at}`}
                mayChange={mayChange}
                place={place}
                read={read}
                onChange={changed}
              />
            )}
          </Resource>
        )}
      </Tabs>
      {(tab === "budgets" || !mayChange) && (
        <div class="form-end">
          <Button onClick={onClose}>Close</Button>
        </div>
      )}
    </Dialog>
  );
}

/** Somebody else was first: says so, and offers what is there now. */
export function WasChanged({ again, thrown }: { again: () => Promise<void>; thrown: unknown }) {
  if (!isApiError(thrown) || thrown.status !== 412) return null;
  return (
    <Note tone="warn">
      <p>Somebody has changed this since it was opened here. What you typed is not saved.</p>
      <div class="row">
        <Button size="small" onClick={again}>
          Show what is there now
        </Button>
      </div>
    </Note>
  );
}
