// Counts what visitors choose, as a shop would.
"use strict";

let clicks = 0;
document.addEventListener("lookalike:click", (event) => {
  clicks += 1;
  const { similar, position } = event.detail;
  const line = document.querySelector("[data-clicks]");
  line.textContent = `Clicks counted by this page: ${clicks}. The last: ${similar}, at place ${position}.`;
});
