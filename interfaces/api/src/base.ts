/**
 * Where the API is. The page says so in a `meta` element, which is filled when the page is served, so that one
 * build serves every deployment.
 */
export const base: string = read();

function read(): string {
  const named = document.querySelector<HTMLMetaElement>('meta[name="de-api"]')?.content ?? "";
  if (!URL.canParse(named)) throw new Error('the page does not say where the API is: <meta name="de-api">');
  return new URL(named).origin;
}
