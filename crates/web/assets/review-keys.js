// A reviewer's hands stay on the keyboard: in a row of points a digit gives that many, "t" gives ten, and the next row is next. Nothing is
// chosen before somebody goes to the rows: the text is read first, and a score is given once. Without this script the rows are radio
// buttons: Tab moves between them, arrows inside.

class ReviewKeys extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.#key(event));
    // The link to the rows brings the focus along, also when it is used again.
    addEventListener("hashchange", () => this.#go());
    for (const link of document.querySelectorAll('a[href^="#"]')) link.addEventListener("click", () => setTimeout(() => this.#go()));
  }

  #go() {
    const row = document.getElementById(location.hash.slice(1));
    if (row && this.contains(row) && row.matches(".mark-row")) (row.querySelector(":checked") ?? row.querySelector("input"))?.focus();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.type !== "radio") return;
    const points = event.key === "t" ? "10" : event.key;
    const row = event.target.closest(".mark-row");
    const wanted = row?.querySelector(`input[value="${CSS.escape(points)}"]`);
    if (!wanted || !/^\d+$/.test(points)) return;
    event.preventDefault();
    wanted.checked = true;
    const rows = [...this.querySelectorAll(".mark-row")];
    const next = rows[rows.indexOf(row) + 1];
    const place = next ? (next.querySelector(":checked") ?? next.querySelector("input")) : this.querySelector("button[type=submit]");
    place?.focus();
  }
}

customElements.define("review-keys", ReviewKeys);
