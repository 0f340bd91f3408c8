// Server-sent events over fetch, which, unlike EventSource, can send a key. Resumes by itself after the last id.
import { call, expected } from "./api.js";
import { pause } from "./dom.js";

const SILENCE_MS = 45_000; // the service says something every 15 s
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const BROKEN = { done: true, value: undefined }; // a connection that breaks is over like any other

/** @typedef {{id: string, type: string, data: any}} ServerEvent */

/**
 * Follows a job's events to their end, whatever happens to the connection or the API.
 * @param {string} jobId
 * @param {{after: string, signal: AbortSignal, onEvent: (event: ServerEvent) => void, onLive: (live: boolean) => void}} how
 * @throws {import("./api.js").Problem} where the service refuses for good, as after the job's retention
 */
export async function follow(jobId, { after, signal, onEvent, onLive }) {
  let last = after;
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      for await (const event of connection(jobId, last, signal, onLive)) {
        last = event.id;
        wait = FIRST_WAIT_MS;
        onEvent(event);
        if (event.type === "complete" || event.type === "error") return;
      }
    } catch (failure) {
      const problem = expected(failure);
      if (problem && !problem.passing) throw problem;
    }
    if (signal.aborted) return;
    onLive(false);
    await pause(wait, signal);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
}

/** @param {string} jobId @param {string} last @param {AbortSignal} signal @param {(live: boolean) => void} onLive */
async function* connection(jobId, last, signal, onLive) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "text/event-stream" };
  if (last) headers["Last-Event-ID"] = last;
  const answer = await call(`jobs/${jobId}/events`, { headers, signal });
  onLive(true);
  yield* parsed(pieces(/** @type {ReadableStream<Uint8Array>} */ (answer.body)));
}

/** The text of a body as it comes, for as long as it is not silent for too long. @param {ReadableStream<Uint8Array>} body */
async function* pieces(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    while (true) {
      const timer = setTimeout(() => reader.cancel(), SILENCE_MS);
      const { done, value } = await reader.read().catch(() => BROKEN).finally(() => clearTimeout(timer));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {AsyncIterable<string>} texts @returns {AsyncGenerator<ServerEvent>} */
async function* parsed(texts) {
  let rest = "";
  for await (const text of texts) {
    const messages = (rest + text).split("\n\n");
    rest = /** @type {string} */ (messages.pop());
    for (const message of messages) {
      const event = read(message);
      if (event) yield event;
    }
  }
}

/** @param {string} message @returns {ServerEvent|null} null for comments and hints */
function read(message) {
  const event = { id: "", type: "message", data: "" };
  for (const line of message.split("\n")) {
    const colon = line.indexOf(":");
    const value = line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (line.startsWith("id:")) event.id = value;
    else if (line.startsWith("event:")) event.type = value;
    else if (line.startsWith("data:")) event.data += value;
  }
  return event.data ? { ...event, data: JSON.parse(event.data) } : null;
}
