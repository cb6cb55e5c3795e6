"use strict";
// Sorts and filters tables, copies sources, and shows attacked texts. Whatever comes from data is written as text.

/** Returns an element with attributes (functions are listeners) and children (elements or texts). */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const MISSING = "–";

/** Orders two values, numbers by size and texts by alphabet; a missing one is last whatever the direction. */
function compare(a, b, direction) {
  const isMissing = (value) => value === null || value === undefined || value === "";
  if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b);
  const difference =
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return direction * difference;
}

/** Turns headings into buttons that call sort(column, direction): down first for numbers, then up, then as it was. */
function sortable(headings, sort) {
  headings.forEach((heading, column) => {
    const first = heading.classList.contains("number") ? "descending" : "ascending";
    const next = { none: first, [first]: first === "ascending" ? "descending" : "ascending" };
    const press = () => {
      const state = next[heading.getAttribute("aria-sort") ?? "none"] ?? "none";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (state !== "none") heading.setAttribute("aria-sort", state);
      sort(state === "none" ? null : column, state === "descending" ? -1 : 1);
    };
    heading.replaceChildren(element("button", { type: "button", class: "sort", click: press }, heading.textContent));
  });
}

// ---------------------------------------------------------------- tables

function cellValue(row, column, isNumber) {
  const cell = row.cells[column];
  return isNumber ? ("sort" in cell.dataset ? Number(cell.dataset.sort) : null) : cell.textContent;
}

function enhance(block) {
  const table = block.querySelector("table");
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  sortable(headings, (column, direction) => {
    const isNumber = column !== null && headings[column].classList.contains("number");
    const value = (row) => cellValue(row, column, isNumber);
    body.append(...(column === null ? rows : [...rows].sort((a, b) => compare(value(a), value(b), direction))));
  });
  const tools = element("div", { class: "tools" });
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const count = element("span", { role: "status" });
  const filter = ({ target }) => {
    const words = target.value.toLowerCase().split(/\s+/);
    rows.forEach((row, number) => (row.hidden = !words.every((word) => texts[number].includes(word))));
    count.textContent = target.value ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
  };
  if (rows.length > 2)
    tools.append(element("label", {}, "Filter ", element("input", { type: "search", input: filter })), count);
  if (headings.length > 2) tools.append(columnMenu(headings, rows));
  if (block.querySelector(".interval"))
    tools.append(
      element("label", {}, intervalBox(block), " intervals"),
    );
  if (tools.childElementCount) block.querySelector(".scroll").before(tools);
}

function intervalBox(block) {
  const toggle = ({ target }) => block.classList.toggle("no-intervals", !target.checked);
  return element("input", { type: "checkbox", checked: true, change: toggle });
}

function columnMenu(headings, rows) {
  const boxes = headings.map((heading, column) => {
    const show = ({ target }) =>
      [heading, ...rows.map((row) => row.cells[column])].forEach((cell) => (cell.hidden = !target.checked));
    const box = element("input", { type: "checkbox", checked: true, change: show });
    return element("label", {}, box, ` ${heading.textContent}`);
  });
  return element("details", { class: "columns" }, element("summary", {}, "Columns"), element("div", {}, ...boxes));
}

// ---------------------------------------------------------------- sources and contents

function addCopyButton(source) {
  const status = element("span", { role: "status" });
  const copy = async () => {
    await navigator.clipboard.writeText(source.querySelector("pre").textContent).then(
      () => (status.textContent = "copied"),
      () => (status.textContent = "not copied: the browser refuses it"),
    );
  };
  source.prepend(element("div", { class: "tools" }, element("button", { type: "button", click: copy }, "Copy"), status));
}

