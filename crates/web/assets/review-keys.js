// A reviewer's hands stay on the keyboard: in a row of points a digit gives that many, "t" gives ten, and the next row is next. Without this
// script the rows are radio buttons: Tab moves between them, arrows inside.

class ReviewKeys extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.#key(event));
    // The first row that has no points yet.
    const first = [...this.querySelectorAll(".mark-row")].find((row) => !row.querySelector(":checked"));
    first?.querySelector("input")?.focus({ preventScroll: true });
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
