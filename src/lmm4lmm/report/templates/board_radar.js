// Two to five models over the tasks: a radar for the shape, and a table with the numbers behind it.
const profile = (() => {
  const MOST = 5;
  const chosen = [0, 1, 2].filter((model) => model < DATA.models.length);
  const boxes = [];

  const meanOf = (task, model) => { const row = rowOf(boardOf(state.score, task), model); return row ? row[MEAN] : null; };
  const taskNumbers = () => DATA.tasks.map((_, i) => i).slice(1).filter((task) => boardOf(state.score, task));

  const rim = (tasks) => {
    const means = tasks.flatMap((task) => boardOf(state.score, task).rows.map((row) => row[MEAN]));
    const [low, high] = [Math.min(...means), Math.max(...means)];
    return high > low ? [low, high] : [low - 1, high + 1];
  };

  const rings = (low, high) => {
    const raw = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high; k += 1) found.push(k * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  };

  const radar = (tasks) => {
    const width = Math.max(260, byId("radar").clientWidth);
    const wordy = width > 520; // on a phone numbers stand for the tasks; the table says which
    const radius = wordy ? Math.min(220, width / 2 - 122) : width / 2 - 26;
    const [x0, y0] = [width / 2, radius + 28];
    const [low, high] = rim(tasks);
    const at = (i, value, extra = 0) => {
      const r = radius * (value - low) / (high - low) + extra;
      const angle = 2 * Math.PI * i / tasks.length;
      return [x0 + r * Math.sin(angle), y0 - r * Math.cos(angle)];
    };
    const ring = (value) => tasks.map((_, i) => at(i, value).map((v) => v.toFixed(1)).join(" ")).join("L");
    const label = `Radar of ${chosen.map((model) => DATA.models[model].name).join(", ")} over ${tasks.length} tasks; the numbers are in the table that follows`;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${2 * radius + 56}`, role: "img", "aria-label": label });
    const { found, digits } = rings(low, high);
    for (const value of [...found, high]) svg.append(draw("path", { class: "ring", d: `M${ring(value)}Z` }));
    tasks.forEach((task, i) => {
      const [x, y] = at(i, high);
      svg.append(draw("line", { class: "spoke", x1: x0, y1: y0, x2: x, y2: y }));
      const [tx, ty] = at(i, high, 12);
      const anchor = Math.abs(tx - x0) < 12 ? "middle" : tx < x0 ? "end" : "start";
      svg.append(draw("text", { x: tx, y: ty + 4, "text-anchor": anchor }, wordy ? short(DATA.tasks[task]) : `${task}`));
    });
    chosen.forEach((model, k) => line(svg, tasks, model, k, at));
    for (const value of found.filter((v) => (high - v) / (high - low) > 0.06)) {
      const [x, y] = at(0, value);
      svg.append(draw("text", { class: "tick", x: x + 4, y: y + 4 }, number(value, digits)));
    }
    byId("radar").replaceChildren(svg);
  };
  const short = (text) => (text.length > 22 ? `${text.slice(0, 21)}…` : text);

  const line = (svg, tasks, model, k, at) => {
    const points = tasks.map((task, i) => { const mean = meanOf(task, model); return mean === null ? null : at(i, mean); });
    const known = points.filter(Boolean);
    const path = known.map((point) => point.map((v) => v.toFixed(1)).join(" ")).join("L");
    svg.append(draw("path", { class: `line line${k}`, d: `M${path}${known.length === points.length ? "Z" : ""}` }));
    for (const [x, y] of known) svg.append(draw("circle", { class: `mark${k}`, cx: x, cy: y, r: "2.8" }));
  };

  const numbers = (tasks) => {
    const key = (k) => draw("svg", { class: "key", "aria-hidden": "true" }, draw("line", { class: `line${k}`, x1: "0", x2: "30", y1: "4", y2: "4" }));
    const heads = chosen.map((model, k) => make("th", { scope: "col" }, key(k), make("bdi", {}, DATA.models[model].name)));
    byId("radar-table").tHead.replaceChildren(make("tr", {}, make("th", { scope: "col" }, "Task"), ...heads));
    byId("radar-table").tBodies[0].replaceChildren(...tasks.map((task) => {
      const { digits } = boardOf(state.score, task);
      const texts = chosen.map((model) => number(meanOf(task, model), digits));
      const means = chosen.map((model) => meanOf(task, model)).filter((mean) => mean !== null);
      const top = means.length ? number(Math.max(...means), digits) : null;
      const cells = texts.map((text) => make("td", {}, text === top ? make("b", {}, text) : text));
      return make("tr", {}, make("th", { scope: "row" }, `${task} `, make("bdi", {}, DATA.tasks[task])), ...cells);
    }));
  };

  const show = () => {
    boxes.forEach((box, model) => {
      box.checked = chosen.includes(model);
      box.disabled = box.checked ? chosen.length <= 2 && DATA.models.length > 1 : chosen.length >= MOST;
    });
    const tasks = taskNumbers();
    const flat = tasks.length < 3; // no shape: the table says it all
    byId("radar").hidden = flat;
    if (!flat) radar(tasks);
    numbers(tasks);
  };

  const toggle = (model) => {
    const place = chosen.indexOf(model);
    if (place >= 0) chosen.splice(place, 1);
    else chosen.push(model);
    show();
  };

  const start = () => {
    if (!byId("profile")) return;
    DATA.models.forEach((model, i) => {
      const box = make("input", { type: "checkbox" });
      box.addEventListener("change", () => toggle(i));
      boxes.push(box);
      byId("chosen").append(make("label", {}, box, make("bdi", {}, model.name)));
    });
    onChange(show);
    let width = 0;
    new ResizeObserver(() => {
      if (byId("radar").clientWidth === width) return;
      width = byId("radar").clientWidth;
      show();
    }).observe(byId("radar"));
  };
  return { start };
})();
