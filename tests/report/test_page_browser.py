"""The page in a browser, from disk: tables sort and filter, texts open with the right words marked, nothing runs."""

from __future__ import annotations

import importlib
import json
from itertools import pairwise
from types import SimpleNamespace

import pytest

from robustrank.records import apply_edits
from tests.browser import browser, needs_chromium

from .attacked_run import FOX, HOSTILE, HOSTILE_LABEL, SECTIONS, TEXTS, attacked_run, page_of

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
Keys, WebDriverWait = webdriver.Keys, importlib.import_module("selenium.webdriver.support.wait").WebDriverWait
__all__ = ["browser"]
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = attacked_run(tmp_path_factory.mktemp("page") / "foxes")
    (folder / "report.html").write_bytes(page_of(folder))
    return folder / "report.html"


@pytest.fixture
def page(browser, path):
    """The page, loaded anew; `js` runs a script in it, `all` gives the texts of elements, `keys` presses keys."""
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get("about:blank")
    browser.get(path.as_uri())

    def js(script, *values):
        return browser.execute_script(f"const all = (s) => [...document.querySelectorAll(s)]; {script}", *values)

    def texts(selector):
        return js("return all(arguments[0]).filter(n => n.checkVisibility()).map(n => n.innerText)", selector)

    def find(selector):
        return browser.find_element("css selector", selector)

    def keys(*pressed):
        webdriver.ActionChains(browser).send_keys(*pressed).perform()

    def wait(is_so):
        """Wait for what the browser does in its own time."""
        WebDriverWait(browser, 20, 0.05).until(lambda _: is_so())

    yield SimpleNamespace(js=js, all=texts, find=find, keys=keys, wait=wait)
    assert browser.get_log("browser") == []  # no error, and nothing that the policy had to stop
    assert js("return typeof broken") == "undefined"
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if not url.startswith(("data:", "about:"))] == [path.as_uri()]


SUMMARY = "#table-summary"


def open_text(page, number):
    page.find(f"#browser tbody tr:nth-child({number}) .open").click()


def choose(page, label, value):
    page.js(
        """const select = all('#browser label')
             .find(label => label.firstChild.textContent.trim() === arguments[0]).querySelector('select, input');
           select.value = arguments[1];
           select.dispatchEvent(new Event(select.tagName === 'SELECT' ? 'change' : 'input', {bubbles: true}));""",
        label,
        value,
    )


def test_it_loads_nothing_and_runs_no_text(page):
    choose(page, "attack", HOSTILE_LABEL)
    open_text(page, 1)
    shown = page.js("return document.querySelector('.after p').textContent")
    assert HOSTILE[0] in shown
    assert HOSTILE[1] in shown
    hidden = set(page.all(".after .hidden-character"))
    assert hidden == {"U+D800", "U+2028", "U+202E", "U+200B", "U+0007"}
    assert HOSTILE[1] in page.all(".about")[0]
    elements = page.js("return all('img, script, svg').map(n => n.tagName)")
    assert elements == ["IMG", "SCRIPT", "SCRIPT"]  # the figure, the data and the page's script


def test_tables_sort_with_missing_values_last(page):
    def column(number):
        return [text.split("\n")[0] for text in page.all(f"{SUMMARY} tbody tr > :nth-child({number})")]

    button = page.find(f"{SUMMARY} th:nth-child(2) button")
    before = column(2)
    button.click()
    assert column(2) == [".7†", ".5", "–"]
    assert page.find(f"{SUMMARY} th:nth-child(2)").get_attribute("aria-sort") == "descending"
    button.click()
    assert column(2) == [".5", ".7†", "–"]
    button.click()
    assert column(2) == before
    page.find(f"{SUMMARY} th:nth-child(3) button").click()
    assert column(3) == ["10", "9", "−1"]  # as numbers, not as texts
    page.find(f"{SUMMARY} th:nth-child(1) button").click()
    assert column(1)[1:] == ["bm25", "minilm"]


