// Every prompt with the scores of all models; scores lie packed in the page and are unpacked once.
const prompts = (() => {
  const MISSING = 65535;
  const PAGE = 25;
  const pack = DATA.prompts;
  const scores = {};
  let shown = PAGE;
  let matches = [];

  const unpack = ({ first, step, data }) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const digits = Math.max(0, Math.round(-Math.log10(step)));
    const values = new Float64Array(bytes.length / 2);
    for (let i = 0; i < values.length; i += 1) {
      const raw = view.getUint16(2 * i, true);
      values[i] = raw === MISSING ? NaN : Number((first + step * raw).toFixed(digits));
    }
    return values;
  };

  // The dimension that orders and draws: the chosen one; for the combined score, which single prompts lack, the first.
  const shownKey = () => { const { key } = DATA.scores[state.score]; return key in scores ? key : Object.keys(scores)[0]; };
  const wordsOf = (key) => DATA.scores.find((score) => score.key === key);
  const of = (key, prompt) => scores[key].subarray(prompt * DATA.models.length, (prompt + 1) * DATA.models.length);

  const summary = (key, prompt) => {
    let [n, sum, low, high] = [0, 0, Infinity, -Infinity];
    for (const value of of(key, prompt)) {
      if (Number.isNaN(value)) continue;
      n += 1; sum += value; low = Math.min(low, value); high = Math.max(high, value);
    }
    return n ? { n, mean: sum / n, low, high } : null;
  };

  const digitsOf = (key) => (boardOf(DATA.scores.findIndex((score) => score.key === key), 0).digits > 1 ? 2 : 1);

  const find = () => {
    const words = byId("search").value.toLocaleLowerCase("en").split(/\s+/).filter(Boolean);
    const key = shownKey();
    matches = [];
    pack.texts.forEach((text, i) => {
      if (state.task !== 0 && pack.tasks[i] !== state.task - 1) return;
      const low = words.length ? text.toLocaleLowerCase("en") : "";
      if (words.every((word) => low.includes(word))) matches.push(i);
    });
    const order = byId("order").value;
    if (order !== "given") {
      const value = { spread: (s) => s.low - s.high, low: (s) => s.mean, high: (s) => -s.mean }[order];
      const keys = new Map(matches.map((i) => { const s = summary(key, i); return [i, s ? value(s) : Infinity]; }));
      matches.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
    }
    byId("found").textContent = `${whole(matches.length)} of ${whole(pack.texts.length)} prompts`;
  };

  const details = (prompt) => {
    const key = shownKey();
    const keys = Object.keys(scores);
    const own = of(key, prompt);
    const models = Array.from(own.keys()).filter((model) => keys.some((k) => !Number.isNaN(of(k, prompt)[model])));
    models.sort((a, b) => (Number.isNaN(own[a]) - Number.isNaN(own[b])) || own[b] - own[a] || a - b);
    const axis = axisOf(key);
    const heads = keys.map((k) => {
      const { title, short } = wordsOf(k); // the short one where space is scarce, for the eye only
      const brief = make("abbr", { class: "brief", title, "aria-hidden": "true" }, short);
      return make("th", { scope: "col", class: "right fit" }, make("span", { class: "full" }, title), brief);
    });
    const rows = models.map((model) => {
      const cells = keys.map((k) => {
        const value = of(k, prompt)[model];
        return make("td", { class: "right fit" }, Number.isNaN(value) ? "–" : number(value, digitsOf(k)));
      });
      const label = `${wordsOf(key).title} ${number(own[model], digitsOf(key))}`;
      const plot = Number.isNaN(own[model]) ? "" : intervalPlot(axis, own[model], null, null, label, false);
      return make("tr", {}, make("th", { scope: "row" }, make("bdi", {}, DATA.models[model].name)), make("td", { class: "draw" }, plot), ...cells);
    });
    const head = make("tr", {}, make("th", { scope: "col" }, "Model"), make("th", { scope: "col", class: "draw" }, wordsOf(key).title, axisLabels(axis)), ...heads);
    const body = make("div", {});
    const question = pack.questions[prompt];
    if (question) body.append(make("p", { class: "fine", dir: "auto" }, `Asked for the answer: ${question}`));
    body.append(make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
    return body;
  };

  const axisOf = (key) => {
    const every = scores[key].filter((value) => !Number.isNaN(value));
    let [low, high] = [Infinity, -Infinity];
    for (const value of every) { low = Math.min(low, value); high = Math.max(high, value); }
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 25, 50, 100, 1e3, 1e4, 1e5, 1e6].find((s) => (high - low) / s <= 6) || (high - low) / 5 || 1;
    const [a, b] = [Math.floor(low / step) * step, Math.max(Math.ceil(high / step), Math.floor(low / step) + 1) * step];
    const ticks = [];
    for (let k = Math.round(a / step); k * step <= b + step * 1e-6; k += 1) ticks.push(k * step);
    return [a, b, ticks, step < 1 ? 1 : 0];
  };

  const item = (prompt) => {
    const key = shownKey();
    const found = summary(key, prompt);
    const digits = digitsOf(key);
    const task = state.task === 0 && pack.tasks[prompt] >= 0 ? `${DATA.tasks[pack.tasks[prompt] + 1]} · ` : "";
    const say = found ? `${task}${wordsOf(key).title.toLowerCase()} mean ${number(found.mean, digits)}, ${number(found.low, digits)} to ${number(found.high, digits)}` : task;
    const fold = make("details", {}, make("summary", {},
      make("span", { class: "text", dir: "auto" }, pack.texts[prompt]), make("span", { class: "say" }, say)));
    fold.addEventListener("toggle", () => { if (fold.open && fold.children.length === 1) fold.append(details(prompt)); });
    return make("li", {}, fold);
  };

  const list = () => {
    byId("prompt-list").replaceChildren(...matches.slice(0, shown).map(item));
    byId("more").hidden = matches.length <= shown;
  };
  const again = () => { shown = PAGE; find(); list(); };

  const start = () => {
    if (!pack) return;
    for (const [key, one] of Object.entries(pack.scores)) scores[key] = unpack(one);
    byId("search").addEventListener("input", again);
    byId("order").addEventListener("change", again);
    byId("more").addEventListener("click", () => {
      const next = shown;
      shown += PAGE;
      byId("prompt-list").append(...matches.slice(next, shown).map(item));
      byId("more").hidden = matches.length <= shown;
      const first = byId("prompt-list").children[next];
      if (first) first.querySelector("summary").focus();
    });
    onChange(again);
  };
  return { start };
})();