/** Opens what is collapsed around the place that the address names, and goes there. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  const inner = target.querySelector(":scope > details");
  if (inner) inner.open = true;
  target.scrollIntoView();
}

function markCurrentSection() {
  const links = new Map(all("#contents > ol > li > a").map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver(
    (entries) => {
      const entry = entries.find(({ isIntersecting }) => isIntersecting);
      if (!entry) return;
      links.forEach((link, id) =>
        id === entry.target.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"),
      );
    },
    { rootMargin: "-10% 0px -80% 0px" },
  );
  links.forEach((_, id) => observer.observe(document.getElementById(id)));
}

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
  for (const [start, end, text] of edits) {
    let [from, to] = [start, end];
    const touches = (inOld, inNew) => (start < end && isWordAt(before, inOld)) || isWordAt(text, inNew);
    if (touches(start, 0)) while (isWordAt(before, from - 1)) from -= 1;
    if (touches(end - 1, text.length - 1)) while (isWordAt(before, to)) to += 1;
    const last = pieces.at(-1);
    if (last && from < last[1]) {
      // Both are in one word: what is between them is in the earlier piece already.
      const tail = before.slice(start, Math.max(to, start));
      last[2] = last[2].slice(0, last[2].length - (last[1] - start)) + text + tail.slice(end - start);
      last[1] = Math.max(last[1], to);
      if (last[1] > to) last[2] += before.slice(to, last[1]);
    } else pieces.push([from, to, before.slice(from, start) + text + before.slice(end, to)]);
  }
  return pieces;
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
    const isSame = i < old.length && j < now.length && old[i] === now[j];
    // A space between two changed words is a part of the change.
    if (isSame) add(/\S/.test(old[i]) || changes.at(-1)?.[0] !== "changed" || old[i + 1] === now[j + 1] ? "same" : "changed", old[i++], now[j++]);
    else if (j >= now.length || (i < old.length && common[i + 1][j] >= common[i][j + 1])) add("changed", old[i++], "");
    else add("changed", "", now[j++]);
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

const COMMON_WORDS = new Set("a an and are as at be by for from has in is it its of on or that the this to was what with".split(" "));
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
  const [column, tag, only] = side === "before" ? [1, "del", "deleted"] : [2, "ins", "inserted"];
  const nodes = changes.flatMap(([kind, ...texts]) => {
    const nodes = written(texts[column - 1], queryWords);
    if (kind === "same") return nodes;
    const hint = kind === "replaced" ? (side === "before" ? `replaced by: ${texts[1]}` : `in place of: ${texts[0]}`) : kind;
    return kind === "replaced" || kind === only ? [element(tag, { class: kind, title: hint }, ...nodes)] : [];
  });
  return element("section", { class: side }, element("h3", {}, title), element("p", { dir: "auto" }, ...nodes));
}

// ---------------------------------------------------------------- attacked texts

const ROWS = 25; // of a page of the table
const SHORT = 30; // characters of a text that is not broken into lines

/** Returns the attacked texts, the largest gain in rank first; `value(measure, condition, cutoff)` is what was measured, or null. */
function readRecords(data) {
  const texts = new Set(["task", "collection", "ranker", "defense", "attack", "query_id", "query", "doc_id", "before", "note", "status"]);
  const records = (data.records ?? []).map((values) => {
    const record = {};
    data.fields.forEach((name, at) => (record[name] = texts.has(name) ? data.texts[values[at]] : values[at]));
    record.edits = inUnits(record.before, record.edits);
    record.facts = record.facts.map(([fact, value]) => ({ ...data.facts[fact], value }));
    record.value = (measure, condition = "", cutoff = null) =>
      record.facts.find((f) => f.measure === measure && f.condition === condition && f.cutoff === cutoff && !f.group)?.value ?? null;
    record.checks = record.facts.filter((fact) => fact.measure === "certificate_check");
    record.search = [record.query_id, record.query, record.doc_id, record.before, ...record.edits.map((e) => e[2])]
      .join("\n")
      .toLowerCase();
    return record;
  });
  return records.sort((a, b) => compare(gainOf(a), gainOf(b), -1));
}

const gainOf = (record) => {
  const [before, after] = [record.value("rank", "clean"), record.value("rank", "attacked")];
  return before === null || after === null ? null : before - after;
};
const isYes = (value, yes = "yes", no = "no") => (value === null ? null : value ? yes : no);

