// Shows the attacked texts: a table to choose from, and each with its edits marked. Data are written as text alone.
// It follows page.js, in the same script.

// ---------------------------------------------------------------- marks in texts

const isWordAt = (text, position) => /[\p{L}\p{N}\p{M}]/u.test(text[position] ?? "");

/** Returns edits with offsets in the units that scripts count in, in place of code points. */
function inUnits(text, edits) {
  if (!/[\u{10000}-\u{10ffff}]/u.test(text)) return edits;
  const units = [0];
  for (const point of text) units.push(units.at(-1) + point.length);
  return edits.map(([start, end, replacement]) => [units[start], units[end], replacement]);
}

/** Returns edits as replaced pieces [start, end, text], widened so that none begins or ends within a word. */
function wholeWords(before, edits) {
  const pieces = [];
  for (const edit of edits) {
    const [start, end, text] = edit;
    let [from, to] = [start, end];
    const touches = (inOld, inNew) => (start < end && isWordAt(before, inOld)) || isWordAt(text, inNew);
    if (touches(start, 0)) while (isWordAt(before, from - 1)) from -= 1;
    if (touches(end - 1, text.length - 1)) while (isWordAt(before, to)) to += 1;
    const last = pieces.at(-1);
    if (last && from < last.to) {
      last.to = Math.max(last.to, to);
      last.edits.push(edit);
    } else pieces.push({ from, to, edits: [edit] });
  }
  return pieces.map(({ from, to, edits }) => {
    let [text, position] = ["", from];
    for (const [start, end, replacement] of edits) {
      text += before.slice(position, start) + replacement;
      position = end;
    }
    return [from, to, text + before.slice(position, to)];
  });
}

const MOST_PAIRS = 1_000_000; // of words that are compared within one edit

const tokensOf = (text) => text.match(/[\p{L}\p{N}\p{M}]+|\s+|[^\p{L}\p{N}\p{M}\s]/gu) ?? [];

/** Returns what became of a piece of text, word by word: [kind, old, new] with the kinds same and changed. */
function wordChanges(before, after) {
  const [old, now] = [tokensOf(before), tokensOf(after)];
  if (!old.length || !now.length || old.length * now.length > MOST_PAIRS) return [["changed", before, after]];
  // The length of the longest common subsequence of what follows two positions.
  const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i][j] = old[i] === now[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const changes = [];
  const add = (kind, was, is) => {
    const last = changes.at(-1);
    if (last?.[0] === kind) [last[1], last[2]] = [last[1] + was, last[2] + is];
    else changes.push([kind, was, is]);
  };
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      // A space between two changed words is a part of the change.
      const isBetween = /^\s/.test(old[i]) && changes.at(-1)?.[0] === "changed" && old[i + 1] !== now[j + 1];
      add(isBetween ? "changed" : "same", old[i++], now[j++]);
    } else {
      const isDeleted = j >= now.length || (i < old.length && common[i + 1][j] >= common[i][j + 1]);
      add("changed", isDeleted ? old[i++] : "", isDeleted ? "" : now[j++]);
    }
  }
  return changes;
}

/** Returns the whole text as [kind, old, new]; of the kinds same, inserted, deleted and replaced. */
function changesOf(before, edits) {
  const changes = [];
  let position = 0;
  for (const [start, end, text] of wholeWords(before, edits)) {
    const kept = before.slice(position, start);
    changes.push(["same", kept, kept], ...wordChanges(before.slice(start, end), text));
    position = end;
  }
  const rest = before.slice(position);
  changes.push(["same", rest, rest]);
  const kind = ([name, old, now]) => (name === "same" ? name : !old ? "inserted" : !now ? "deleted" : "replaced");
  return changes.filter(([, old, now]) => old || now).map((change) => [kind(change), change[1], change[2]]);
}

const COMMON_WORDS = new Set(
  "a an and are as at be by for from has in is it its of on or that the this to was what with".split(" "),
);
const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Returns a text as nodes: query words underlined, characters that nobody sees shown by their code. */
function written(text, queryWords) {
  return text.split(/([\p{L}\p{N}]+)/u).flatMap((piece, number) => {
    if (number % 2 && queryWords.has(piece.toLowerCase())) return [element("u", {}, piece)];
    return piece.split(/([^\P{C}\n\t]|[\p{Zl}\p{Zp}])/u).map((part, position) => {
      if (position % 2 === 0) return part;
      const code = part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      return element("span", { class: "hidden-character", title: "a character that is not visible" }, `U+${code}`);
    });
  });
}

