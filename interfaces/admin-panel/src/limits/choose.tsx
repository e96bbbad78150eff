import { api, instance, take } from "@de/api";
import { Dialog, Form, SelectField, TextField, useInstances, useQuery, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { editing, needsInstance, SCOPES, type Scope } from "./scopes.ts";

/** Asks whose limits to set. */
export function Choose({ organization }: { organization: string | undefined }) {
  const [query, change] = useQuery();
  const instances = useInstances();
  const own = instances.data?.filter(({ organization_id }) => organization_id === organization) ?? [];
  const preset = SCOPES.find((one) => one === query.scope);
  const [scope, setScope] = useState<Scope>(preset ?? "project");
  const [id, setId] = useState(query.scope_id ?? "");
  const [chosen, setWhere] = useState(query.instance_id ?? instance.value ?? "");
  const where = own.some((one) => one.id === chosen) ? chosen : (own[0]?.id ?? "");
  const names = useNames(scope, where);
  const close = () => change({ edit: null });
  const target = scope === "organization" ? (organization ?? "") : scope === "instance" ? where : id;
  const go = async () => {
    change(editing({ id: target.trim(), instance: needsInstance(scope) ? where : null, scope }));
  };
  return (
    <Dialog title="Set limits or budgets" onClose={close}>
      <Form action="Go on" onCancel={close} onSubmit={go}>
        <div class="form-grid">
          <SelectField
            label="For what"
            options={SCOPES}
            value={scope}
            onInput={(word) => {
              setScope(word as Scope);
              setId("");
            }}
          />
          {scope !== "organization" && (
            <SelectField
              label="Instance"
              options={own.map(({ id, name }) => [id, name] as const)}
              value={where}
              onInput={setWhere}
            />
          )}
          {scope !== "organization" && scope !== "instance" && (
            <TextField
              wide
              label={{ key: "API key", model: "Model", project: "Project", provider: "Provider" }[scope]}
              help="Choose one, or type its id."
              list="limited"
              required
              value={id}
              onInput={setId}
            />
          )}
        </div>
        <datalist id="limited">
          {names.data?.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </datalist>
      </Form>
    </Dialog>
  );
}

function useNames(scope: Scope, where: string) {
  return useResource<readonly (readonly [string, string])[]>(
    async (signal) => {
      const query = { limit: 200 };
      if (scope === "project" && where) {
        const { data } = await take(
          api.GET("/v1/projects", { params: { query: { ...query, instance_id: where } }, signal }),
        );
        return data.map(({ id, name }) => [id, name] as const);
      }
      if (scope === "key") {
        const { data } = await take(api.GET("/v1/api-keys", { params: { query }, signal }));
        return data
          .filter((key) => key.revoked_at === null && (!key.instance_id || key.instance_id === where))
          .map(({ id, last_four, name }) => [id, `${name} …${last_four}`] as const);
      }
      if (scope === "model") {
        const { data } = await take(api.GET("/v1/model-configs", { params: { query }, signal }));
        return data.map(({ model_id }) => [model_id, model_id] as const);
      }
      if (scope === "provider") {
        const { data } = await take(api.GET("/v1/providers", { params: { query }, signal }));
        return data.map(({ display_name, id }) => [id, display_name] as const);
      }
      return [];
    },
    [scope, where],
  );
}
