// Keeps a venture's page true while its sections are being made: the server says which section changed, the page fetches just that
// one. Without this script the page reloads itself every few seconds.

class PlanLive extends HTMLElement {
  #source = null;
  #clock = 0;
  #fetching = new Map();

  connectedCallback() {
    if (!("running" in this.dataset)) return;
    this.#tick();
    this.#clock = setInterval(() => this.#tick(), 1000);
    this.#source = new EventSource(`${this.dataset.path}/events`);
    this.#source.addEventListener("section", (event) => this.#changed(event.data));
    this.#source.addEventListener("place", (event) => this.#place(event.data));
    // The run may have begun to wait between the page and the first event.
    this.#source.addEventListener("waits", () => this.querySelector(".waits") ?? location.reload());
    this.#source.addEventListener("reload", () => location.reload());
    this.#source.addEventListener("finished", () => this.#finished());
  }

  disconnectedCallback() {
    this.#source?.close();
    clearInterval(this.#clock);
  }

  // Counted from the start of the run, so a reload goes on where it was; a clock that runs behind the server's starts at 0.
  #tick() {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(this.dataset.since)) / 1000));
    const elapsed = this.querySelector(".elapsed");
    if (elapsed && Number.isFinite(seconds)) elapsed.textContent = ` · ${seconds} s`;
  }

  // "-" says that its turn has come.
  #place(text) {
    const place = this.querySelector(".place");
    if (!place) return;
    place.hidden = text === "-";
    place.textContent = place.hidden ? "" : text;
  }

  #changed(data) {
    const [name, stamp] = data.split(" ");
    if (document.getElementById(name)?.dataset.stamp === stamp) return;
    this.#goesOn();
    // One fetch at a time per section: a change that comes meanwhile is looked at afterwards.
    const before = this.#fetching.get(name) ?? Promise.resolve();
    this.#fetching.set(name, before.then(() => this.#refresh(name)).catch(() => {}));
  }

  // What waited for the quota does so no more.
  #goesOn() {
    this.querySelector(".waits")?.remove();
    this.querySelector(".live")?.removeAttribute("hidden");
  }

  async #refresh(name) {
    const answer = await fetch(`${this.dataset.path}/sections/${name}`, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const holder = document.createElement("template");
    holder.innerHTML = await answer.text();
    const fresh = holder.content.querySelector(".section");
    const old = document.getElementById(name);
    if (!fresh || !old) return;
    old.replaceWith(fresh);
    this.#mark(name, fresh);
    this.#count();
  }

  #mark(name, section) {
    const link = this.querySelector(`[data-for="${name}"]`);
    if (!link) return;
    const [mark, ...words] = section.querySelector(".state").textContent.trim().split(/\s+/);
    link.dataset.state = section.dataset.state;
    link.querySelector(".mark").textContent = mark;
    link.querySelector(".state-word").textContent = words.join(" ");
  }

  #count() {
    const ended = (scope) => scope.querySelectorAll('[data-for][data-state="ready"], [data-for][data-state="stale"], [data-for][data-state="failed"]').length;
    const progress = this.querySelector("progress");
    if (progress) progress.value = ended(this);
    const number = this.querySelector(".ended");
    if (number) number.textContent = ended(this);
    for (const step of this.querySelectorAll(".steps > ol > li")) {
      const count = step.querySelector(".count");
      if (count) count.textContent = `${ended(step)} of ${step.querySelectorAll("[data-for]").length}`;
    }
  }

  async #finished() {
    this.#source?.close();
    await Promise.all(this.#fetching.values());
    // The head of the page has other words now; where the reader is stays.
    location.reload();
  }
}

customElements.define("plan-live", PlanLive);
