import { api, instance, person, type Schema, take } from "@de/api";

/** What the set-up is of, where the address says so. */
export interface Chosen {
  instance?: string | undefined;
  organization?: string | undefined;
  project?: string | undefined;
}

/** How far the set-up of one instance is: everything is asked of the API, nothing is remembered. */
export interface Progress {
  apiKeys: readonly Schema<"ApiKeyShown">[];
  hasAnswer: boolean;
  instance: Schema<"Instance"> | null;
  organization: string | null;
  project: Schema<"Project"> | null;
  providerKeys: readonly Schema<"ProviderKey">[];
}

/** The steps in their order, by what is done in each. */
export const STEPS = [
  "Take it over",
  "Instance and project",
  "A vendor's key",
  "An API key",
  "The first request",
] as const;

/** Which steps are done; the first one is once somebody is logged in. */
export function doneOf(progress: Progress): readonly boolean[] {
  return [
    true,
    progress.project !== null,
    progress.providerKeys.length > 0,
    progress.apiKeys.length > 0,
    progress.hasAnswer,
  ];
}

/** The first step that is missing, from 1; 6 if none is. */
export function nextOf(progress: Progress): number {
  const at = doneOf(progress).indexOf(false);
  return at === -1 ? STEPS.length + 1 : at + 1;
}

/** How many projects of an instance are looked at for keys. */
const PROJECTS = 8;

/** Finds out how far the set-up is, of the instance that the address names, or else that one acts for. */
export async function progressOf(chosen: Chosen, signal: AbortSignal): Promise<Progress> {
  const organization = chosen.organization ?? null;
  const none = { apiKeys: [], hasAnswer: false, project: null, providerKeys: [] };
  const home = await instanceOf(chosen, signal);
  if (home === null) {
    return { ...none, instance: null, organization: organization ?? person.peek()?.organization_id ?? null };
  }
  const query = { instance_id: home.id, limit: 200 };
  const [projects, providerKeys, calls] = await Promise.all([
    take(api.GET("/v1/projects", { params: { query }, signal })),
    take(api.GET("/v1/provider-keys", { params: { query }, signal })),
    take(
      api.GET("/v1/requests", {
        params: { query: { instance_id: home.id, limit: 1, status: "ok" } },
        signal,
      }),
    ),
  ]);
  const active = projects.data.filter(({ status }) => status === "active");
  const asked = active.filter(({ id }) => !chosen.project || id === chosen.project).slice(0, PROJECTS);
  const keyed = await Promise.all(
    asked.map(async (project) => ({ apiKeys: await keysOf(project.id, signal), project })),
  );
  // Whichever project has keys already is the one that was set up.
  const found = keyed.find(({ apiKeys }) => apiKeys.length > 0) ?? keyed[0];
  return {
    apiKeys: found?.apiKeys ?? [],
    hasAnswer: (calls as Schema<"RequestList">).data.length > 0,
    instance: home,
    organization: home.organization_id,
    project: found?.project ?? null,
    providerKeys: providerKeys.data,
  };
}

/** The keys of a project that open something now. */
async function keysOf(project: string, signal: AbortSignal): Promise<Schema<"ApiKeyShown">[]> {
  const query = { limit: 200, project_id: project };
  const { data } = await take(api.GET("/v1/api-keys", { params: { query }, signal }));
  return data.filter(
    ({ expires_at, revoked_at }) =>
      revoked_at === null && (expires_at === null || Date.parse(expires_at) > Date.now()),
  );
}

async function instanceOf(chosen: Chosen, signal: AbortSignal): Promise<Schema<"Instance"> | null> {
  if (chosen.instance) {
    return take(api.GET("/v1/instances/{id}", { params: { path: { id: chosen.instance } }, signal }));
  }
  const { organization } = chosen;
  const query = { limit: 200, ...(organization && { organization_id: organization }) };
  const { data } = await take(api.GET("/v1/instances", { params: { query }, signal }));
  const oldest = data.toSorted((a, b) => a.created_at.localeCompare(b.created_at))[0];
  return data.find(({ id }) => id === instance.peek()) ?? oldest ?? null;
}
