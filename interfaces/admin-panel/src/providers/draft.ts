import type { Schema } from "@de/api";

export type Provider = Schema<"Provider">;

/** A provider as its form holds it: texts where a person writes texts. */
export interface ProviderDraft {
  authKind: "bearer" | "header" | "query";
  authName: string;
  authPrefix: string;
  baseUrl: string;
  /** The defaults of its protocol, as JSON has them. */
  defaults: Record<string, unknown>;
  displayName: string;
  /** One `name: value` a line. */
  headers: string[];
  hosts: string[];
  id: string;
  keyTestMethod: string;
  keyTestPath: string;
  organizationId: string;
}

export const EMPTY: ProviderDraft = {
  authKind: "bearer",
  authName: "",
  authPrefix: "",
  baseUrl: "",
  defaults: {},
  displayName: "",
  headers: [],
  hosts: [],
  id: "",
  keyTestMethod: "GET",
  keyTestPath: "/models",
  organizationId: "",
};

/** A saved provider, for its form. */
export function draftOf(row: Provider): ProviderDraft {
  const { auth } = row;
  return {
    authKind: auth.kind,
    authName: "name" in auth ? auth.name : "",
    authPrefix: auth.kind === "header" ? (auth.prefix ?? "") : "",
    baseUrl: row.base_url,
    defaults: row.protocol_defaults,
    displayName: row.display_name,
    headers: Object.entries(row.headers).map(([name, value]) => `${name}: ${value}`),
    hosts: row.allowed_hosts,
    id: row.id,
    keyTestMethod: row.key_test?.method ?? "GET",
    keyTestPath: row.key_test?.path ?? "",
    organizationId: row.organization_id ?? "",
  };
}

/** The members that can be changed, as the API takes them. */
export function bodyOf(draft: ProviderDraft): Record<string, unknown> {
  const { authKind, authName, authPrefix, hosts, keyTestMethod, keyTestPath } = draft;
  const prefix = authKind === "header" && authPrefix !== "" ? { prefix: authPrefix } : {};
  return {
    allowed_hosts: hosts.map((host) => host.trim()).filter(Boolean),
    auth: authKind === "bearer" ? { kind: authKind } : { kind: authKind, name: authName, ...prefix },
    base_url: draft.baseUrl,
    display_name: draft.displayName,
    headers: headersOf(draft.headers),
    key_test: keyTestPath === "" ? null : { method: keyTestMethod, path: keyTestPath },
    protocol_defaults: draft.defaults,
  };
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const pairs = lines
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const at = line.indexOf(":");
      return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
  return Object.fromEntries(pairs);
}
