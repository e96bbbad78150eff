/**
 * Where the API is. The page says so in a `meta` element, which is filled when the page is served, so that one
 * build serves every deployment.
 */
export const base: string = read();

/** The pages by their names in `interfaces/`. */
export type PageName = "admin-panel" | "image-testing" | "monitoring" | "text-testing";

/** The address of a place on a page: without an origin on this one, null where that page is not deployed. */
export function pageAt(page: PageName, path: string): string | null {
  const named = told(page);
  const origin = URL.canParse(named) ? new URL(named).origin : null;
  if (origin === null || origin.endsWith(".invalid")) return null;
  return origin === location.origin ? path : origin + path;
}

function read(): string {
  const named = told("api");
  if (!URL.canParse(named)) throw new Error('the page does not say where the API is: <meta name="de-api">');
  return new URL(named).origin;
}

function told(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="de-${name}"]`)?.content ?? "";
}
