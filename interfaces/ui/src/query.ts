import { useLocation } from "preact-iso";

/** What the address asks for, as an object. */
export function query(): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/**
 * What the address asks for, and how to change it: filters, sorting and places in lists are in the address, so that
 * a page can be reloaded, bookmarked and sent to somebody.
 */
export function useQuery(): [Record<string, string>, (changes: Record<string, string | null>) => void] {
  const { query: asked, route } = useLocation();
  return [
    asked,
    (changes) => {
      // As the address is now: two changes may come before the page is drawn again.
      route(setQuery(location.pathname, query(), changes), true);
    },
  ];
}

/** An address with some of its query changed; null takes one away. */
export function setQuery(
  path: string,
  query: Record<string, string>,
  changes: Record<string, string | null>,
): string {
  const params = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(name);
    else params.set(name, value);
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}
