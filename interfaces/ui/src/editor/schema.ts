/** What a place in a document may hold, for completion: the members of an object, or the words for a value. */
export interface Member {
  /** One sentence, shown beside the completion. */
  description?: string;
  /** What every member is, where their names are free. */
  each?: Member;
  /** What every item of a list is. */
  items?: Member;
  members?: Record<string, Member>;
  /** What is put in for the value when the member is chosen; by what the member is, where it is left out. */
  start?: string;
  /** The words that the value may be. */
  values?: readonly (boolean | number | string)[];
}

/** What lies at a place; undefined where nothing is known of it. */
export function memberAt(root: Member, path: readonly string[]): Member | undefined {
  return path.reduce<Member | undefined>(
    (member, step) =>
      member?.members?.[step] ?? member?.each ?? (/^\d+$/.test(step) ? member?.items : undefined),
    root,
  );
}

/** What is written after the colon of a new member, with `#` where the cursor goes. */
export function startOf(member: Member): string {
  if (member.start !== undefined) return member.start;
  if (member.members || member.each) return "{#}";
  if (member.items) return "[#]";
  const [word] = member.values ?? [];
  return word !== undefined && typeof word !== "string" ? "#" : '"#"';
}
