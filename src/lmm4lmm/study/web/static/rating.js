// The rating page: keys and taps to answers, answers to the server, the next image in place of the last.
// Without this script the same page works as plain forms.
"use strict";

(() => {
  const place = document.getElementById("step");
  const said = document.getElementById("said");
  const words = document.getElementById("words").dataset;
  const token = place.dataset.csrf;
  const SETTLE = 150; // ms in which a key pressed twice by accident can't rate an image that nobody saw yet
  let form, fieldsets, active, shown, hidden, away, busy = false, next = null, quiet = 0;
  const kept = []; // images on their way, so that the browser does not drop them

  const say = (text, seconds = 4) => {
    clearTimeout(quiet);
    said.textContent = text;
    if (seconds) quiet = setTimeout(() => { said.textContent = ""; }, 1000 * seconds);
  };

  // Remembered on this device only; a browser that keeps nothing still works.
  const auto = {
    get on() { try { return localStorage.getItem("lmm4lmm-auto") !== "off"; } catch (error) { return true; } },
    set on(value) { try { localStorage.setItem("lmm4lmm-auto", value ? "on" : "off"); } catch (error) { /* so be it */ } },
  };

  function fetchImage(id) {
    const image = new Image();
    image.src = `/image/${id}`;
    kept.push(image);
    if (kept.length > 12) kept.shift();
    return image.decode().catch(() => {});
  }

  const preload = (ids) => ids.filter(Boolean).forEach(fetchImage);

  // What is answered, by dimension; a slider only once it was moved.
  const valueOf = (set) => {
    const slider = set.querySelector("input[type=range]");
    if (slider) return slider.closest(".unset") ? null : Number(slider.value);
    const chosen = set.querySelector("input:checked");
    return chosen ? chosen.value : null;
  };
  const unanswered = () => fieldsets.findIndex((set) => valueOf(set) === null);

  function activate(index) {
    active = index;
    fieldsets.forEach((set, i) => set.classList.toggle("active", i === index && fieldsets.length > 1));
    if (fieldsets.length > 1 && matchMedia("(max-width: 820px)").matches) {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      fieldsets[index].scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
    }
  }

  function begin() {
    form = place.querySelector("form.step");
    fieldsets = Array.from(form.querySelectorAll("fieldset"));
    shown = performance.now();
    hidden = 0;
    away = document.hidden ? shown : null;
    busy = false;
    document.body.classList.remove("busy");
    form.noValidate = true;
    form.querySelectorAll(".stage img").forEach((image) => {
      image.addEventListener("error", () => failed(image));
      if (image.complete && !image.naturalWidth) failed(image);
    });
    const tick = form.querySelector(".auto");
    const slides = fieldsets.some((set) => set.dataset.scale === "slider");
    tick.hidden = slides;
    tick.firstElementChild.checked = auto.on;
    tick.firstElementChild.addEventListener("change", (event) => { auto.on = event.target.checked; });
    fieldsets.forEach((set, index) => {
      set.addEventListener("focusin", () => activate(index));
      set.addEventListener("click", (event) => {
        // detail is 0 when a radio is reached with arrow keys: who walks through the choices has not chosen yet.
        if (event.target.matches("input[type=radio]") && event.detail > 0) answered(index);
      });
      const slider = set.querySelector("input[type=range]");
      if (slider) {
        const touched = () => {
          slider.parentElement.classList.remove("unset");
          set.querySelector("output").textContent = words.sliderOf.replace("{value}", slider.value);
        };
        ["input", "pointerup"].forEach((kind) => slider.addEventListener(kind, touched));
      }
    });
    form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
    place.querySelector(".undo").addEventListener("submit", (event) => { event.preventDefault(); undo(); });
    activate(0);
    if (fieldsets[0].dataset.scale === "slider") fieldsets[0].querySelector("input").focus({ preventScroll: true });
    else form.focus({ preventScroll: true });
  }

  function failed(image) {
    const note = document.getElementById("failed").content.cloneNode(true);
    note.querySelector("button").addEventListener("click", () => location.reload());
    if (image.isConnected) image.replaceWith(note);
  }

  function answered(index) {
    const left = unanswered();
    if (left >= 0) activate(left);
    else if (auto.on && !fieldsets.some((set) => set.dataset.scale === "slider")) send();
    else activate(index);
  }

  function choose(scales, value) {
    const fits = (set) => scales.includes(set.dataset.scale);
    let index = fits(fieldsets[active]) ? active : fieldsets.findIndex((set) => fits(set) && valueOf(set) === null);
    if (index < 0) index = fieldsets.findIndex(fits);
    const input = index < 0 ? null : fieldsets[index].querySelector(`input[value="${value}"]`);
    if (!input) return false;
    input.checked = true;
    answered(index);
    return true;
  }

  async function send() {
    if (busy) return;
    if (unanswered() >= 0) {
      say(words.allAnswers);
      const left = fieldsets[unanswered()];
      activate(fieldsets.indexOf(left));
      left.querySelector("input").focus();
      return;
    }
    const now = performance.now();
    const ms = Math.round(now - shown - hidden - (away === null ? 0 : now - away));
    const values = Object.fromEntries(fieldsets.map((set) => [set.dataset.name, valueOf(set)]));
    lock();
    const answer = await Wire.ask("/study/api/rate", token, { step: form.dataset.step, values, ms }, line);
    if (answer.feedback && answer.outcome === "accepted") feedback(answer);
    else await show(answer, { repeated: words.repeated, not_yours: words.notYours }[answer.outcome]);
  }

  async function undo() {
    if (busy || place.querySelector(".undo button").disabled) return;
    lock();
    const answer = await Wire.ask("/study/api/undo", token, {}, line);
    await show(answer, answer.undone ? words.undone : words.notUndone);
  }

  function lock() {
    busy = true;
    document.body.classList.add("busy");
  }

  const line = (works) => (works ? say(words.online) : say(words.offline, 0));

  // After a training step: what others thought, with the image still in view.
  function feedback(answer) {
    const note = document.getElementById("feedback").content.cloneNode(true);
    const text = note.querySelector("p");
    text.textContent = answer.feedback;
    text.classList.toggle("good", answer.right === true);
    note.querySelector("button").addEventListener("click", () => { const go = next; next = null; if (go) go(); });
    // Asked for only now: the server counts the next image's time from there.
    next = async () => show(await Wire.ask("/study/api/state", token, undefined, line));
    form.querySelector(".panel").replaceWith(note);
    form.querySelector(".panel button").focus();
  }

  async function show(answer, note) {
    if (answer.refused === 400) { say(words.invalid); begin(); return; }
    if (answer.refused === 401) { say(words.signedOut, 0); return; }
    if (answer.refused || !answer.html) { location.replace("/study"); return; }
    await Promise.race([
      Promise.all(answer.step.images.map(fetchImage)),
      new Promise((done) => setTimeout(done, 4000)),
    ]);
    const fresh = document.createElement("template");
    fresh.innerHTML = answer.html; // made by our own templates, which escape all that comes from elsewhere
    place.replaceChildren(fresh.content);
    scrollTo(0, 0);
    begin();
    say(note || words.progress.replace("{done}", answer.step.position).replace("{total}", answer.step.total), note ? 4 : 0.01);
    preload(answer.preload);
  }

  // Another tab or device may have gone on meanwhile.
  async function look() {
    if (busy || next) return;
    const answer = await Wire.ask("/study/api/state", token, undefined, line);
    if (busy || next) return;
    if (!answer.step || answer.step.id !== form.dataset.step) await show(answer);
  }

  document.addEventListener("visibilitychange", () => {
    const now = performance.now();
    if (document.hidden) { away = now; return; }
    if (away !== null) hidden += now - away;
    away = null;
    look();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });

  const KEYS = { ArrowLeft: "first", ArrowRight: "second", t: "tie" };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const on = event.target;
    const widget = on.matches("button, a, input[type=checkbox]");
    if (next) {
      if (event.key === "Enter" && !widget && !event.repeat) { event.preventDefault(); const go = next; next = null; go(); }
      return;
    }
    if (busy || event.repeat || performance.now() - shown < SETTLE) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const sliding = on.matches("input[type=range]");
    let taken = true;
    if (/^[1-5]$/.test(key)) taken = choose(["acr5"], key);
    else if (key === "y" || key === "n") taken = choose(["yes_no"], key === "y" ? "1" : "0");
    else if (key in KEYS) taken = !sliding && choose(["pairwise"], KEYS[key]);
    else if (key === "u" || key === "Backspace") undo();
    else if (key === "Enter" && !widget) send();
    else taken = false;
    if (taken) event.preventDefault();
  });

  begin();
  preload(place.dataset.preload.split(" "));
  if (said.textContent) say(said.textContent);
})();
