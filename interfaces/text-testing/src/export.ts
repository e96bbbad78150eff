import { dataUrl } from "./body.ts";
import type { Answer, Conversation, Turn } from "./types.ts";

/** A whole conversation with its calls, pictures included. */
export async function asJson(conversation: Conversation): Promise<string> {
  const turns = await Promise.all(
    conversation.turns.map(async (turn) => ({
      ...turn,
      pictures: await Promise.all(
        turn.pictures.map(async (picture) => ({ name: picture.name, url: await dataUrl(picture) })),
      ),
    })),
  );
  const { id, models, settings, updatedAt } = conversation;
  return JSON.stringify(
    { id, updatedAt: new Date(updatedAt).toISOString(), models, settings, turns },
    null,
    2,
  );
}

/** A conversation to be read. What people and models wrote stands in fences, so that it stays as it is. */
export function asMarkdown({ settings, turns }: Conversation): string {
  const parts = ["# Conversation"];
  if (settings.system.trim() !== "") parts.push("## System prompt", fenced(settings.system));
  for (const [index, turn] of turns.entries()) parts.push(`## ${index + 1}. Prompt`, ...promptOf(turn));
  return `${parts.join("\n\n")}\n`;
}

function promptOf(turn: Turn): string[] {
  const pictures = turn.pictures.map(({ name }) => `Picture: ${name}`);
  const answers = Object.values(turn.answers).flat().flatMap(answerOf);
  return [...(turn.text === "" ? [] : [fenced(turn.text)]), ...pictures, ...answers];
}

function answerOf(answer: Answer): string[] {
  const { calls, cost, fault, model, results, state, text, usage } = answer;
  const figures = [
    ...(state === "done" ? [] : [state]),
    ...(usage ? [`${usage.input} tokens in, ${usage.output} out`] : []),
    ...(cost.state === "known" ? [`$${(cost.micros / 1_000_000).toFixed(6)}`] : []),
  ];
  return [
    `### ${model}`,
    ...(text === "" ? [] : [fenced(text)]),
    ...calls.flatMap(({ arguments: given, id, name }) => [
      `Calls \`${name}\`:`,
      fenced(given),
      ...(results[id] === undefined ? [] : ["Result:", fenced(results[id])]),
    ]),
    ...(fault ? [`Failed: ${fault.code}: ${fault.message}`] : []),
    ...(figures.length === 0 ? [] : [figures.join(" · ")]),
  ];
}

/** A text in a fence that is longer than any in it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
