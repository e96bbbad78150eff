/**
 * The state of a row, as `If-Match` names it: the moment of its last change. It is the row's `ETag`, made
 * anew here, since a row of a list has no header of its own.
 */
export function stateOf(row: { updated_at: string }): { "If-Match": string } {
  return { "If-Match": `"${Date.parse(row.updated_at)}"` };
}

/** A header that makes something once, however often it is sent with the same body. */
export function onlyOnce(): (body: unknown) => { "Idempotency-Key": string } {
  let last = "";
  let key = "";
  return (body) => {
    const text = JSON.stringify(body);
    if (text !== last) {
      last = text;
      key = crypto.randomUUID();
    }
    return { "Idempotency-Key": key };
  };
}

/** Lines of a list without the empty ones and the blanks around them. */
export function lines(list: readonly string[] | null | undefined): string[] {
  return (list ?? []).map((line) => line.trim()).filter((line) => line !== "");
}
