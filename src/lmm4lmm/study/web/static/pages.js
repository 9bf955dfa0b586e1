// Small things of the other pages: a countdown, a copy button, what the screen is like, and looking again.
"use strict";

(() => {
  const countdown = document.querySelector(".countdown");
  if (countdown) {
    // Counted from what the server said was left; the clock of this device may be wrong.
    const end = performance.now() + 1000 * Number(countdown.dataset.seconds);
    const timer = countdown.querySelector("[role=timer]");
    const go = document.getElementById("go");
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      timer.textContent = countdown.dataset.words.replace("M", Math.floor(left / 60)).replace("S", left % 60);
      if (left) { setTimeout(tick, 500); return; }
      timer.parentElement.hidden = true;
      countdown.querySelector(".over").textContent = countdown.querySelector("template").content.textContent;
      go.removeAttribute("aria-disabled");
    };
    if (Number(countdown.dataset.seconds)) go.setAttribute("aria-disabled", "true");
    go.addEventListener("click", (event) => { if (go.hasAttribute("aria-disabled")) event.preventDefault(); });
    tick();
  }

  document.querySelectorAll("[data-copy]").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const from = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText((from.value || from.textContent).trim());
      button.textContent = button.dataset.copied;
    });
  });

  const viewing = document.getElementById("viewing");
  if (viewing) {
    const measure = () => {
      const scale = window.visualViewport ? visualViewport.scale : 1;
      // On a desktop the outer width does not zoom; on a phone, and in a browser without a frame, they are equal.
      const zoom = Math.round(100 * scale * (outerWidth > 0 && innerWidth > 0 ? outerWidth / innerWidth : 1));
      viewing.elements.width.value = innerWidth;
      viewing.elements.height.value = innerHeight;
      viewing.elements.zoom.value = Math.max(zoom, 10);
      document.getElementById("measured").hidden = false;
      document.getElementById("size").textContent =
        viewing.dataset.size.replace("W", innerWidth).replace("H", innerHeight);
      document.getElementById("zoom").textContent = `${zoom} %`;
      const small = innerWidth < Number(viewing.dataset.leastWidth) || innerHeight < Number(viewing.dataset.leastHeight);
      const off = zoom < 90 || zoom > 112;
      document.getElementById("small").hidden = !small;
      document.getElementById("zoomed").hidden = !off;
    };
    measure();
    addEventListener("resize", measure);
  }

  const again = document.querySelector("[data-again]");
  if (again) setTimeout(() => location.replace("/study"), 1000 * Number(again.dataset.again));
})();
