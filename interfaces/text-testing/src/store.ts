import type { Conversation } from "./types.ts";

/** How many conversations are kept for a person and an instance; the oldest go first. */
export const KEPT = 30;

const STORE = "conversations";

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("de.text-testing", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "id" }).createIndex("owner", "owner");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function within<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const transaction = (await database()).transaction(STORE, mode);
  const request = work(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** What the browser keeps. Every call may fail: a browser may keep nothing, or have no room. */
export const store = {
  /** Those of one owner, the newest first. */
  async list(owner: string): Promise<Conversation[]> {
    const all: Conversation[] = await within("readonly", (one) => one.index("owner").getAll(owner));
    return all.toSorted((left, right) => right.updatedAt - left.updatedAt);
  },

  /** One, if it is this owner's. */
  async read(id: string, owner: string): Promise<Conversation | null> {
    const found: Conversation | undefined = await within("readonly", (one) => one.get(id));
    return found?.owner === owner ? found : null;
  },

  remove(id: string): Promise<undefined> {
    return within("readwrite", (one) => one.delete(id));
  },

  async write(conversation: Conversation): Promise<void> {
    await within("readwrite", (one) => one.put(conversation));
  },

  /** Keeps so many of an owner's, and the one that is open. */
  async trim(owner: string, open: string): Promise<void> {
    for (const { id } of (await store.list(owner)).slice(KEPT)) if (id !== open) await store.remove(id);
  },
};
