// The card beside the pointer, or at the bottom for fingers: crop, title and category of a garment.

import { clamp } from "./view.js";

const WORDS_AFTER_MS = 90;
const GAP = 10;

export class Card {
  constructor(stage, garments, points, names) {
    Object.assign(this, { stage, garments, points, names, index: -1 });
    this.element = stage.querySelector("[data-map-card]");
    this.image = this.element.querySelector("img");
    this.title = this.element.querySelector("[data-map-title]");
    this.kind = this.element.querySelector("[data-map-kind]");
  }

  // Shows point i; resolves to the words once they are known, null if another is shown by then.
  async show(i, { docked = false } = {}) {
    this.element.classList.toggle("docked", docked);
    if (i === this.index) return this.words;
    this.index = i;
    this.words = this.fill(i);
    return this.words;
  }

  async fill(i) {
    this.title.textContent = "…";
    this.kind.textContent = this.names[this.points.category[i]];
    this.image.hidden = true;
    this.element.removeAttribute("href");
    this.element.hidden = false;
    try {
      const id = await this.garments.id(i);
      if (this.index !== i) return null;
      this.image.src = this.garments.cropOf(id);
      this.image.hidden = false;
      await new Promise((resolve) => { setTimeout(resolve, WORDS_AFTER_MS); });
      if (this.index !== i) return null;
      const words = await this.garments.describe(id);
      if (this.index !== i) return null;
      if (!words) {
        this.title.textContent = "No longer in the catalog";
        this.image.hidden = true;
        return null;
      }
      this.title.textContent = words.title;
      const kind = words.role === "worn_with" ? `${words.category} worn with it` : words.category;
      this.kind.textContent = [kind, words.brand].filter(Boolean).join(" · ");
      this.element.href = words.href;
      return words;
    } catch {
      if (this.index === i) {
        this.title.textContent = "This could not be loaded";
        this.index = -1;
      }
      return null;
    }
  }

  // Beside a place of the stage, so far from it that it covers nothing, and inside of the stage.
  place(left, top, apart) {
    if (this.element.classList.contains("docked")) {
      this.element.style.transform = "";
      return;
    }
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const { clientWidth, clientHeight } = this.stage;
    const gap = GAP + apart;
    const x = left + gap + width > clientWidth ? left - gap - width : left + gap;
    const y = clamp(top - height / 2, 8, Math.max(clientHeight - height - 8, 8));
    this.element.style.transform = `translate(${Math.round(clamp(x, 8, clientWidth - width - 8))}px, ${Math.round(y)}px)`;
  }

  hide() {
    this.index = -1;
    this.element.hidden = true;
  }
}
