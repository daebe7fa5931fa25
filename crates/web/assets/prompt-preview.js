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
      if (answer.ok && this.#asked === asked) this.#put(place, text);
    } catch {
      // Given up, or the network is away: what was shown last stays.
    } finally {
      if (this.#asked === asked) place.removeAttribute("aria-busy");
    }
  }

  // What was opened or closed stays so.
  #put(place, text) {
    const before = [...place.querySelectorAll("details")].map((one) => one.open);
    place.innerHTML = text;
    const after = [...place.querySelectorAll("details")];
    if (after.length === before.length) after.forEach((one, at) => (one.open = before[at]));
  }
}

customElements.define("prompt-preview", PromptPreview);
