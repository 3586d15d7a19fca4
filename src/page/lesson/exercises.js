// --- The exercises: what the reader answers is compared with what the engine computed ---
const told = data.exercises.strings;
// Milliseconds for a reader's line, and for those of the page itself, which are known to end.
const LIMIT = 2000, PATIENCE = 30000;
// Of the largest number: what rounding may leave, and what is still called close.
const EXACT = 1e-9, CLOSE = 0.01;

// Runs lines for an exercise in a worker of their own: their numbers, or that they took too long.
function run(exercise, lines, limit) {
  const address = URL.createObjectURL(new Blob([data.exercises.worker], { type: "text/javascript" }));
  const worker = new Worker(address);
  return new Promise((resolve) => {
    let timer;
    const end = (outcome) => { clearTimeout(timer); worker.terminate(); URL.revokeObjectURL(address); resolve(outcome); };
    worker.onmessage = ({ data: said }) => {
      if (!said.ready) return end(said);
      // The clock starts when the worker has.
      timer = setTimeout(() => end({ slow: true }), limit);
      worker.postMessage({ exercise, lines });
    };
    worker.onerror = (event) => { event.preventDefault(); end({ results: [{ error: event.message }] }); };
  });
}

// Where a cell of the answer is, as the verdicts name it: row, column, and the channel if there are several.
function spot({ shape: [, w, c] }, at) {
  const channel = c > 1 ? ", " + fill(data.strings.channel, [at % c]) : "";
  return [Math.floor(at / c / w) + 1, Math.floor(at / c) % w + 1, channel];
}

function ask(article) {
  const { exercise, mistakes } = data.exercises.all.find(({ exercise }) => exercise.id === article.dataset.exercise);
  const answer = exercise.answer, most = Math.max(...answer.values.map(Math.abs));
  const near = (a, b, share) => Math.abs(a - b) <= share * most;
  // What is said to numbers for some cells: right or not, and why.
  const judge = (values, cells, same_as) => {
    const why = mistakes.find((_, k) => cells.every((at, n) => near(values[n], same_as[k]?.values?.[at], EXACT)))?.why ?? "";
    const worst = Math.max(...cells.map((at, n) => Math.abs(values[n] - answer.values[at]))) / most;
    if (worst <= EXACT) return { right: true, text: told.exact };
    if (worst <= CLOSE) return { right: true, text: fill(told.close, [show_number(100 * worst) + told.percent]) + " " + why };
    return { right: false, text: why };
  };
  // What the mistakes give, computed when it is first needed.
  let known;
  const by_mistakes = () => known ??= run(exercise, mistakes.map(({ line }) => line), PATIENCE).then(({ results }) => results ?? []);

  // The number for the marked cell. Whoever rounds is not wrong.
  async function predicted(text) {
    const value = Number(text.replace(",", "."));
    if (!isFinite(value)) return { right: false, text: told.wrong };
    const verdict = judge([value], [exercise.asked], await by_mistakes());
    return verdict.right ? verdict : { right: false, text: told.wrong + " " + verdict.text };
  }

  // The line for all cells.
  async function written(line) {
    const { slow, results } = await run(exercise, [line], LIMIT);
    if (slow) return { right: false, text: told.slow };
    const { error, values } = results[0];
    if (error !== undefined) return { right: false, text: fill(told.no_rule, [error]) };
    const bad = values.findIndex((value) => typeof value !== "number" || isNaN(value));
    if (bad >= 0) return { right: false, text: fill(told.no_number, [...spot(answer, bad), values[bad]]) };
    const verdict = judge(values, values.map((_, at) => at), await by_mistakes());
    if (verdict.right) return verdict;
    const wrong = values.flatMap((value, at) => near(value, answer.values[at], EXACT) ? [] : [at]);
    const [at] = wrong, others = wrong.length - 1;
    const first = fill(told.differs, [...spot(answer, at), show_number(values[at]), show_number(answer.values[at])]);
    const more = others > 1 ? fill(told.more, [others]) : others ? told.more_one : "";
    return { right: false, text: [first, more, verdict.text].filter(Boolean).join(" "), values, wrong };
  }

  async function check(form) {
    const field = form.querySelector("input"), verdict = form.querySelector(".verdict"), text = field.value.trim();
    remember(form.dataset.kind + "." + exercise.id, text);
    const said = !text ? { right: false, text: told.nothing } : await (form.dataset.kind === "cell" ? predicted : written)(text);
    // The answer may have been changed meanwhile.
    if (field.value.trim() !== text) return;
    form.dataset.right = said.right;
    verdict.textContent = (said.right ? "\u2713 " : "") + said.text;
    form.querySelector(".yours")?.remove();
    if (said.wrong) form.append(grid_of(said));
    report();
  }

  // The reader's numbers, where they differ marked.
  function grid_of({ values, wrong }) {
    const [h, w, c] = answer.shape, box = document.createElement("div");
    box.className = "grids yours";
    for (let channel = 0; channel < c; channel++) {
      const table = document.createElement("table");
      table.className = "grid";
      table.createCaption().textContent = told.yours + (c > 1 ? ", " + fill(data.strings.channel, [channel]) : "");
      for (let row = 0; row < h; row++) {
        const cells = table.insertRow();
        for (let column = 0; column < w; column++) {
          const at = (row * w + column) * c + channel, cell = cells.insertCell();
          cell.textContent = show_number(values[at]);
          cell.classList.toggle("off", wrong.includes(at));
        }
      }
      box.append(table);
    }
    return box;
  }

  const forms = all("form", article);
  for (const form of forms) form.onsubmit = (event) => { event.preventDefault(); check(form); };
  // What the address says is checked again, one after the other.
  return async function restore() {
    for (const form of forms) {
      const field = form.querySelector("input"), text = chosen.get(form.dataset.kind + "." + exercise.id) ?? "";
      field.value = text;
      form.dataset.right = false;
      form.querySelector(".verdict").textContent = "";
      form.querySelector(".yours")?.remove();
      if (text) await check(form);
    }
    report();
  };
}

// How many are solved: the cell or the rule, either will do.
function report() {
  const articles = all(".exercise"), solved = articles.filter((article) => article.querySelector('[data-right="true"]'));
  for (const article of articles) article.querySelector(".done").hidden = !solved.includes(article);
  const text = fill(told.progress, [solved.length, articles.length]), progress = document.getElementById("progress");
  if (progress.textContent !== text) progress.textContent = text;
}

