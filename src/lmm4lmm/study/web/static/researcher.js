// The progress page looks again every ten seconds while somebody looks at it.
"use strict";

(() => {
  const live = document.getElementById("live");
  if (!live) return;
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(live.dataset.from);
      if (answer.redirected) { location.reload(); return; }
      if (answer.ok) live.innerHTML = await answer.text(); // made by our own templates, which escape
    } catch (error) { /* next time */ }
  }, 10000);
})();