function pane(title, changes, side, queryWords) {
  const isBefore = side === "before";
  const only = isBefore ? "deleted" : "inserted";
  const nodes = changes.flatMap(([kind, old, now]) => {
    const nodes = written(isBefore ? old : now, queryWords);
    if (kind === "same") return nodes;
    if (kind !== "replaced" && kind !== only) return [];
    const hint = kind !== "replaced" ? kind : isBefore ? `replaced by: ${now}` : `in place of: ${old}`;
    return [element(isBefore ? "del" : "ins", { class: kind, title: hint }, ...nodes)];
  });
  return element("section", { class: side }, element("h3", {}, title), element("p", { dir: "auto" }, ...nodes));
}

// ---------------------------------------------------------------- attacked texts

const ROWS = 25; // of a page of the table
const SHORT = 30; // characters of a text that is not broken into lines

const AXES = ["task", "collection", "attack", "ranker", "defense"];
const TEXT_FIELDS = new Set([...AXES, "query_id", "query", "doc_id", "before", "note", "status"]);

/** Returns the attacked texts, the largest gain in rank first; `value` is what was measured of one, or null. */
function readRecords(data) {
  const read = (values) => {
    const record = {};
    data.fields.forEach((name, at) => (record[name] = TEXT_FIELDS.has(name) ? data.texts[values[at]] : values[at]));
    record.edits = inUnits(record.before, record.edits);
    record.facts = record.facts.map(([fact, value]) => ({ ...data.facts[fact], value }));
    record.value = (measure, condition = "", cutoff = null) => {
      const isIt = (f) => f.measure === measure && f.condition === condition && f.cutoff === cutoff && !f.group;
      return record.facts.find(isIt)?.value ?? null;
    };
    record.checks = record.facts.filter((fact) => fact.measure === "certificate_check");
    const replacements = record.edits.map(([, , text]) => text);
    const searched = [record.query_id, record.query, record.doc_id, record.before, ...replacements];
    record.search = searched.join("\n").toLowerCase();
    return record;
  };
  return data.records.map(read).sort((a, b) => compare(gainOf(a), gainOf(b), -1));
}

const gainOf = (record) => {
  const [before, after] = [record.value("rank", "clean"), record.value("rank", "attacked")];
  return before === null || after === null ? null : before - after;
};
const yesOrNo = (value) => (value === null ? null : value ? "yes" : "no");

const COLUMNS = [
  { title: "query", value: (r) => r.query },
  { title: "document", value: (r) => r.doc_id || null },
  { title: "attack", value: (r) => r.attack },
  { title: "ranker", value: (r) => r.ranker },
  { title: "defense", value: (r) => r.defense },
  { title: "rank", value: (r) => r.value("rank", "clean"), isNumber: true },
  { title: "after", value: (r) => r.value("rank", "attacked"), isNumber: true },
  { title: "success", value: (r) => yesOrNo(r.value("success", "attacked")) },
  { title: "victim queries", value: (r) => r.value("queries"), isNumber: true },
  { title: "flagged", value: (r) => yesOrNo(r.value("flagged", "attacked")) },
  { title: "certified", value: (r) => r.checks.map(({ k }) => `K=${k}`).join(" ") || null },
];

const OUTCOMES = {
  success: (r) => r.value("success", "attacked") === 1,
  "no success": (r) => r.value("success", "attacked") === 0,
  "into the top 10": (r) => r.value("success", "attacked", 10) === 1,
  "not edited": (r) => !r.edits.length,
  "budget spent": (r) => r.status === "budget_exhausted",
  flagged: (r) => r.value("flagged", "attacked") === 1,
  "not flagged": (r) => r.value("flagged", "attacked") === 0,
  certified: (r) => r.checks.length > 0,
  "certificate broken": (r) => r.checks.some(({ value }) => value === 0),
};