const COLUMNS = [
  { title: "query", value: (r) => r.query },
  { title: "document", value: (r) => r.doc_id || null },
  { title: "attack", value: (r) => r.attack },
  { title: "ranker", value: (r) => r.ranker },
  { title: "defense", value: (r) => r.defense },
  { title: "rank", value: (r) => r.value("rank", "clean"), isNumber: true },
  { title: "after", value: (r) => r.value("rank", "attacked"), isNumber: true },
  { title: "success", value: (r) => isYes(r.value("success", "attacked")) },
  { title: "victim queries", value: (r) => r.value("queries"), isNumber: true },
  { title: "flagged", value: (r) => isYes(r.value("flagged", "attacked")) },
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

function selectOf(title, options, changed) {
  const choices = options.map(([value, text]) => element("option", { value }, text));
  const select = element("select", { change: changed }, element("option", { value: "" }, "all"), ...choices);
  return element("label", {}, `${title} `, select);
}

function showBrowser(place, records) {
  const state = { shown: records, order: records, page: 0, filters: {}, words: [], sort: [null, 1] };
  const tests = {};
  for (const axis of ["task", "collection", "attack", "ranker", "defense"]) tests[axis] = (r, value) => r[axis] === value;
  tests.outcome = (r, value) => OUTCOMES[value](r);

  const body = element("tbody");
  const status = element("span", { role: "status" });
  const [previous, next] = [["Previous", -1], ["Next", 1]].map(([text, step]) =>
    element("button", { type: "button", click: () => ((state.page += step), draw()) }, text),
  );
  const draw = () => {
    const first = state.page * ROWS;
    body.replaceChildren(...state.shown.slice(first, first + ROWS).map((record, at) => browserRow(record, () => open(first + at))));
    status.textContent = state.shown.length
      ? `${first + 1}–${Math.min(first + ROWS, state.shown.length)} of ${state.shown.length}`
      : "no text is like that";
    previous.disabled = state.page === 0;
    next.disabled = first + ROWS >= state.shown.length;
  };
  const update = () => {
    const [column, direction] = state.sort;
    state.shown = records.filter(
      (record) =>
        Object.entries(state.filters).every(([name, value]) => !value || tests[name](record, value)) &&
        state.words.every((word) => record.search.includes(word)),
    );
    if (column !== null) state.shown.sort((a, b) => compare(COLUMNS[column].value(a), COLUMNS[column].value(b), direction));
    state.page = 0;
    draw();
  };
  const open = (position) => showText(state.shown, position);

  const filters = Object.keys(tests).flatMap((name) => {
    const options =
      name === "outcome"
        ? Object.keys(OUTCOMES).map((value) => [value, records.filter(OUTCOMES[value]).length]).filter(([, count]) => count)
        : [...new Set(records.map((record) => record[name]))].map((value) => [value, records.filter((r) => r[name] === value).length]);
    const choices = options.map(([value, count]) => [value, `${value} (${count})`]);
    const isOfUse = choices.length > 1 || name === "outcome";
    return isOfUse ? [selectOf(name, choices, ({ target }) => ((state.filters[name] = target.value), update()))] : [];
  });
  const search = element("input", {
    type: "search",
    input: ({ target }) => ((state.words = wordsOf(target.value)), update()),
  });
  const headings = COLUMNS.map(({ title, isNumber }) => element("th", { scope: "col", class: isNumber ? "number" : null }, title));
  sortable(headings, (...sort) => ((state.sort = sort), update()));
  place.replaceChildren(
    element("div", { class: "tools" }, ...filters, element("label", {}, "text ", search)),
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Attacked texts" },
      element("table", { class: "texts" }, element("thead", {}, element("tr", {}, ...headings)), body),
    ),
    element("div", { class: "tools" }, previous, next, status),
  );
  update();
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

const CONDITIONS = [["clean", "original"], ["attacked", "adversarial"], ["control", "random edit"], ["", "—"]];

function factsTable(record) {
  const names = (fact) => {
    const about = [["", fact.cutoff && `@${fact.cutoff}`], [" K=", fact.k], [" R=", fact.radius], [" ", fact.group]];
    return fact.measure.replaceAll("_", " ") + about.map(([mark, value]) => (value ? mark + value : "")).join("");
  };
  const lines = new Map();
  const known = new Set(CONDITIONS.map(([condition]) => condition));
  for (const fact of record.facts) {
    const name = names(fact) + (known.has(fact.condition) ? "" : ` (${fact.condition.replaceAll("_", " ")})`);
    if (!lines.has(name)) lines.set(name, {});
    lines.get(name)[known.has(fact.condition) ? fact.condition : ""] = fact.value;
  }
  const conditions = CONDITIONS.filter(([condition]) => [...lines.values()].some((values) => condition in values));
  const rows = [...lines].map(([name, values]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      ...conditions.map(([condition]) => element("td", { class: "number" }, ...shown(values[condition] ?? MISSING))),
    ),
  );
  const head = conditions.map(([, title]) => element("th", { scope: "col", class: "number" }, title));
  const table = element("table", {}, element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "measure"), ...head)), element("tbody", {}, ...rows));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Measures" }, table);
}

