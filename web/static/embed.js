// Similar items under a product of a shop; no cookies, nothing global.
// How to use it: docs/embed.md of Lookalike.
(() => {
  "use strict";
  const server = new URL(document.currentScript.src).origin;
  const style = `
    :host { display: block; }
    :host([data-lookalike-theme="light"]) { color: #1c2120; background: #fff; }
    :host([data-lookalike-theme="dark"]) { color: #edebe6; background: #131716; }
    section { margin: 1.5rem 0; }
    .heading { font: inherit; font-size: 1.2em; font-weight: 600; margin: 0 0 .75rem; }
    ul { display: grid; grid-auto-flow: column; grid-auto-columns: clamp(8rem, 30%, 11rem); gap: 1rem;
      overflow-x: auto; list-style: none; margin: 0; padding: 0; }
    a { display: block; color: inherit; text-decoration: none; border-radius: 6px; }
    a:hover .title { text-decoration: underline; }
    a:focus-visible { outline: 3px solid; outline-offset: -3px; }
    img { display: block; width: 100%; aspect-ratio: 3 / 4; object-fit: cover; border-radius: 6px;
      background: rgba(128, 128, 128, .15); margin-bottom: .4rem; }
    .title, .price { display: block; overflow-wrap: anywhere; line-height: 1.35; }
    .price { font-weight: 600; }`;

  function make(name, className, text = "") {
    const element = document.createElement(name);
    element.className = className;
    element.setAttribute("part", className);
    element.textContent = text;
    return element;
  }

  function priceOf(item) {
    if (item.price === null) return "";
    try {
      const language = document.documentElement.lang || undefined;
      return new Intl.NumberFormat(language, { style: "currency", currency: item.currency }).format(item.price);
    } catch {
      return `${item.currency || ""} ${item.price.toFixed(2)}`.trim();
    }
  }

  // The shop can count clicks, or call preventDefault and show the item in its own way.
  function tell(host, name, detail) {
    return host.dispatchEvent(new CustomEvent(`lookalike:${name}`, { detail, bubbles: true, cancelable: true }));
  }

  function card(host, item, position) {
    const link = make("a", "item");
    if (/^https?:/.test(item.url)) link.href = item.url;
    const picture = make("img", "picture");
    picture.loading = "lazy";
    picture.alt = ""; // the title says it already
    picture.src = host.dataset.lookalikePicture === "crop" ? item.crop : item.picture;
    link.append(picture, make("span", "title", item.title), make("span", "price", priceOf(item)));
    const detail = { sku: host.dataset.lookalikeSku, similar: item.sku, url: item.url, position };
    link.addEventListener("click", (event) => { if (!tell(host, "click", detail)) event.preventDefault(); });
    const cell = document.createElement("li");
    cell.append(link);
    return cell;
  }

  function draw(host, items) {
    const level = host.dataset.lookalikeHeading;
    const heading = make(/^[1-6]$/.test(level) ? `h${level}` : "h2", "heading", host.dataset.lookalikeTitle || "Similar items");
    const list = make("ul", "list");
    list.setAttribute("role", "list");
    heading.id = "heading";
    list.append(...items.map((item, index) => card(host, item, index + 1)));
    const section = document.createElement("section");
    section.setAttribute("aria-labelledby", heading.id);
    section.append(heading, list);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    const root = host.shadowRoot || host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.replaceChildren(section);
  }

  async function fill(host) {
    const { lookalikeCatalog, lookalikeSku, lookalikeLimit, lookalikeInStock } = host.dataset;
    const path = [lookalikeCatalog, lookalikeSku].map(encodeURIComponent).join("/");
    const address = new URL(`/embed/${path}/similar`, server);
    if (lookalikeLimit) address.searchParams.set("limit", lookalikeLimit);
    if (lookalikeInStock !== undefined && lookalikeInStock !== "false") address.searchParams.set("in_stock", "true");
    try {
      const answer = await fetch(address, { credentials: "omit" });
      if (!answer.ok) throw new Error(String(answer.status));
      const { items } = await answer.json();
      if (items.length) draw(host, items);
      tell(host, "ready", { items: items.length });
    } catch (error) {
      tell(host, "error", { error }); // the shop's page stays as it is without us
    }
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      watcher.unobserve(entry.target);
      fill(entry.target);
    }
  }, { rootMargin: "400px" });

  function start() {
    for (const host of document.querySelectorAll("[data-lookalike-sku]:not([data-lookalike-seen])")) {
      host.dataset.lookalikeSeen = "";
      watcher.observe(host);
    }
  }

  start();
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("lookalike:scan", start); // for pages that add products later
})();
