// Which garment a point is: ids come in blocks of neighbours, words one by one, both kept.

const NOBODY = "00000000-0000-0000-0000-000000000000";
const WORDS_KEPT = 500;

export class Garments {
  constructor({ ids, block, garment, crop }) {
    this.idsAddress = ids.replace(/0$/, "");
    this.size = Number(block);
    this.garmentAddress = garment;
    this.cropAddress = crop;
    this.blocks = new Map();
    this.words = new Map();
  }

  // The id if it is here already; otherwise null, and it is asked for.
  idNow(i) {
    const block = this.blocks.get(Math.floor(i / this.size));
    if (block?.ids) return block.ids[i % this.size] ?? null;
    this.load(Math.floor(i / this.size)).catch(() => {});
    return null;
  }

  async id(i) {
    return (await this.load(Math.floor(i / this.size)))[i % this.size];
  }

  load(number) {
    if (!this.blocks.has(number)) {
      const block = {};
      block.coming = this.fetchBlock(number).then((ids) => {
        block.ids = ids;
        this.onIds?.();
        return ids;
      });
      block.coming.catch(() => this.blocks.delete(number));
      this.blocks.set(number, block);
    }
    return this.blocks.get(number).coming;
  }

  async fetchBlock(number) {
    const answer = await fetch(this.idsAddress + number);
    if (!answer.ok) throw new Error(String(answer.status));
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const ids = [];
    for (let at = 0; at < bytes.length; at += 16) ids.push(uuidOf(bytes.subarray(at, at + 16)));
    return ids;
  }

  cropOf(id) {
    return this.cropAddress.replace(NOBODY, id);
  }

  // {title, category, brand, role, href}; null for one that is in the catalog no more.
  describe(id) {
    if (!this.words.has(id)) {
      const asked = fetch(this.garmentAddress.replace(NOBODY, id)).then((answer) => {
        if (answer.ok) return answer.json();
        if (answer.status === 404) return null;
        throw new Error(String(answer.status));
      });
      asked.catch(() => this.words.delete(id));
      this.words.set(id, asked);
      if (this.words.size > WORDS_KEPT) this.words.delete(this.words.keys().next().value);
    }
    return this.words.get(id);
  }
}

function uuidOf(bytes) {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
