// While an eval runs, its page says how far it is; and a case that is opened brings what was asked and answered. Without this script there
// is a link to look again, and one to each case.

const PAUSE = 3000;

// The answer's text, or why there is none.
async function text(path) {
  const answer = await fetch(path, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.text();
}

class EvalLive extends HTMLElement {
  #clock = 0;

  connectedCallback() {
    this.#later();
  }

  disconnectedCallback() {
    clearTimeout(this.#clock);
  }

  #later() {
    this.#clock = setTimeout(() => this.#look(), PAUSE);
  }

  // Nobody looks at a page in the background.
  async #look() {
    if (!document.hidden) {
      try {
        this.innerHTML = await text(this.dataset.path);
        // Once: the page has all figures then, and where the reader is stays.
        if (this.querySelector("[data-ended]")) return location.reload();
      } catch (error) {
        this.querySelector("p").textContent = `This is out of date: the server could not be asked (${error.message}). It is asked again.`;
      }
    }
    this.#later();
  }
}

class EvalCases extends HTMLElement {
  connectedCallback() {
    // "toggle" does not bubble.
    this.addEventListener("toggle", (event) => event.target.open && this.#open(event.target), true);
  }

  async #open(details) {
    const place = details.querySelector(":scope > p");
    if (!place || details.dataset.asked) return;
    details.dataset.asked = "yes";
    try {
      const page = new DOMParser().parseFromString(await text(details.dataset.path), "text/html");
      const texts = page.querySelector(".texts");
      if (texts) place.before(texts);
    } catch {
      // The link is still there.
      delete details.dataset.asked;
    }
  }
}

customElements.define("eval-live", EvalLive);
customElements.define("eval-cases", EvalCases);
