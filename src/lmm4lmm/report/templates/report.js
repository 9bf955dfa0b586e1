"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const recall = () => { try { return localStorage.getItem("lmm4lmm-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("lmm4lmm-theme", theme); } catch { /* private window */ } };
  let current = "auto";
  const show = (theme) => {
    current = themes.includes(theme) ? theme : "auto";
    if (current === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", current);
    button.textContent = `Theme: ${current}`;
  };
  const asked = new URLSearchParams(location.hash.slice(1)).get("theme");
  show(asked || recall());
  button.hidden = false;
  button.addEventListener("click", () => {
    show(themes[(themes.indexOf(current) + 1) % themes.length]);
    keep(current);
  });
  // What is folded away on the screen belongs on paper.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
