import { signal } from "@preact/signals";
import { store } from "./store.ts";
import { type Answer, type Conversation, fresh, type Settings, type Turn } from "./types.ts";

/** How many prompts a conversation may have. */
export const MOST_TURNS = 100;

/** The conversation that is open; null until it is known which. */
export const conversation = signal<Conversation | null>(null);

/** Why the browser keeps nothing of it; null where it does. */
export const unkept = signal<string | null>(null);

/** The conversation that was asked for is open in another tab, so that this is a new one. */
export const elsewhere = signal(false);

/** Done before another conversation is opened: what runs belongs to the one that was. */
export const leaving: (() => void)[] = [];

/** Counts what was opened: who asks for one after another gets the last. */
let opened = 0;

let release: (() => void) | undefined;

/**
 * Opens the one that is asked for, else the newest that no other tab has open, else a new one.
 *
 * @param asked an id from the address, which may be of another browser.
 */
export async function open(owner: string, asked: string | undefined, models: string[]): Promise<void> {
  opened += 1;
  const mine = opened;
  await close();
  unkept.value = null;
  elsewhere.value = false;
  let found: Conversation | null = null;
  try {
    if (asked === undefined) found = await newest(owner);
    else if (await hold(asked, 2_000)) found = await store.read(asked, owner);
    else elsewhere.value = true;
  } catch (thrown) {
    unkept.value = thrown instanceof Error ? thrown.message : String(thrown);
  }
  if (mine !== opened) return;
  if (found) begin(found);
  else await start(owner, models);
}

/** Begins a new one, with the settings of the one before. */
export async function start(owner: string, models: string[], settings?: Settings): Promise<void> {
  await close();
  const made = fresh(owner, models, settings);
  await hold(made.id, 0);
  begin(made);
  if (unkept.peek() === null) await store.trim(owner, made.id).catch(() => undefined);
}

/** Forgets the open one and begins anew. */
export async function clear(): Promise<void> {
  const gone = conversation.peek();
  if (!gone) return;
  await start(gone.owner, gone.models, gone.settings);
  if (unkept.peek() === null) await store.remove(gone.id);
}

/** Changes the open one. */
export function change(changes: Partial<Conversation>): void {
  const now = conversation.peek();
  if (!now) return;
  conversation.value = { ...now, ...changes, updatedAt: Date.now() };
  keepSoon();
}

/** Who is asked from now on. */
export function setModels(models: string[]): void {
  change({ models });
}

/** Changes one answer; nothing where it is gone. */
export function changeAnswer(id: string, changes: Partial<Answer>): void {
  changeTurns((turn) => {
    for (const [model, list] of Object.entries(turn.answers)) {
      if (!list.some((answer) => answer.id === id)) continue;
      const changed = list.map((answer) => (answer.id === id ? { ...answer, ...changes } : answer));
      return { ...turn, answers: { ...turn.answers, [model]: changed } };
    }
    return turn;
  });
}

/** The answers of a model to one prompt. */
export function setAnswers(turnId: string, model: string, list: Answer[]): void {
  changeTurns((turn) =>
    turn.id === turnId ? { ...turn, answers: { ...turn.answers, [model]: list } } : turn,
  );
}

export function findAnswer(id: string): Answer | undefined {
  for (const turn of conversation.value?.turns ?? []) {
    for (const list of Object.values(turn.answers)) {
      const found = list.find((answer) => answer.id === id);
      if (found) return found;
    }
  }
  return undefined;
}

function changeTurns(each: (turn: Turn) => Turn): void {
  const now = conversation.peek();
  if (now) change({ turns: now.turns.map(each) });
}

function begin(found: Conversation): void {
  // What was on its way when the page was left does not come any more.
  const turns = found.turns.map((turn) => ({
    ...turn,
    answers: Object.fromEntries(
      Object.entries(turn.answers).map(([model, list]) => [
        model,
        list.map((answer) => (answer.state === "streaming" ? { ...answer, state: "cut" as const } : answer)),
      ]),
    ),
  }));
  conversation.value = { ...found, turns };
}

async function newest(owner: string): Promise<Conversation | null> {
  for (const one of await store.list(owner)) if (await hold(one.id, 0)) return one;
  return null;
}

/** Keeps other tabs from writing the same conversation. Says whether it is free, after so long at most. */
function hold(id: string, patience: number): Promise<boolean> {
  release?.();
  const options = patience === 0 ? { ifAvailable: true } : { signal: AbortSignal.timeout(patience) };
  return new Promise((answer) => {
    const held = navigator.locks.request(`de.text-testing.${id}`, options, (lock) => {
      answer(lock !== null);
      if (lock === null) return undefined;
      return new Promise<void>((done) => {
        release = done;
      });
    });
    held.catch(() => answer(false));
  });
}

let writing: Promise<void> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Keeps what is there within a moment, however fast it changes. */
function keepSoon(): void {
  timer ??= setTimeout(() => void keep(), 200);
}

/** Keeps what is there, now. */
export async function keep(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  const now = conversation.peek();
  if (!now || unkept.peek() !== null) return;
  try {
    // One after the other: a large conversation must not wait for itself.
    await writing;
    writing = store.write(now);
    await writing;
  } catch (thrown) {
    unkept.value = thrown instanceof Error ? thrown.message : String(thrown);
  }
}

async function close(): Promise<void> {
  for (const work of leaving) work();
  if (timer !== undefined) await keep();
  release?.();
  release = undefined;
}

addEventListener("pagehide", () => timer !== undefined && void keep());
