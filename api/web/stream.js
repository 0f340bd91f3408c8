// Server-sent events over `fetch`, which can send an API key (EventSource cannot). Resumes after the last event id.
import { problemOf, send } from "./api.js";
import { pause } from "./dom.js";

const SILENCE_MS = 45_000; // the service sends a heartbeat every 15 s
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;
const END = { done: true, value: undefined }; // a broken connection counts as the end of the connection

/** @typedef {{id: string, type: string, data: any}} ServerEvent */

/**
 * Follow the events of a job to the last one, through lost connections and restarts of the API.
 * @param {string} jobId
 * @param {{after: string, signal: AbortSignal, onEvent: (event: ServerEvent) => void, onConnected: (connected: boolean) => void}} options
 * @throws {import("./api.js").Problem} if the service refuses permanently, for example because the job has expired
 */
export async function followEvents(jobId, { after, signal, onEvent, onConnected }) {
  let lastId = after;
  let waitMs = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      for await (const event of connect(jobId, lastId, signal, onConnected)) {
        lastId = event.id;
        waitMs = FIRST_WAIT_MS;
        onEvent(event);
        if (event.type === "complete" || event.type === "error") return;
      }
    } catch (error) {
      const problem = problemOf(error);
      if (problem && !problem.temporary) throw problem;
    }
    if (signal.aborted) return;
    onConnected(false);
    await pause(waitMs, signal);
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }
}

/** @param {string} jobId @param {string} lastId @param {AbortSignal} signal @param {(connected: boolean) => void} onConnected */
async function* connect(jobId, lastId, signal, onConnected) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "text/event-stream" };
  if (lastId) headers["Last-Event-ID"] = lastId;
  const response = await send(`jobs/${jobId}/events`, { headers, signal });
  onConnected(true);
  yield* parseEvents(readText(/** @type {ReadableStream<Uint8Array>} */ (response.body)));
}

/** Yield the text of a body as it arrives. End after too long a silence. @param {ReadableStream<Uint8Array>} body */
async function* readText(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    while (true) {
      const timer = setTimeout(() => reader.cancel(), SILENCE_MS);
      const { done, value } = await reader.read().catch(() => END).finally(() => clearTimeout(timer));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {AsyncIterable<string>} texts @returns {AsyncGenerator<ServerEvent>} */
async function* parseEvents(texts) {
  let rest = "";
  for await (const text of texts) {
    const messages = (rest + text).split("\n\n");
    rest = /** @type {string} */ (messages.pop());
    for (const message of messages) {
      const event = parseEvent(message);
      if (event) yield event;
    }
  }
}

/** @param {string} message @returns {ServerEvent|null} null for comments and `retry` fields */
function parseEvent(message) {
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