/** Returns a labelled list to choose from: every value that a record has, with their number. */
function filterOf(title, values, countOf, choose) {
  const option = (value) => element("option", { value }, `${value} (${countOf(value)})`);
  const change = ({ target }) => choose(target.value);
  const select = element("select", { change }, element("option", { value: "" }, "all"), ...values.map(option));
  return element("label", {}, `${title} `, select);
}

function filtersOf(records, tests, choose) {
  const countOf = (name) => (value) => records.filter((record) => tests[name](record, value)).length;
  return Object.keys(tests).flatMap((name) => {
    const isOutcome = name === "outcome";
    const values = isOutcome ? Object.keys(OUTCOMES) : [...new Set(records.map((record) => record[name]))];
    const present = values.filter(countOf(name));
    return isOutcome || present.length > 1
      ? [filterOf(name, present, countOf(name), (value) => choose(name, value))]
      : [];
  });
}

function showBrowser(place, records) {
  const state = { shown: records, page: 0, filters: {}, words: [], column: null, direction: 1 };
  const tests = Object.fromEntries(AXES.map((axis) => [axis, (record, value) => record[axis] === value]));
  tests.outcome = (record, value) => OUTCOMES[value](record);
  const isChosen = (record) =>
    Object.entries(state.filters).every(([name, value]) => !value || tests[name](record, value)) &&
    state.words.every((word) => record.search.includes(word));

  const body = element("tbody");
  const status = element("span", { role: "status" });
  const turn = (step) => () => draw(state.page + step);
  const previous = element("button", { type: "button", click: turn(-1) }, "Previous");
  const next = element("button", { type: "button", click: turn(1) }, "Next");
  const draw = (page) => {
    state.page = page;
    const [first, end] = [page * ROWS, Math.min((page + 1) * ROWS, state.shown.length)];
    const row = (record, at) => browserRow(record, () => showText(state.shown, first + at));
    body.replaceChildren(...state.shown.slice(first, end).map(row));
    status.textContent = end ? `${first + 1}–${end} of ${state.shown.length}` : "no text is like that";
    previous.disabled = page === 0;
    next.disabled = end === state.shown.length;
  };
  const update = (changes) => {
    Object.assign(state, changes);
    const { column, direction } = state;
    state.shown = records.filter(isChosen);
    if (column !== null) {
      const { value } = COLUMNS[column];
      state.shown.sort((a, b) => compare(value(a), value(b), direction));
    }
    draw(0);
  };

  const choose = (name, value) => update({ filters: { ...state.filters, [name]: value } });
  const input = ({ target }) => update({ words: target.value.toLowerCase().split(/\s+/) });
  const search = element("label", {}, "text ", element("input", { type: "search", input }));
  const headings = COLUMNS.map(({ title, isNumber }) =>
    element("th", { scope: "col", class: isNumber ? "number" : null }, title),
  );
  sortable(headings, (column, direction) => update({ column, direction }));
  const table = element("table", { class: "texts" }, element("thead", {}, element("tr", {}, ...headings)), body);
  place.replaceChildren(
    element("div", { class: "tools" }, ...filtersOf(records, tests, choose), search),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Attacked texts" }, table),
    element("div", { class: "tools" }, previous, next, status),
  );
  update({});
}

function browserRow(record, open) {
  const cells = COLUMNS.map(({ value, isNumber }, number) => {
    const text = value(record) ?? MISSING;
    const content = number ? shown(text) : [element("button", { type: "button", class: "open" }, ...shown(text))];
    return element("td", { class: isNumber ? "number" : text.length < SHORT ? "short" : null }, ...content);
  });
  return element("tr", { click: open }, ...cells);
}

const format = (number) =>
  (Number.isInteger(number) ? number.toLocaleString("en") : String(Number(number.toPrecision(4)))).replace("-", "−");
const shown = (value) => (typeof value === "number" ? [format(value)] : written(String(value), new Set()));

// ---------------------------------------------------------------- one attacked text

const CONDITIONS = { clean: "original", attacked: "adversarial", control: "random edit", "": "" };

