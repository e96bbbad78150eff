import type { Member } from "@de/ui/editor";

/*
 * The members of a payload mapping, as docs/payload-mapping.md has them. The API describes a mapping as an object of
 * any members and checks it whole; this is for completion, and refuses nothing.
 */

const PATH = "Where it stands: a path such as $.data[0].url, a list of them, or a constant.";

const source = (description: string): Member => ({
  description,
  members: {
    const: { description: "A constant.", start: "#" },
    default: { description: "Where nothing is found.", start: "#" },
    header: { description: "A header of the answer." },
    map: { description: "A table, or its name in maps." },
    path: { description: PATH },
  },
  start: '"$.#"',
});

const condition: Member = {
  description: "What has to hold.",
  members: {
    equals: { description: "Exactly this.", start: "#" },
    in: { description: "One of these.", items: {} },
    path: { description: PATH, start: '"$.#"' },
  },
};

const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE"];

const request = (description: string): Member => ({
  description,
  members: {
    endpoint: { description: "A path under the base URL; {job_id} is the job's id.", start: '"/#"' },
    headers: { description: "Headers by name; never the key.", each: {} },
    method: { description: "GET, unless said.", values: METHODS },
    query: { description: "Parameters by name.", each: {} },
  },
});

const fields: Record<string, Member> = {
  audio_url: source("Where a sound is."),
  b64: source("A picture in base64."),
  cached_tokens: source("Input read from the vendor's cache."),
  cost: source("What it cost, by the vendor."),
  error_message: source("Why it failed."),
  finish_reason: source("Why it ended: stop, length, tool_calls or content_filter."),
  image_url: source("Where a picture is."),
  images: {
    description: "Pictures in a list, read one by one.",
    members: {
      b64: source("The picture in base64, from the item on."),
      each: { description: "The items: $.data[*].", start: '"$.#[*]"' },
      revised_prompt: source("The prompt that was used."),
      seed: source("The seed that was used."),
      url: source("Where the picture is, from the item on."),
    },
  },
  input_tokens: source("Tokens read."),
  job_id: source("The vendor's id of a job."),
  model: source("The model that answered."),
  output_tokens: source("Tokens made."),
  progress: source("How far it is."),
  revised_prompt: source("The prompt that was used."),
  status: source("The state."),
  text: source("The answer's text; several are joined."),
  tokens_used: source("All tokens."),
  video_url: source("Where a video is."),
};

const counts: Record<string, Member> = {
  cached_tokens: source("Input read from the vendor's cache."),
  input_tokens: source("Tokens read."),
  output_tokens: source("Tokens made."),
  tokens_used: source("All tokens."),
};

const response: Member = {
  description: "What kind of answer comes, and how it is read.",
  members: {
    cancel: request("Stops the job. POST, unless said."),
    content_type: { description: "Of what the bytes are: audio/mpeg.", start: '"#"' },
    done: { description: "States that mean done; or the last event of a stream.", items: {} },
    endpoint: { description: "Asks how the job is; {job_id} is its id.", start: '"/#"' },
    error: {
      description: "Of a job that failed.",
      members: { code: source("Its code."), message: source("Its words.") },
    },
    events: {
      description: "What each event of a stream means.",
      items: {
        members: {
          delta: source("A piece of the text."),
          error: { description: "Whether it is a failure.", values: [true, false] },
          finish: source("Why it ended."),
          usage: { description: "Counts.", members: counts },
          when: condition,
        },
      },
    },
    every_ms: { description: "Between two polls: 250 to 60,000.", start: "1000#" },
    failed: { description: "States that mean failed.", items: {} },
    failed_if: condition,
    headers: { description: "Headers by name; never the key.", each: {} },
    kind: { description: "json, unless said.", values: ["json", "bytes", "sse", "poll"] },
    method: { description: "Of the poll: GET, unless said.", values: METHODS },
    progress: source("How far the job is."),
    query: { description: "Parameters by name.", each: {} },
    result: { description: "Reads the answer that says done.", members: fields },
    result_request: request("Fetches the result, where the state does not hold it."),
    status: source("Where the state stands."),
    timeout_ms: { description: "For the whole job: 1,000 to 86,400,000.", start: "600000#" },
  },
};

const TYPES = ["string", "number", "integer", "boolean", "array", "object", "file"];

const exampleRequest: Member = {
  description: "What the input has to become.",
  members: {
    body: { description: "The body, whole.", start: "{#}" },
    headers: { each: {} },
    method: { values: METHODS },
    url: { start: '"/#"' },
  },
};

/** A payload mapping. */
export const mappingSchema: Member = {
  members: {
    body: { description: "JSON with placeholders: {user_prompt}, {model}, {messages}, …", start: "{#}" },
    body_kind: { description: "json, unless said.", values: ["json", "form", "multipart", "none"] },
    defaults: { description: "Values where nobody gave one.", each: {}, start: "{#}" },
    endpoint: { description: "A path under the provider's base URL. Required.", start: '"/#"' },
    error_mapping: {
      description: "Where message and code stand in an error.",
      members: {
        code: source("The vendor's code."),
        message: source("The vendor's words."),
        refusal_on: { description: "Codes that mean: refused for safety.", items: {} },
        retry_on: { description: "Codes that make another try worth it.", items: {} },
      },
    },
    examples: {
      description: "What must hold. They run at every save.",
      items: {
        members: {
          events: { description: "A stream's events.", items: {} },
          input: { description: "What is asked.", start: "{#}" },
          name: { description: "For people." },
          output: { description: "What the answer has to become.", start: "{#}" },
          poll: {
            description: "What a polled vendor answers.",
            items: {
              members: {
                request: exampleRequest,
                response: { start: "{#}" },
                response_headers: { each: {} },
              },
            },
          },
          request: exampleRequest,
          response: { description: "What the vendor answers.", start: "{#}" },
          response_headers: { description: "Headers of that answer.", each: {} },
          status: { description: "Its status.", start: "200#" },
        },
      },
    },
    headers: { description: "Headers by name. The key is added by the provider.", each: {} },
    maps: { description: "Tables: name, row, value. The row * stands for all others.", each: { each: {} } },
    method: { description: "POST, unless said.", values: METHODS },
    query: { description: "Parameters by name.", each: {} },
    response,
    response_mapping: {
      description: "What the answer becomes; other names become metadata.",
      members: fields,
    },
    unknown_options: {
      description: "Options that are neither used nor declared. Without it the model says.",
      values: ["reject", "warn", "drop"],
    },
    variables: {
      description: "What options there are.",
      each: {
        members: {
          description: { description: "For people." },
          enum: { description: "The values that it may have.", items: {} },
          max: { description: "The largest number.", start: "#" },
          max_length: { description: "The longest text or list.", start: "#" },
          min: { description: "The smallest number.", start: "#" },
          required: { description: "Whether a call has to give it.", values: [true, false] },
          type: { description: "What it is.", values: TYPES },
        },
      },
    },
  },
};