function verdict(record) {
  const change = (measure) => {
    const values = ["clean", "attacked"].map((condition) => record.value(measure, condition));
    return values.includes(null) ? null : values.map(format).join(" → ");
  };
  const facts = [
    ["rank", change("rank")],
    ["success", isYes(record.value("success", "attacked"))],
    ["score", change("score")],
    ["similarity", record.value("similarity", "attacked")],
    ["perplexity", change("perplexity")],
    ["victim queries", record.value("queries")],
    ["flagged", isYes(record.value("flagged", "attacked"))],
    ["certified", record.checks.map(({ k, value }) => `K=${k}${value ? "" : " (broken)"}`).join(", ") || null],
    ["edits", record.edits.length],
  ];
  const entries = facts
    .filter(([, value]) => value !== null)
    .map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, ...shown(value))));
  return element("dl", { class: "facts" }, ...entries);
}

function showText(records, position) {
  const dialog = document.getElementById("text");
  const record = records[position];
  const changes = changesOf(record.before, record.edits);
  const queryWords = new Set(wordsOf(record.query).filter((word) => !COMMON_WORDS.has(word)));
  const go = (step) => () => showText(records, position + step);
  const [previous, next] = [["Previous", -1], ["Next", 1]].map(([text, step]) =>
    element("button", { type: "button", class: text.toLowerCase(), click: go(step), disabled: !records[position + step] }, text),
  );
  const close = element("button", { type: "button", class: "close", click: () => dialog.close() }, "Close");
  const about = [record.attack, record.ranker, record.defense, record.collection, record.doc_id && `document ${record.doc_id}`, `seed ${record.seed}`];
  dialog.replaceChildren(
    element("div", { class: "tools" }, previous, next, element("span", { role: "status" }, `${position + 1} of ${records.length}`), close),
    element("h2", { id: "text-title" }, ...written(record.query, new Set())),
    element("p", { class: "about" }, ...written(about.filter(Boolean).join(" · "), new Set())),
    verdict(record),
    element("div", { class: "panes" }, pane("Original", changes, "before", queryWords), pane("Adversarial", changes, "after", queryWords)),
    element(
      "p",
      { class: "legend" },
      element("del", { class: "deleted" }, "deleted"), " ", element("ins", { class: "inserted" }, "inserted"), " ",
      element("ins", { class: "replaced" }, "replaced"), " ", element("u", {}, "query word"),
      ...(record.note ? [" · ", ...written(record.note, new Set())] : []),
    ),
    element("details", { open: false }, element("summary", {}, "All measures of this text"), factsTable(record)),
  );
  dialog.onkeydown = ({ key }) => {
    if (key === "ArrowLeft" && !previous.disabled) previous.click();
    if (key === "ArrowRight" && !next.disabled) next.click();
  };
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  close.focus();
}

// ---------------------------------------------------------------- start

all(".table").forEach(enhance);
all(".source").forEach(addCopyButton);
const browserPlace = document.getElementById("browser");
if (browserPlace) showBrowser(browserPlace, readRecords(JSON.parse(document.getElementById("data").textContent)));
addEventListener("hashchange", openTarget);
addEventListener("beforeprint", () => all("main details:not(.columns)").forEach((details) => (details.open = true)));
markCurrentSection();
openTarget();
