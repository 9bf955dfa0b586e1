// Rank intervals by score, and the means of models by task: both follow the score and task that are chosen.
const ranks = (() => {
  const start = () => {
    const rows = Array.from(byId("rank-table").tBodies[0].rows);
    const n = DATA.models.length;
    const step = [1, 2, 5, 10, 20, 50, 100].find((s) => n <= 6 * s) || n;
    const ticks = [1];
    for (let tick = step; tick <= n; tick += step) if (tick > 1) ticks.push(tick);
    const axis = [1, Math.max(2, n), ticks, 0];
    onChange(() => {
      for (const tr of rows) {
        const model = Number(tr.dataset.model);
        DATA.scores.forEach((score, i) => {
          const row = rowOf(boardOf(i, state.task), model);
          const label = row && `${DATA.models[model].name}: ${score.title.toLowerCase()} rank ${row[RANK]}, interval ${row[BEST]} to ${row[WORST]}`;
          tr.cells[i + 1].replaceChildren(row ? intervalPlot(axis, row[RANK], row[BEST], row[WORST], label, i === state.score) : "–");
        });
      }
      const board = boardOf(state.score, state.task);
      const place = (tr) => { const row = rowOf(board, Number(tr.dataset.model)); return row ? row[RANK] : Infinity; };
      byId("rank-table").tBodies[0].append(...rows.sort((a, b) => place(a) - place(b)));
    });
  };
  return { start };
})();

const tasks = (() => {
  let lead = -1; // the model whose best tasks stand first; -1: tasks in their own order

  // The cells of one heat map: what each row and column is, whichever way round the table is drawn.
  const heatOf = (box, score) => {
    const grid = box.querySelector("table");
    const byTask = box.dataset.corner === "Task";
    const models = DATA.models.map((model) => model.name);
    const name = (cell) => cell.querySelector("bdi").textContent;
    const task = (cell) => DATA.tasks.indexOf(name(cell), 1);
    const model = (cell) => models.indexOf(name(cell));
    const heads = Array.from(grid.tHead.rows[0].cells).slice(1);
    const lines = Array.from(grid.tBodies[0].rows);
    const columns = heads.map(byTask ? model : task);
    const rows = lines.map((tr) => (byTask ? task : model)(tr.cells[0]));
    const cells = lines.map((tr) => Array.from(tr.cells).slice(1));
    return { box, score, grid, byTask, heads, lines, columns, rows, cells };
  };

  const press = (cell, action, hint) => {
    const inside = cell.querySelector("span, bdi");
    const button = make("button", { type: "button", title: hint });
    inside.replaceWith(button);
    button.append(inside);
    button.addEventListener("click", action);
  };

  const pick = (task) => choose({ task: state.task === task ? 0 : task });
  const leadBy = (model) => { lead = lead === model ? -1 : model; choose({}); };

  const wire = (heat) => {
    const { byTask, heads, lines, rows, columns, cells } = heat;
    const [onRow, onColumn] = byTask ? [pick, leadBy] : [leadBy, pick];
    const hints = { true: "Rank by this task", false: "This model's best tasks first" };
    heads.forEach((cell, j) => press(cell, () => onColumn(columns[j]), hints[!byTask]));
    lines.forEach((tr, i) => press(tr.cells[0], () => onRow(rows[i]), hints[byTask]));
    cells.forEach((line, i) => line.forEach((cell, j) => cell.addEventListener("click", () => {
      const [task, model] = byTask ? [rows[i], columns[j]] : [columns[j], rows[i]];
      table.mark(model);
      choose({ task });
    })));
  };

  const mean = (score, task, model) => { const row = rowOf(boardOf(score, task), model); return row ? row[MEAN] : null; };
  const sorted = (names, value) => names
    .map((name, i) => ({ i, value: value(name) }))
    .sort((a, b) => (a.value === null) - (b.value === null) || b.value - a.value || a.i - b.i)
    .map((entry) => entry.i);

  const arrange = (heat) => {
    const { grid, byTask, heads, lines, rows, columns, cells, score } = heat;
    const models = sorted(byTask ? columns : rows, (model) => mean(score, state.task, model));
    const order = lead < 0 ? (byTask ? rows : columns).map((_, i) => i) : sorted(byTask ? rows : columns, (task) => mean(score, task, lead));
    const [down, across] = byTask ? [order, models] : [models, order];
    grid.tHead.rows[0].append(...across.map((j) => heads[j]));
    grid.tBodies[0].append(...down.map((i) => { lines[i].append(...across.map((j) => cells[i][j])); return lines[i]; }));
    const chosen = (kind, name) => (kind ? name === state.task : name === lead);
    heads.forEach((cell, j) => mark(cell, chosen(!byTask, columns[j])));
    lines.forEach((tr, i) => mark(tr.cells[0], chosen(byTask, rows[i])));
    if (!byTask) cells.forEach((line) => line.forEach((cell, j) => cell.classList.toggle("picked", columns[j] === state.task)));
  };
  const mark = (cell, on) => { cell.classList.toggle("picked", on); cell.querySelector("button").setAttribute("aria-pressed", on); };

  const start = () => {
    if (!byId("heats")) return;
    const heats = Array.from(byId("heats").children).map((box) => heatOf(box, Number(box.dataset.score)));
    heats.forEach(wire);
    onChange(() => {
      for (const heat of heats) {
        heat.box.hidden = heat.score !== state.score;
        if (!heat.box.hidden) arrange(heat);
      }
    });
  };
  return { start };
})();
