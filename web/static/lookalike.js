// What the pages do beyond links and forms; every page works without it.
"use strict";

const WAIT_MS = 700;
const SLOW_AFTER_MS = 20000;
const SCROLL = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";

// Outlines and rows of the same garment light up together.
function setUpHover() {
  const mark = (event, on) => {
    const garment = event.target.closest?.("[data-garment]")?.dataset.garment;
    if (!garment) return;
    for (const twin of document.querySelectorAll(`[data-garment="${CSS.escape(garment)}"]`)) {
      twin.classList.toggle("hovered", on);
    }
  };
  for (const [name, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(name, (event) => mark(event, on));
  }
}

// Similar items change in place: another garment, a filter, the slider, a like. The address keeps
// the whole state, so that it can be shared and the page works the same when it is loaded anew.
function setUpSimilar() {
  const page = document.querySelector("[data-item-page]");
  const similar = document.querySelector("[data-similar]");
  if (!similar) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-item-page] [data-garment]");
    if (!page || !link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const url = new URL(link.getAttribute("href"), location.href);
    const kept = stateOf(similar.querySelector("[data-similar-form]"));
    for (const name of ["garment", "like", "dislike"]) kept.delete(name);
    for (const [name, value] of kept) url.searchParams.append(name, value);
    show(url, similar);
  });
  similar.addEventListener("submit", (event) => {
    event.preventDefault();
    update(event.target, similar, event.submitter);
  });
  similar.addEventListener("change", (event) => {
    if (event.target.form) update(event.target.form, similar);
  });
}

function stateOf(form, submitter) {
  if (!form) return new URLSearchParams();
  const state = new URLSearchParams(new FormData(form, submitter));
  if (state.get("variety") === "0") state.delete("variety");
  for (const name of ["price_min", "price_max"]) if (!state.get(name)) state.delete(name);
  return state;
}

function update(form, similar, submitter) {
  const url = new URL(form.getAttribute("action"), location.href);
  url.search = stateOf(form, submitter);
  url.hash = "";
  const focused = document.activeElement;
  const again = focused && similar.contains(focused) && focused.name
    ? `[name="${focused.name}"][value="${CSS.escape(focused.value)}"], input[type=range][name="${focused.name}"]` : null;
  show(url, similar, again);
}

async function show(url, similar, focusOn) {
  const garment = url.searchParams.get("garment");
  const fragment = new URL(similar.dataset.fragment || `${url.pathname}/similar/${garment}`, location.href);
  fragment.search = url.search;
  similar.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(fragment);
    if (!answer.ok) throw new Error(String(answer.status));
    similar.innerHTML = await answer.text();
  } catch {
    location.assign(url);
    return;
  } finally {
    similar.removeAttribute("aria-busy");
  }
  // What a click has changed is in the form now; the address says the same in its plain form.
  url.search = stateOf(similar.querySelector("[data-similar-form]"));
  history.replaceState(null, "", url);
  const { length } = similar.querySelectorAll(".item-card");
  say(length === 1 ? "1 similar item" : `${length} similar items`);
  if (focusOn) similar.querySelector(focusOn)?.focus();
  markSelected(url.searchParams.getAll("garment"));
  const { top } = similar.getBoundingClientRect();
  if (!focusOn && (top > innerHeight - 120 || top < 0)) similar.scrollIntoView({ behavior: SCROLL });
}

function markSelected(garments) {
  for (const each of document.querySelectorAll("[data-item-page] [data-garment]")) {
    const chosen = garments.includes(each.dataset.garment);
    each.classList.toggle("selected", chosen);
    if (chosen) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
  const place = document.querySelector("[data-look-place]");
  if (place) place.replaceChildren();
}

function say(words) {
  const place = document.querySelector("[data-say]");
  if (place) place.textContent = words;
}

// Complete the look: shown under the similar items instead of on a page of its own.
function setUpLook() {
  const place = document.querySelector("[data-look-place]");
  if (!place) return;
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-look]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    place.setAttribute("aria-busy", "true");
    const answer = await fetch(`${link.href}?fragment=1`).catch(() => null);
    place.removeAttribute("aria-busy");
    if (!answer?.ok) return location.assign(link.href);
    place.innerHTML = await answer.text();
    place.scrollIntoView({ behavior: SCROLL });
  });
}

// A choice of order needs no button; filters are folded away where there is little room.
function setUpGrid() {
  for (const form of document.querySelectorAll("[data-submit-on-change]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }
  const facets = document.querySelector("[data-facets]");
  if (facets && matchMedia("(max-width: 991px)").matches) facets.removeAttribute("open");
}

// Where there is little room the admin's tabs scroll: the present one is to be seen.
function setUpTabs() {
  const tabs = document.querySelector(".tabs");
  const here = tabs?.querySelector("[aria-current]");
  if (here) tabs.scrollLeft = here.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;
}

// Search by photo: ask until the garments are found, then show them.
function setUpWaiting() {
  const page = document.querySelector("[data-wait]");
  if (!page) return;
  const started = Date.now();
  const ask = async () => {
    const answer = await fetch(page.dataset.wait).catch(() => null);
    const state = answer?.ok ? (await answer.json()).state : "pending";
    if (state !== "pending" || answer?.status === 404) return location.reload();
    // Nobody knows how long it takes: half of what is left each few seconds never claims too much.
    page.querySelector("[data-wait-progress]").value = 95 - 85 * 0.5 ** ((Date.now() - started) / 2500);
    if (Date.now() - started > SLOW_AFTER_MS) page.querySelector("[data-wait-slow]").hidden = false;
    return setTimeout(ask, WAIT_MS);
  };
  setTimeout(ask, WAIT_MS);
}

// A photo that is dropped or chosen is sent at once.
function setUpDrop() {
  const form = document.querySelector("[data-drop]");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const send = () => {
    if (!input.files.length) return;
    form.querySelector("[data-drop-text]").textContent = `Sending ${input.files[0].name} …`;
    form.requestSubmit();
  };
  input.addEventListener("change", send);
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (!file) return;
    const pasted = new DataTransfer();
    pasted.items.add(file);
    input.files = pasted.files;
    send();
  });
  for (const camera of form.querySelectorAll("[data-camera]")) {
    camera.hidden = false;
    camera.addEventListener("click", () => {
      input.setAttribute("capture", "environment");
      input.click();
      input.removeAttribute("capture");
    });
  }
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.toggle("dragging", name === "dragenter" || name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) {
        input.files = event.dataTransfer.files;
        send();
      }
    });
  }
}

// Tabs that don't fit scroll: the present one is in sight.
function setUpTabs() {
  const tabs = document.querySelector(".tabs");
  const present = tabs?.querySelector("[aria-current]");
  if (present) tabs.scrollLeft = present.offsetLeft - (tabs.clientWidth - present.offsetWidth) / 2;
}

// A photo that can't be loaded leaves a calm surface instead of a broken picture.
function setUpMissingPhotos() {
  document.addEventListener("error", (event) => {
    if (event.target.tagName === "IMG") event.target.classList.add("missing");
  }, true);
}

setUpHover();
setUpSimilar();
setUpLook();
setUpGrid();
setUpTabs();
setUpWaiting();
setUpDrop();
setUpTabs();
setUpMissingPhotos();
