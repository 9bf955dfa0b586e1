// Starts all parts; the address remembers score and task (#score=perception&task=counting), so that a view can be sent.
(() => {
  const score = byId("score");
  const task = byId("task");
  const keys = DATA.scores.map((one) => one.key);

  const where = () => {
    const name = DATA.scores[state.score].title;
    const part = DATA.tasks.length > 1 ? (state.task === 0 ? "all tasks" : DATA.tasks[state.task]) : "";
    score.value = `${state.score}`;
    if (task) task.value = `${state.task}`;
    for (const node of document.querySelectorAll("[data-where]")) node.textContent = part ? `${name}, ${part}` : name;
    for (const node of document.querySelectorAll("[data-where-score]")) node.textContent = name;
    for (const node of document.querySelectorAll("[data-where-task]")) node.textContent = part;
  };

  const asked = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const found = { score: keys.indexOf(wanted.get("score")), task: DATA.tasks.indexOf(wanted.get("task")) };
    return { score: Math.max(0, found.score), task: Math.max(0, found.task) };
  };
  const remember = () => {
    const parts = new URLSearchParams();
    if (state.score !== 0) parts.set("score", keys[state.score]);
    if (state.task !== 0) parts.set("task", DATA.tasks[state.task]);
    const text = parts.toString();
    try { history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search); } catch { /* a page in a frame */ }
  };

  document.documentElement.classList.add("js-on");
  byId("pick").hidden = false;
  for (const part of document.querySelectorAll(".js")) part.hidden = false;
  for (const part of [table, ranks, pairs, tasks, profile, prompts]) part.start();
  onChange(where);
  score.addEventListener("change", () => { choose({ score: Number(score.value) }); remember(); });
  if (task) task.addEventListener("change", () => { choose({ task: Number(task.value) }); remember(); });
  addEventListener("hashchange", () => { if (/score=|task=/.test(location.hash)) choose(asked()); });
  choose(asked());
})();
