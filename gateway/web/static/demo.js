// Comfort only: looks again by itself while a letter is on its way.
"use strict";
if (document.querySelector("[data-moving]")) {
  setTimeout(() => location.reload(), 2500);
}
