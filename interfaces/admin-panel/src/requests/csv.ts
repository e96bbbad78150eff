import { api } from "@de/api";
import { count, toast } from "@de/ui";

/** How many lines the API gives at most. */
const MOST_LINES = 10_000;

/** Hands the calls that were asked for to the person, as a file with a line each. */
export async function saveCsv(asked: Record<string, string>): Promise<void> {
  const query = { ...asked, format: "csv" } as object;
  const { data } = await api.GET("/v1/requests", { params: { query }, parseAs: "text" });
  const text = data as string;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = "requests.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  // The first line has the names, and after the last end of a line there is nothing.
  const lines = text.split("\r\n").length - 2;
  if (lines < MOST_LINES) toast.done(`${count(lines)} ${lines === 1 ? "call is" : "calls are"} in the file`);
  else
    toast.done(`The file has the newest ${count(MOST_LINES)} calls: for older ones set an end of the time`);
}
