// The list of categories: switches them on and off; pointing at one makes the others faint.

export class Legend {
  // Calls told.changed() after a switch, told.light(category or null) while one is pointed at.
  constructor(element, names, points, told) {
    Object.assign(this, { element, names, points, told });
    this.toggles = [...element.querySelectorAll("[data-map-toggle]")];
  }

  start(hidden) {
    for (const part of this.element.querySelectorAll("[data-map-script]")) part.hidden = false;
    for (const toggle of this.toggles) {
      toggle.checked = !hidden.includes(this.names[toggle.dataset.mapToggle]);
      toggle.addEventListener("change", () => this.change());
    }
    for (const button of this.element.querySelectorAll("[data-map-all]")) {
      button.addEventListener("click", () => {
        for (const toggle of this.toggles) toggle.checked = button.dataset.mapAll === "show";
        this.change();
      });
    }
    for (const row of this.element.querySelectorAll("[data-category]")) this.setUpRow(row);
    this.read();
  }

  setUpRow(row) {
    const category = Number(row.dataset.category);
    const light = () => this.told.light(this.points.hidden[category] ? null : category);
    row.addEventListener("pointerenter", light);
    // A finger that switches a category on means only that.
    row.addEventListener("focusin", (event) => { if (event.target.matches(":focus-visible")) light(); });
    for (const name of ["pointerleave", "focusout"]) row.addEventListener(name, () => this.told.light(null));
  }

  change() {
    this.read();
    this.told.changed();
  }

  read() {
    for (const toggle of this.toggles) {
      this.points.hidden[toggle.dataset.mapToggle] = Number(!toggle.checked);
      toggle.closest("li").classList.toggle("off", !toggle.checked);
    }
  }

  get hiddenNames() {
    return this.names.filter((_, i) => this.points.hidden[i]);
  }
}
