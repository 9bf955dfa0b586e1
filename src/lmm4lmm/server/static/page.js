"use strict";
const $ = (id) => document.getElementById(id);
const state = { file: null, limits: null };
const asked = $("asked").textContent;

function show(file) {
  if (!file) return;
  state.file = file;
  if ($("preview").src) URL.revokeObjectURL($("preview").src);
  $("preview").src = URL.createObjectURL(file);
  $("preview").alt = `The image to score: ${file.name || "pasted"}`;
  $("preview").hidden = false;
  $("invite").hidden = true;
  $("drop").classList.add("full");
  $("about").hidden = false;
  $("about").textContent = `${file.name || "pasted image"}, ${size(file.size)}. Click it to choose another.`;
  clear();
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function complain(text) {
  $("fault").textContent = text;
  $("fault").hidden = !text;
}

function clear() {
  complain("");
  $("asked").textContent = asked;
  for (const name of ["perception", "correspondence", "answer"]) fill(name, null, "not scored yet");
}

/* One card: a value with its place from 0 to 100 (and its deviation), or the reason why there is none. */
function fill(name, value, words, std) {
  const card = $(name);
  const shown = card.querySelector(".value");
  card.classList.toggle("empty", value === null);
  shown.textContent = words;
  if (value === null) return;
  const place = Math.min(100, Math.max(0, value));
  card.querySelector(".mark").style.left = `clamp(2px, ${place}%, calc(100% - 2px))`;
  const spread = card.querySelector(".spread");
  if (!spread) return;
  spread.hidden = !std;
  if (!std) return;
  const low = Math.max(0, place - std), high = Math.min(100, place + std);
  spread.style.left = `${low}%`;
  spread.style.width = `${high - low}%`;
  const small = document.createElement("small");
  small.textContent = `± ${std.toFixed(1)}`;
  shown.append(small);
}

function tell(item, hasPrompt) {
  const why = { correspondence: hasPrompt ? "not scored" : "needs a prompt", answer: hasPrompt ? "not scored" : "needs a prompt or a question" };
  for (const name of ["perception", "correspondence"]) {
    const found = item[name];
    if (found) fill(name, found.score, found.score.toFixed(1), found.std);
    else fill(name, null, why[name] || "not scored");
  }
  if (!item.answer) return fill("answer", null, why.answer);
  $("asked").textContent = `: \u201c${item.answer.question}\u201d`;
  fill("answer", 100 * item.answer.p_yes, `${Math.round(100 * item.answer.p_yes)} % yes`);
}

function headers() {
  return $("token").value ? { Authorization: `Bearer ${$("token").value}` } : {};
}

async function score() {
  const limits = state.limits;
  if (!state.file) return complain("Choose an image first.");
  if (limits && state.file.size > limits.image_bytes) {
    return complain(`The image has ${size(state.file.size)}; this server takes at most ${size(limits.image_bytes)}.`);
  }
  const form = new FormData();
  form.append("image", state.file);
  const prompt = $("prompt").value.trim(), question = $("question").value.trim();
  if (prompt) form.append("prompt", prompt);
  if (question) form.append("question", question);
  const answer = await fetch("/v1/score", { method: "POST", body: form, headers: headers() });
  const found = await answer.json();
  if (answer.status === 401) {
    $("locked").hidden = false;
    $("token").focus();
    return complain("This server asks for its token: type it below the prompt.");
  }
  if (!answer.ok) return complain(`The server says: ${found.error.message}.`);
  const item = found.items[0];
  if (item.error) return complain(`This image can\u2019t be scored: ${item.error}.`);
  tell(item, Boolean(prompt));
}

async function send(event) {
  event.preventDefault();
  clear();
  $("send").disabled = true;
  $("send").textContent = "Scoring \u2026";
  document.body.classList.add("busy");
  try {
    await score();
  } catch {
    complain("The server doesn\u2019t answer. Is it still running?");
  } finally {
    $("send").disabled = false;
    $("send").textContent = "Score it";
    document.body.classList.remove("busy");
  }
}

async function greet() {
  const answer = await fetch("/v1/metrics", { headers: headers() });
  if (answer.status === 401) {
    $("locked").hidden = false;
    return;
  }
  const served = (await answer.json()).metrics[0];
  $("served").textContent = served.fingerprint;
  state.limits = served.limits;
  for (const name of ["perception", "correspondence", "answer"]) $(name).hidden = !served.dimensions.includes(name);
  const people = served.human_scale === "evalmi50k";  // the hatched range means nothing on another scale
  for (const part of document.querySelectorAll(".scale .usual, #people")) part.hidden = !people;
  $("own").hidden = people;
}

const drop = $("drop");
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") show(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => show(event.clipboardData.files[0]));
$("file").addEventListener("change", () => show($("file").files[0]));
$("form").addEventListener("submit", send);
$("token").addEventListener("change", () => greet().catch(() => {}));
$("command").textContent =
  `curl ${location.origin}/v1/score -F image=@cat.png -F prompt='a red cat on a blue chair' -F question='Is the cat red?'`;
clear();
greet().catch(() => {});
