import { api, isOperator, person, take, useInstance } from "@de/api";
import { Badge, Button, Form, faultsOf, SelectField, TextField, tenantsChanged, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { STEPS } from "./progress.ts";
import type { StepProps } from "./setup.tsx";

/** Step 2: an instance, which has vendors' keys and limits of its own, and a project in it. */
export function Tenant(props: StepProps) {
  const { go, progress } = props;
  const { instance, project } = progress;
  if (!instance || !project) return <Make {...props} />;
  return (
    <section class="card" aria-label={STEPS[1]}>
      <h2>Instance and project are there</h2>
      <dl class="facts">
        <dt>Instance</dt>
        <dd>
          <a href={`/instances/${instance.id}`}>{instance.name}</a> <Badge>{instance.environment}</Badge>
        </dd>
        <dt>Project</dt>
        <dd>
          <a href={`/projects/${project.id}`}>{project.name}</a>
        </dd>
      </dl>
      <div class="form-end">
        <Button kind="primary" onClick={() => go(3)}>
          Go on
        </Button>
      </div>
    </section>
  );
}

function Make({ go, progress, reload }: StepProps) {
  const [name, setName] = useState("Main");
  const [environment, setEnvironment] = useState("development");
  const [project, setProject] = useState("Playground");
  const own = progress.organization ?? person.value?.organization_id ?? "";
  const [organization, setOrganization] = useState(own);
  const [fault, setFault] = useState<unknown>(null);
  const organizations = useResource(async (signal) => {
    if (!isOperator.value) return [];
    return (await take(api.GET("/v1/organizations", { params: { query: { limit: 200 } }, signal }))).data;
  }, []);
  const { instance } = progress;
  const make = async () => {
    // If the project is refused the instance is there: the same form then asks for the project alone.
    const home =
      instance ??
      (await take(
        api.POST("/v1/instances", {
          body: { environment: environment as never, name: name as never, organization_id: organization },
        }),
      ));
    useInstance(home.id);
    tenantsChanged();
    try {
      const made = await take(
        api.POST("/v1/projects", { body: { instance_id: home.id, name: project as never } }),
      );
      await reload();
      go(3, { instance: home.id, project: made.id });
    } catch (thrown) {
      if (!instance) go(2, { instance: home.id });
      throw thrown;
    }
  };
  return (
    <section class="card" aria-label={STEPS[1]}>
      <h2>{instance ? `A project in ${instance.name}` : "An instance and a project"}</h2>
      <p class="quiet">
        An instance has its own vendors' keys, limits and retention: one for production, one to try things
        out. A project has API keys, and what it uses is told apart.
      </p>
      <Form action={instance ? "Make the project" : "Make them"} onFault={setFault} onSubmit={make}>
        <div class="form-grid">
          {!instance && isOperator.value && (organizations.data?.length ?? 0) > 1 && (
            <SelectField
              label="Organization"
              options={organizations.data?.map(({ id, name }) => [id, name] as const) ?? []}
              value={organization}
              onInput={setOrganization}
            />
          )}
          {!instance && (
            <>
              <TextField
                label="Instance"
                required
                fault={faultsOf(fault).name}
                value={name}
                onInput={setName}
              />
              <SelectField
                label="Environment"
                help="Keys of a production instance begin with de_live_."
                options={["development", "production"]}
                value={environment}
                onInput={setEnvironment}
              />
            </>
          )}
          <TextField label="Project" required value={project} onInput={setProject} />
        </div>
      </Form>
    </section>
  );
}