/** Returns what was measured as a table: a row for each measure, a column for each condition. */
function factsTable(record) {
  const lines = new Map();
  for (const { measure, condition, cutoff, k, radius, group, value } of record.facts) {
    const about = { "@": measure.includes("@") ? null : cutoff, " K=": k, " R=": radius, " ": group };
    if (!(condition in CONDITIONS)) about[" ("] = `${condition})`;
    const given = Object.entries(about).filter(([, part]) => part);
    const name = (measure + given.map(([mark, part]) => mark + part).join("")).replaceAll("_", " ");
    lines.set(name, { ...lines.get(name), [condition in CONDITIONS ? condition : ""]: value });
  }
  const isMeasured = (condition) => [...lines.values()].some((values) => condition in values);
  const conditions = Object.keys(CONDITIONS).filter(isMeasured);
  const rows = [...lines].map(([name, values]) => {
    const number = (condition) => element("td", { class: "number" }, ...shown(values[condition] ?? MISSING));
    return element("tr", {}, element("th", { scope: "row" }, name), ...conditions.map(number));
  });
  const heads = conditions.map((name) => element("th", { scope: "col", class: "number" }, CONDITIONS[name]));
  const head = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "measure"), ...heads));
  const table = element("table", {}, head, element("tbody", {}, ...rows));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Measures" }, table);
}

function verdict(record) {
  const change = (measure) => {
    const values = ["clean", "attacked"].map((condition) => record.value(measure, condition));
    return values.includes(null) ? null : values.map(format).join(" → ");
  };
  const facts = [
    ["rank", change("rank")],
    ["success", yesOrNo(record.value("success", "attacked"))],
    ["score", change("score")],
    ["similarity", record.value("similarity", "attacked")],
    ["perplexity", change("perplexity")],
    ["victim queries", record.value("queries")],
    ["flagged", yesOrNo(record.value("flagged", "attacked"))],
    ["certified", record.checks.map(({ k, value }) => `K=${k}${value ? "" : " (broken)"}`).join(", ") || null],
    ["edits", record.edits.length],
  ];
  const entries = facts
    .filter(([, value]) => value !== null)
    .map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, ...shown(value))));
  return element("dl", { class: "facts" }, ...entries);
}

const plain = (text) => written(text, new Set());

function legend(record) {
  const marks = [["del", "deleted"], ["ins", "inserted"], ["ins", "replaced"]];
  const shown = marks.flatMap(([tag, kind]) => [element(tag, { class: kind }, kind), " "]);
  const note = record.note ? [" · ", ...plain(record.note)] : [];
  return element("p", { class: "legend" }, ...shown, element("u", {}, "query word"), ...note);
}

/** Opens one of the records, before and after; the arrow keys lead to those beside it. */
function showText(records, position) {
  const dialog = document.getElementById("text");
  const record = records[position];
  const changes = changesOf(record.before, record.edits);
  const queryWords = new Set(wordsOf(record.query).filter((word) => !COMMON_WORDS.has(word)));
  const move = (text, step) => {
    const attributes = { type: "button", click: () => showText(records, position + step) };
    return element("button", { ...attributes, disabled: !records[position + step] }, text);
  };
  const [previous, next] = [move("Previous", -1), move("Next", 1)];
  const close = element("button", { type: "button", class: "close", click: () => dialog.close() }, "Close");
  const count = element("span", { role: "status" }, `${position + 1} of ${records.length}`);
  const { attack, ranker, defense, collection, doc_id: document_id, seed } = record;
  const about = [attack, ranker, defense, collection, document_id && `document ${document_id}`, `seed ${seed}`];
  dialog.replaceChildren(
    element("div", { class: "tools" }, previous, next, count, close),
    element("h2", { id: "text-title" }, ...plain(record.query)),
    element("p", { class: "about" }, ...plain(about.filter(Boolean).join(" · "))),
    verdict(record),
    element(
      "div",
      { class: "panes" },
      pane("Original", changes, "before", queryWords),
      pane("Adversarial", changes, "after", queryWords),
    ),
    legend(record),
    element("details", {}, element("summary", {}, "All measures of this text"), factsTable(record)),
  );
  dialog.onkeydown = ({ key }) => ({ ArrowLeft: previous, ArrowRight: next })[key]?.click();
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  close.focus();
}

const browserPlace = document.getElementById("browser");
if (browserPlace) showBrowser(browserPlace, readRecords(JSON.parse(document.getElementById("data").textContent)));
