// Two models against each other, over all images: a row a score.
const pairs = (() => {
  const [one, other] = [byId("one"), byId("other")];

  // Difference, interval, adjusted p, prompts and verdict, seen from model a; null where a score lacks one of the two.
  const against = (score, a, b) => {
    const found = score.pairs.find(([x, y]) => (x === a && y === b) || (x === b && y === a));
    if (!found) return null;
    const [x, , difference, low, high, p, prompts, different] = found;
    const turn = (value) => (value === null ? null : -value);
    return x === a ? { difference, low, high, p, prompts, different }
      : { difference: turn(difference), low: turn(high), high: turn(low), p, prompts, different };
  };

  const signed = (value, digits) => (value > 0 ? "+" : "") + number(value, digits);
  const pText = (p) => (p === null ? "no test" : p < 0.001 ? "< 0.001" : p.toFixed(3));
  const verdict = ({ p, different, difference }) => {
    if (p === null) return "too few prompts";
    return different ? (difference > 0 ? "better" : "worse") : "can't be told apart";
  };

  const line = (score, i, a, b) => {
    const board = boardOf(i, 0);
    const digits = board.digits + 1;
    const mean = (model) => { const row = rowOf(board, model); return number(row ? row[MEAN] : null, digits); };
    const found = against(score, a, b);
    const texts = found === null ? ["–", "–", "–", "–", "–"] : [
      verdict(found),
      signed(found.difference, digits),
      found.low === null ? "–" : `${signed(found.low, digits)} to ${signed(found.high, digits)}`,
      pText(found.p), whole(found.prompts),
    ];
    const cells = [...texts, mean(a), mean(b)].map((text) => make("td", {}, text));
    return make("tr", {}, make("th", { scope: "row" }, score.title), ...cells);
  };

  const show = () => {
    const [a, b] = [Number(one.value), Number(other.value)];
    for (const [select, taken] of [[one, b], [other, a]]) Array.from(select.options).forEach((option, i) => { option.disabled = i === taken; });
    byId("pair-table").tBodies[0].replaceChildren(...DATA.scores.map((score, i) => line(score, i, a, b)));
  };

  const start = () => {
    if (!one) return;
    for (const select of [one, other]) {
      DATA.models.forEach((model, i) => select.append(make("option", { value: i }, model.name)));
      select.addEventListener("change", show);
    }
    other.value = "1";
    show();
  };
  return { start };
})();
