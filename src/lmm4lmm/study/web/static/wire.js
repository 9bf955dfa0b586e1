// Requests that don't give up: an answer is sent again until the server has said what became of it.
// That does no harm, because every answer carries its step's id and the server keeps the first.
"use strict";

const Wire = (() => {
  const wait = (ms) => new Promise((done) => {
    const timer = setTimeout(done, ms);
    addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
  });

  async function once(path, token, body) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 20000);
    try {
      return await fetch(path, body === undefined
        ? { headers: { Accept: "application/json" }, signal: stop.signal }
        : {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRF-Token": token, Accept: "application/json" },
          body: JSON.stringify(body),
          signal: stop.signal,
        });
    } finally {
      clearTimeout(timer);
    }
  }

  // The server's answer, or {refused: status} where asking again would not help.
  async function ask(path, token, body, told) {
    let failures = 0;
    for (;;) {
      let pause = Math.min(15000, 500 * 2 ** failures);
      try {
        const answer = await once(path, token, body);
        if (answer.ok) {
          const content = await answer.json();
          if (failures) told(true);
          return content;
        }
        if (answer.status < 500 && answer.status !== 429) return { refused: answer.status };
        pause = Math.max(pause, 1000 * Number(answer.headers.get("Retry-After") || 0));
      } catch (error) {
        if (failures === 0) pause = 300;
      }
      failures += 1;
      if (failures > 1) told(false);
      await wait(pause);
    }
  }

  return { ask };
})();