def test_tables_filter_and_hide_columns_and_intervals(page):
    page.find(f"{SUMMARY} input[type=search]").send_keys("MINI")
    assert page.all(f"{SUMMARY} tbody th") == ["minilm"]
    assert page.all(f"{SUMMARY} [role=status]") == ["1 of 3 rows"]
    assert page.all(f"{SUMMARY} .interval") == ["[.6, .8]"]
    page.find(f"{SUMMARY} .tools > label input[type=checkbox]").click()
    assert page.all(f"{SUMMARY} .interval") == []
    page.find(f"{SUMMARY} summary").click()
    page.find(f"{SUMMARY} .columns label:nth-child(2) input").click()
    assert page.all(f"{SUMMARY} thead th") == ["ranker", "rank"]
    assert page.all(f"{SUMMARY} tbody tr > *") == ["minilm", "−1"]


def test_attacked_texts_filter_by_each_and_by_text(page):
    def rows(number=3):
        return page.all(f"#browser tbody td:nth-child({number})")

    assert len(rows()) == len(TEXTS)
    for label, value, expected in (
        ("attack", "swap", 3),
        ("ranker", "minilm", 2),
        ("outcome", "success", 1),
        ("outcome", "no success", 2),
        ("outcome", "not edited", 1),
        ("outcome", "into the top 10", None),
    ):
        page.js("document.querySelectorAll('#browser select').forEach(s => { s.value = '' })")
        choose(page, "ranker", "")
        choose(page, "outcome", "")
        choose(page, label, value)
        if expected is not None:
            assert len(rows()) == expected if label != "outcome" else {*rows(8)} <= {"yes", "no"}
    choose(page, "outcome", "certified")
    choose(page, "ranker", "")
    choose(page, "attack", "")
    assert rows() == ["letters"]
    assert rows(11) == ["K=5"]
    choose(page, "outcome", "")
    choose(page, "text", "D3 leaps")
    assert rows() == ["rewrite"]
    choose(page, "text", "no such word")
    assert rows() == []
    assert "no text is like that" in page.all("#browser [role=status]")


def test_attacked_texts_sort_by_number(page):
    page.find("#browser th:nth-child(9) button").click()
    assert page.all("#browser tbody td:nth-child(9)")[:2] == ["1,000", "120"]


@pytest.mark.parametrize(
    ("attack", "ranker", "marks"),
    [
        ("swap", "bm25", {"del.replaced": ["quick"], "ins.replaced": ["fast"], "del.deleted": ["lazy"]}),
        ("swap", "minilm", {"ins.inserted": ["red"], "del.deleted": []}),
        ("letters", "bm25", {"del.replaced": ["brown", "dog"], "ins.replaced": ["bRoWn", "dogs"]}),
        ("rewrite", "bm25", {"del.replaced": ["jumps"], "ins.replaced": ["leaps"]}),
    ],
)
def test_a_text_opens_with_the_changed_words_marked(page, attack, ranker, marks):
    choose(page, "attack", attack)
    choose(page, "ranker", ranker)
    open_text(page, 1)
    for selector, words in marks.items():
        shown = page.js("return all(arguments[0]).map(n => n.textContent.trim())", f".panes {selector}")
        assert shown == words
    assert page.js("return document.querySelector('.before p').textContent") == FOX
    edits, doc_id = next((t[4], t[2]) for t in TEXTS if t[:2] == (attack, ranker))
    assert page.js("return document.querySelector('.after p').textContent") == apply_edits(FOX, edits)
    assert f"document {doc_id}" in page.all(".about")[0]
    underlined = {word.lower() for word in page.all(".before u")}
    assert underlined == {"fox", "over", "dog"}


def test_a_text_tells_ranks_cost_and_verdicts(page):
    choose(page, "attack", "letters")
    open_text(page, 1)
    facts = dict(zip(page.all("dialog dt"), page.all("dialog dd"), strict=True))
    assert facts["rank"] == "14 → 20"
    assert facts["success"] == "no"
    assert facts["flagged"] == "yes"
    assert facts["certified"] == "K=5"
    assert facts["victim queries"] == "1,000"
    page.find("dialog details summary").click()
    measures = dict(zip(page.all("dialog tbody th"), page.all("dialog tbody tr"), strict=True))
    assert measures["rank"].split() == ["rank", "14", "20", "–"]
    assert measures["nDCG@10"].split() == ["nDCG@10", "0.25", "–", "–"]  # of the list
    assert "certificate check K=5" in measures


