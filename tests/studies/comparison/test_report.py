"""The files of a report: all of them, self-contained, with the rows' values, nothing unescaped."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import pytest
from synthetic_rows import BOUND_S, cell, failed, frame

from fgamcd_opt.io.errors import InputError
from fgamcd_opt.studies.comparison.html_page import html_page
from fgamcd_opt.studies.comparison.instance_tables import cell_table, gap_table, instance_table
from fgamcd_opt.studies.comparison.report import write_report
from fgamcd_opt.studies.comparison.summary_tables import overview
from fgamcd_opt.studies.scores import scores_of


class Page(HTMLParser):
    """Tables (rows of shown texts by id), addresses that the page refers to, open tags, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.addresses, self.text, self.stack, self.ids = {}, [], "", [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.addresses += [
            value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")
        ]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag == "table":
            self.tables[attributes["id"]] = self.rows = []
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("meta", "img"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & set(self.stack):
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def page(report):
    return Page((report.folder / "report.html").read_text(encoding="utf-8"))


def page_of(cells, title="A comparison"):
    """The page, without figures."""
    return html_page(scores_of(frame(cells)), {}, title, "")


def test_every_file_is_written_and_named(report):
    found = [path for path in report.folder.rglob("*") if path.is_file()]
    assert sorted(report.written) == sorted(found)
    drawn = ["gap_distribution", "time_against_gap", "performance_profile", *(f"trace_{i}" for i in BOUND_S)]
    names = {"rows.parquet", "rows.csv", "tables.md", "report.html"}
    assert {path.name for path in found} == names | {
        f"{d}.{suffix}" for d in drawn for suffix in ("png", "svg")
    }


def test_page_needs_nothing_else(page, report):
    assert not page.stack
    assert all(address.startswith(("#", "data:image/svg+xml;base64,")) for address in page.addresses)
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    inlined = {base64.b64decode(a.partition(",")[2]) for a in page.addresses if a.startswith("data:")}
    assert inlined == {path.read_bytes() for path in (report.folder / "figures").glob("*.svg")}
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_page_and_markdown_show_every_cell_of_every_table(page, report):
    scores = scores_of(report.table)
    markdown = (report.folder / "tables.md").read_text(encoding="utf-8")
    for shown in (*overview(scores), gap_table(scores)):
        assert page.tables[shown.name] == [shown.headings, *shown.texts]
        assert shown.markdown() in markdown
    assert page.tables["cells"][1:] == cell_table(scores).texts
    assert all(f"instance-{i + 1}" in page.tables for i in range(len(scores.instances)))


def test_markdown_tells_size_settings_and_provenance(report):
    text = (report.folder / "tables.md").read_text(encoding="utf-8")
    wall = sum(report.table["wall_s"])
    assert f"4 instances, 4 methods, 32 cells, each in a separate process; {wall:.0f} s" in text
    for line in ("* seeds: 0; 1", "* time limit (s): 60", "* packages: numpy 2.0.0", "* cores: 2"):
        assert f"{line}\n" in text


def test_page_explains_every_heading_of_every_kind_of_table(page, report):
    explained = page.text.partition("What the words mean")[2]
    scores = scores_of(report.table)
    for shown in (*overview(scores), cell_table(scores), instance_table(scores, "beta")):
        for column in shown.columns:
            assert column.meaning.removeprefix("cells: ") in explained, column.heading


def test_page_tells_settings_and_provenance(page):
    for text in (
        "fgamcd compare --option x=y",
        "a processor",
        "numpy 2.0.0",
        "time limit (s)",
        "digest of beta",
    ):
        assert text in page.text
    assert "alarm" not in page.text.partition("</style>")[2]


def test_names_are_escaped():
    evil = '<script>alert("x")</script>&'
    cells = [cell("beta", "greedy"), failed("beta", "greedy", reason="<b>why</b>")]
    text = page_of([{**one, "instance": evil} for one in cells], title="a < b")
    assert "<b>" not in text
    assert text.count("<script>") == 1
    page = Page(text)
    assert page.tables["gaps"][1][0] == evil
    assert not page.stack


def test_wrong_cells_stand_at_the_top():
    page = Page(page_of([cell("beta", "greedy", delay_s=4.0, **{"class": "wrong"}), cell("beta", "exact")]))
    alarm, summary = page.text.index("contradict each other"), page.text.index("gap mean %")
    assert alarm < page.text.index("beta, greedy, seed 0: T = 4.0 s") < summary


def test_comparison_without_any_delay_is_reported(tmp_path):
    write_report(frame([failed("beta", "greedy")]), tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "there is nothing to draw" in page.text
    assert "above 4 GB" in page.text


def test_no_row_no_report(tmp_path):
    with pytest.raises(InputError, match="there is no row to report"):
        write_report(frame([cell("beta", "exact")]).iloc[:0], tmp_path)
    assert not list(tmp_path.iterdir())


def test_same_rows_same_bytes(report, tmp_path):
    write_report(report.table, tmp_path, title=report.title, command=report.command)
    for path in report.written:
        assert path.read_bytes() == (tmp_path / path.relative_to(report.folder)).read_bytes()
