// The table of models: another score or task fills it anew, a head sorts it, a word filters it.
const table = (() => {
  const rows = Array.from(byId("models").tBodies[0].rows);
  const heads = Array.from(byId("models").tHead.rows[0].cells);
  const sortSelect = byId("sort");
  const order = { key: "rank", down: false };
  const collator = new Intl.Collator("en", { numeric: true });
  const firstDown = new Set(["mean", "images"]);
  let board = null;
  let marked = -1;

  const values = {
    rank: (row) => (row ? row[RANK] : null),
    name: (_row, model) => DATA.models[model].name,
    maker: (_row, model) => DATA.models[model].maker || null,
    weights: (_row, model) => DATA.models[model].weights || null,
    mean: (row) => (row ? row[MEAN] : null),
    ranks: (row) => (row ? row[BEST] * 10000 + row[WORST] : null),
    images: (row) => (row ? row[IMAGES] : null),
  };

  const put = (tr, kind, text) => { const cell = tr.querySelector(`td.${kind}`); if (cell) cell.textContent = text; };

  const fillRow = (tr) => {
    const model = Number(tr.dataset.model);
    const row = rowOf(board, model);
    const { name } = DATA.models[model];
    const digits = board ? board.digits : 1;
    const leads = Boolean(row) && row[LEADS];
    tr.classList.toggle("leads", leads);
    tr.classList.toggle("marked", model === marked);
    put(tr, "rank", row ? row[RANK] : "–");
    put(tr, "mean", row ? number(row[MEAN], digits) : "–");
    put(tr, "span", row && row[LOW] !== null ? `${number(row[LOW], digits)} – ${number(row[HIGH], digits)}` : "–");
    put(tr, "ranks", row ? span(row[BEST], row[WORST]) : "–");
    put(tr, "letters", row ? row[LETTERS] : "");
    put(tr, "n", row ? whole(row[IMAGES]) : "–");
    tr.querySelector("[data-small]").textContent = row ? ` rank ${span(row[BEST], row[WORST])}` : "";
    const cell = tr.querySelector("td.draw");
    cell.replaceChildren();
    if (!row) return;
    const interval = row[LOW] === null ? "no interval" : `interval ${number(row[LOW], digits)} to ${number(row[HIGH], digits)}`;
    const label = `${name}: mean ${number(row[MEAN], digits)}, ${interval}`;
    cell.append(intervalPlot(board.axis, row[MEAN], row[LOW], row[HIGH], label, leads));
  };

  const sort = () => {
    const value = (tr) => values[order.key](rowOf(board, Number(tr.dataset.model)), Number(tr.dataset.model));
    const rank = (tr) => { const row = rowOf(board, Number(tr.dataset.model)); return row ? row[RANK] : Infinity; };
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null) || rank(a) - rank(b); // unknown: last either way
      const way = typeof x === "string" ? collator.compare(x, y) : x - y;
      return (order.down ? -way : way) || rank(a) - rank(b);
    };
    byId("models").tBodies[0].append(...rows.sort(compare));
    for (const head of heads) {
      if (head.dataset.sort === order.key) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    sortSelect.value = order.key;
  };

  const filter = () => {
    const words = byId("find").value.toLocaleLowerCase("en").split(/\s+/).filter(Boolean);
    const weights = byId("weights") ? byId("weights").value : "";
    let shown = 0;
    for (const tr of rows) {
      const model = DATA.models[Number(tr.dataset.model)];
      const text = `${model.name} ${model.maker}`.toLocaleLowerCase("en");
      tr.hidden = !words.every((word) => text.includes(word)) || (weights !== "" && model.weights !== weights);
      shown += tr.hidden ? 0 : 1;
    }
    byId("said").textContent = `${whole(shown)} of ${whole(rows.length)} models`;
  };

  const show = () => {
    board = boardOf(state.score, state.task);
    const score = DATA.scores[state.score];
    for (const tr of rows) fillRow(tr);
    byId("models").querySelector("[data-axis]").replaceChildren(...(board ? [axisLabels(board.axis)] : []));
    byId("verdict").textContent = board ? board.verdict : "No image of this task has this score.";
    const images = board && !heads.some((head) => head.dataset.sort === "images") ? ` ${whole(board.rows[0][IMAGES])} images a model.` : "";
    byId("scale").textContent = `${score.scale[0].toUpperCase()}${score.scale.slice(1)}.${images}`;
    for (const note of document.querySelectorAll("[data-note]")) note.hidden = note.dataset.of !== score.key || state.task !== 0;
    sort();
    filter();
  };

  const sortBy = (key) => {
    order.down = order.key === key ? !order.down : firstDown.has(key);
    order.key = key;
    sort();
  };

  const start = () => {
    for (const head of heads.filter((cell) => cell.dataset.sort)) {
      const button = make("button", { type: "button" }, ...head.childNodes);
      button.addEventListener("click", () => sortBy(head.dataset.sort));
      head.append(button);
      sortSelect.append(make("option", { value: head.dataset.sort }, button.textContent === "#" ? "Rank" : button.textContent));
    }
    sortSelect.addEventListener("change", () => { order.key = ""; sortBy(sortSelect.value); });
    byId("find").addEventListener("input", filter);
    if (byId("weights")) byId("weights").addEventListener("change", filter);
    byId("filters").hidden = false;
    onChange(show);
  };
  return { start, mark: (model) => { marked = model; } };
})();
