import type { Service } from "./services.tsx";

/** One operation, as far as the description of the API says how it is called. */
export interface Operation {
  description?: string;
  method: string;
  operationId?: string;
  parameters: readonly {
    example?: unknown;
    in?: string;
    name?: string;
    required?: boolean;
    schema?: unknown;
  }[];
  path: string;
  requestBody?: {
    content: Record<string, { example?: unknown; schema?: { properties?: Record<string, unknown> } }>;
  };
  summary?: string;
  tags: readonly string[];
  /** What a key must be allowed; absent where none is needed. */
  scope?: string;
}

interface Document {
  paths: Record<string, Record<string, unknown>>;
}

const METHODS = ["get", "post", "put", "patch", "delete"];

/** All operations of a description, in its order. */
export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const told = item[method] as Partial<Operation> & Record<string, unknown>;
      const scope = told["x-scope"] ?? told["x-permission"];
      return {
        ...told,
        method: method.toUpperCase(),
        parameters: told.parameters ?? [],
        path,
        tags: told.tags ?? [],
        ...(scope !== undefined && { scope: [scope].flat().join(", ") }),
      };
    }),
  );
}

/** The worker that serves a path: the one to which the front door forwards it, or the front door itself. */
export function workerOf(
  services: readonly Pick<Service, "name" | "paths">[],
  { path }: Pick<Operation, "path">,
): string {
  const isBelow = (above: string) => path === above || path.startsWith(`${above}/`);
  return services.find(({ paths }) => paths.some(isBelow))?.name ?? "config";
}

/** How an operation is called from a shell, at the host that serves it. `$DE_KEY` is the reader's own key. */
export function curlOf(base: string, operation: Operation): string {
  const { method, parameters, path, requestBody, scope } = operation;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const told = parameters.find((one) => one.name === name)?.example;
    return typeof told === "string" ? encodeURIComponent(told) : `$${name.toUpperCase()}`;
  });
  const asked = parameters.filter((one) => one.in === "query" && one.required && one.name);
  const query = asked.map(({ example, name }) => `${name}=${example ?? ""}`).join("&");
  const lines = [
    `curl -s ${method === "GET" ? "" : `-X ${method} `}"${base}${filled}${query && `?${query}`}"`,
  ];
  if (scope !== undefined) lines.push('-H "Authorization: Bearer $DE_KEY"');
  const json = requestBody?.content["application/json"];
  const form = requestBody?.content["multipart/form-data"];
  if (json) {
    lines.push("-H 'Content-Type: application/json'");
    const body = JSON.stringify(json.example ?? {}).replaceAll("'", "'\\''");
    lines.push(`-d '${body}'`);
  } else if (form) {
    const names = Object.keys(form.schema?.properties ?? {});
    lines.push(names.includes("image") ? "-F image=@picture.png" : "-F file=@sound.wav");
    lines.push(`-F model=$MODEL`);
  }
  return lines.join(" \\\n  ");
}