def test_sources_are_copied(page, browser):
    page.find("#provenance .source button").click()
    said = ("copied", "selected, to be copied from the keyboard")
    page.wait(lambda: page.all("#provenance .source [role=status]")[0] in said)
    page.js("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.find("#provenance .source:nth-of-type(2) button").click()
    page.wait(lambda: page.js("return getSelection().toString()").startswith("name: foxes"))


def test_everything_works_from_the_keyboard(page):
    page.keys(Keys.TAB, Keys.ENTER)
    page.wait(lambda: page.js("return location.hash") == "#content")
    page.js("document.querySelector('#browser .open').focus()")
    page.keys(Keys.ENTER)
    page.wait(lambda: page.js("return document.getElementById('text').open"))
    first = page.all("dialog .about")
    page.keys(Keys.ARROW_RIGHT)
    assert page.all("dialog .about") != first
    page.keys(Keys.ARROW_LEFT)
    assert page.all("dialog .about") == first
    page.keys(Keys.ESCAPE)
    page.wait(lambda: page.js("return document.activeElement.className") == "open")
    assert not page.js("return document.getElementById('text').open")
    page.js("document.querySelector('#table-summary th:nth-child(2) button').focus()")
    page.keys(Keys.SPACE)
    assert page.find(f"{SUMMARY} th:nth-child(2)").get_attribute("aria-sort") == "descending"


def test_contents_lead_to_anchors_also_of_what_is_collapsed(page):
    hrefs = page.js("return all('#contents a').map(a => a.getAttribute('href'))")
    assert len(hrefs) == len(set(hrefs)) > 8
    assert page.js("return all('#contents a').filter(a => !document.getElementById(a.hash.slice(1))).length") == 0
    assert page.js("const ids = all('[id]').map(n => n.id); return ids.length - new Set(ids).size") == 0
    assert page.all("#table-more td") == []
    page.find('#contents a[href="#table-more"]').click()
    page.wait(lambda: page.all("#table-more td") == ["1"])
    assert page.all("#glossary dt") == []
    page.find('#contents a[href="#glossary"]').click()
    page.wait(lambda: "ASR" in page.all("#glossary dt"))
    levels = page.js("return all('h1, h2, h3').map(n => Number(n.tagName[1]))")
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_it_prints_what_is_collapsed_and_no_tools(page, browser):
    page.js("dispatchEvent(new Event('beforeprint'))")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert page.all("#table-more td") == ["1"]
    assert page.all("nav, .tools") == []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_every_figure_says_in_words_what_it_shows(page):
    alts = page.js("return all('figure img').map(n => n.getAttribute('alt'))")
    assert alts == [figure.alt for section in SECTIONS for figure in section.figures]
    assert all(alts)
    page.wait(lambda: page.js("return all('figure img').every(n => n.complete && n.naturalWidth > 0)"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_background(page, browser, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    open_text(page, 1)
    ratios = page.js(CONTRAST)
    assert len(ratios) > 15
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


CONTRAST = """
const number = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const color = number(getComputedStyle(node).backgroundColor);
    if (color.length === 3) return color;
  }
  return [255, 255, 255];
};
const ratios = {};
const written = 'a,p,b,td,th,dt,dd,small,summary,label,button,u,ins,del,figcaption,h1,h2,h3,pre,cite,span,input,select';
for (const node of all(written)) {
  if (!node.textContent.trim() || node.disabled) continue;
  const [a, b] = [light(number(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
  const name = node.tagName + '.' + node.className;
  ratios[name] = Math.min(ratios[name] ?? 99, (a + 0.05) / (b + 0.05));
}
return ratios;
"""
