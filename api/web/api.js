// Requests to the service: the key goes with each, and each failure comes back as a `Problem` in the service's words.
import { askForKey, key } from "./key.js";

const SILENT = "The service does not answer. It may be starting again; this page goes on by itself.";

/** What went wrong. `status` is 0 where there was no answer at all. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} said @param {number} [retryAfter] seconds */
  constructor(status, code, said, retryAfter = 0) {
    super(said);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later without anybody doing anything. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** What a request failed with, or null where it was given up on purpose; anything else is a fault of ours. @param {unknown} failure */
export function expected(failure) {
  if (failure instanceof Problem) return failure;
  if (failure instanceof DOMException && failure.name === "AbortError") return null;
  throw failure;
}

/**
 * @param {string} path below the service's root
 * @param {RequestInit & {headers?: Record<string, string>}} [how]
 * @returns {Promise<Response>} of a 2xx answer
 * @throws {Problem}
 */
export async function call(path, how = {}) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, { ...how, headers: { Accept: "application/json", ...authorization(), ...how.headers } });
  } catch (failure) {
    if (/** @type {Error} */ (failure).name === "AbortError") throw failure;
    throw new Problem(0, "network", SILENT);
  }
  if (answer.ok) return answer;
  throw problem(answer.status, await answer.text(), answer.headers.get("Retry-After"));
}

/** @param {string} path @param {RequestInit & {headers?: Record<string, string>}} [how] @returns {Promise<any>} */
export async function json(path, how) {
  return (await call(path, how)).json();
}

/**
 * Sends a form and tells how much of it has gone, which fetch cannot.
 * @param {FormData} form @param {string} idempotencyKey
 * @param {(share: number) => void} onSent 0–1
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
export function upload(form, idempotencyKey, onSent, signal) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", "jobs");
    const headers = { Accept: "application/json", "Idempotency-Key": idempotencyKey, ...authorization() };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.total ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status < 300) done(JSON.parse(request.responseText));
      else failed(problem(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => failed(new Problem(0, "network", "The upload broke off."));
    request.onabort = () => failed(new DOMException("given up", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** @returns {Record<string, string>} */
function authorization() {
  const held = key();
  return held ? { Authorization: `Bearer ${held}` } : {};
}

/** @param {number} status @param {string} body @param {string|null} retryAfter */
function problem(status, body, retryAfter) {
  let told = { code: "", detail: "" };
  try {
    told = JSON.parse(body);
  } catch {
    // not the service's own answer, but that of something before it
  }
  const said = told.detail || `The service answered ${status}.`;
  if (status === 401) askForKey(said);
  return new Problem(status, told.code || `http.${status}`, said, Number(retryAfter) || 0);
}
