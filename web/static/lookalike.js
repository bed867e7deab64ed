// What the pages do beyond links and forms; every page works without it.
"use strict";

const REFRESH_MS = 3000;
const WAIT_MS = 700;
const SLOW_AFTER_MS = 20000;

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

// On an item's page a garment is selected in place instead of loading the page anew.
function setUpSelecting() {
  const page = document.querySelector("[data-item-page]");
  const similar = document.querySelector("[data-similar]");
  if (!page || !similar) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-item-page] [data-garment], [data-similar] .options a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    select(new URL(link.getAttribute("href"), location.href), similar);
  });
}

async function select(url, similar) {
  const garment = url.searchParams.get("garment");
  const fragment = new URL(`${url.pathname}/similar/${garment}${url.search}`, location.href);
  similar.classList.add("loading");
  try {
    const answer = await fetch(fragment);
    if (!answer.ok) throw new Error(String(answer.status));
    similar.innerHTML = await answer.text();
  } catch {
    location.assign(url);
    return;
  } finally {
    similar.classList.remove("loading");
  }
  history.replaceState(null, "", url);
  for (const each of document.querySelectorAll("[data-item-page] [data-garment]")) {
    const chosen = each.dataset.garment === garment;
    each.classList.toggle("selected", chosen);
    if (chosen) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
  const { top } = similar.getBoundingClientRect();
  if (top > innerHeight - 120 || top < 0) similar.scrollIntoView({ behavior: "smooth" });
}

// Admin: parts that change by themselves. A part in use (focus inside) is left alone.
function setUpRefresh() {
  const part = document.querySelector("[data-refresh]");
  if (!part) return;
  setInterval(async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    const answer = await fetch(part.dataset.refresh, { redirect: "error" }).catch(() => null);
    if (answer?.ok) part.innerHTML = await answer.text();
  }, REFRESH_MS);
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

// A photo that can't be loaded leaves a calm surface instead of a broken picture.
function setUpMissingPhotos() {
  document.addEventListener("error", (event) => {
    if (event.target.tagName === "IMG") event.target.classList.add("missing");
  }, true);
}

setUpHover();
setUpSelecting();
setUpRefresh();
setUpWaiting();
setUpDrop();
setUpMissingPhotos();
