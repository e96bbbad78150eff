import { isApiError } from "@de/api";
import { toast } from "@de/ui";

/** Says that a change holds; also where some Limiter will hear of it a little later. */
export async function saving(work: Promise<unknown>, said: string): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    if (!isApiError(thrown) || thrown.details.saved !== true) throw thrown;
    toast.done(`${said}. Not every Limiter knows yet: each is told again within a minute`);
    return;
  }
  toast.done(said);
}
