// Shows while somebody writes a proposal what its files would be: faults, rendered prompts, tokens. Without this script the button
// "Check" does the same with a whole page.

const PAUSE = 600;

class PromptPreview extends HTMLElement {
  #clock = 0;
  #asked = null;

  connectedCallback() {
    this.addEventListener("input", () => this.#soon());
    this.addEventListener("change", () => this.#soon());
  }

  disconnectedCallback() {
    clearTimeout(this.#clock);
    this.#asked?.abort();
  }

  #soon() {
    clearTimeout(this.#clock);
    this.#clock = setTimeout(() => this.#ask(), PAUSE);
  }

  // One question at a time: whoever types on has the one before given up.
  async #ask() {
    const form = this.querySelector("form");
    const place = this.querySelector(".preview");
    if (!form || !place || !form.elements.path) return;
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    place.setAttribute("aria-busy", "true");
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(this.dataset.path, { method: "POST", body, signal: asked.signal, headers: { accept: "text/html" } });
      const text = await answer.text();
      if (this.#asked !== asked) return;
      if (answer.ok) this.#put(place, text);
      else this.#refused(answer.status, text);
    } catch {
      if (this.#asked === asked) this.#stale("the server cannot be reached; it is asked again when you type on");
    } finally {
      if (this.#asked === asked) place.removeAttribute("aria-busy");
    }
  }

  // What was opened or closed stays so. The verdict alone is read aloud, not the prompts.
  #put(place, text) {
    const before = [...place.querySelectorAll("details")].map((one) => one.open);
    place.innerHTML = text;
    place.removeAttribute("data-stale");
    const after = [...place.querySelectorAll("details")];
    if (after.length === before.length) after.forEach((one, at) => (one.open = before[at]));
    this.querySelector("[data-out-of-date]").hidden = true;
    this.#say(place.querySelector("[data-says]")?.textContent.trim() ?? "");
  }

  // The page that was answered says why, in a sentence.
  #refused(status, text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const why = page.querySelector("main p")?.textContent.trim();
    if (status === 403) this.#stale("this page was opened too long ago; keep your text, reload, and paste it again");
    else if (status === 413) this.#stale("the files are larger than can be sent");
    else this.#stale(why || `the server answered with status ${status}`);
  }

  // A verdict about an earlier text is no verdict about this one.
  #stale(why) {
    const notice = this.querySelector("[data-out-of-date]");
    notice.textContent = `The preview is out of date: ${why}`;
    notice.hidden = false;
    this.querySelector(".preview").setAttribute("data-stale", "");
    this.#say(notice.textContent);
  }

  #say(text) {
    const status = this.querySelector("[data-verdict]");
    if (status.textContent !== text) status.textContent = text;
  }
}

customElements.define("prompt-preview", PromptPreview);
