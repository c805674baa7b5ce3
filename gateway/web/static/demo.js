// Comfort only: looks again by itself while a letter is on its way and nobody is busy with the page.
"use strict";
if (document.querySelector("[data-moving]")) {
  const again = setInterval(() => {
    if (!document.hidden && !document.querySelector("details[open]")) location.reload();
  }, 2500);
  document.addEventListener("submit", () => clearInterval(again));
}
