// Elements: found by id, made, and changed only where something is new. Text is only ever text, never HTML.

/** @param {string} id @returns {any} the element, which index.html has */
export function $(id) {
  return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {Record<string, any>} about properties, and `data-…`, `aria-…` and `role` attributes
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function make(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else /** @type {any} */ (made)[name] = value;
  }
  made.append(...children);
  return made;
}

/** @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLElement} element @param {string} [text] what it says; it is shown where that is anything */
export function note(element, text = "") {
  say(element, text);
  element.hidden = !text;
}

/**
 * @param {Element} element @param {string} name @param {string|null} value null takes it away
 */
export function attribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Runs `work` in the next frame, once however often it is asked for until then. @param {() => void} work */
export function inFrame(work) {
  let asked = false;
  const run = () => {
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    if (document.hidden) setTimeout(run, 1_000); // where there are no frames; the title is in sight all the same
    else requestAnimationFrame(run);
  };
}

/** @param {number} ms @param {AbortSignal} [signal] ends the pause, too */
export function pause(ms, signal) {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), done(undefined)), { once: true });
  });
}
