// Sorts and filters tables, copies sources, opens what is collapsed; texts.js follows, for the attacked texts.
"use strict";

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
  const areNumbers = typeof a === "number" && typeof b === "number";
  return direction * (areNumbers ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
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

/** Returns what a cell is ordered by: its number or null, or its text. */
function cellValue({ dataset, classList, textContent }) {
  if (!classList.contains("number")) return textContent;
  return "sort" in dataset ? Number(dataset.sort) : null;
}

/** Adds to a table what it is sorted, filtered and cut down by. */
function enhance(block) {
  const table = block.querySelector("table");
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  sortable(headings, (column, direction) => {
    const value = (row) => cellValue(row.cells[column]);
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
  if (block.querySelector(".interval")) tools.append(element("label", {}, intervalBox(block), " intervals"));
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
  const text = source.querySelector("pre");
  const status = element("span", { role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      status.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(text);
      status.textContent = "selected, to be copied from the keyboard";
    }
  };
  const button = element("button", { type: "button", click: copy }, "Copy");
  source.prepend(element("div", { class: "tools" }, button, status));
}

/** Opens what is collapsed around the place that the address names, and goes there. */
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
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

/** Closes menus of columns that the pointer or the keyboard has left. */
function closeMenus({ target, key }) {
  for (const menu of all(".columns[open]")) if (key === "Escape" || (!key && !menu.contains(target))) menu.open = false;
}

all(".table").forEach(enhance);
all(".source").forEach(addCopyButton);
for (const event of ["click", "keydown"]) addEventListener(event, closeMenus);
addEventListener("hashchange", openTarget);
addEventListener("beforeprint", () => all("main details:not(.columns)").forEach((details) => (details.open = true)));
markCurrentSection();
openTarget();
