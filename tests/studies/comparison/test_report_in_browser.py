"""The report in headless Chromium: sorting by address and by click, and nothing wider than the screen.

A page of the test holds the report in frames of the widths of a desktop and of a phone, and writes down what it sees.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from fgamcd_opt.studies.comparison.instance_tables import gap_table
from fgamcd_opt.studies.comparison.summary_tables import summary_table
from fgamcd_opt.studies.scores import scores_of

WIDTHS = (1280, 360)

OBSERVER = """<!DOCTYPE html><body>%s<pre id="seen"></pre><script>
const texts = (doc, table, column) =>
  Array.from(doc.getElementById(table).tBodies[0].rows, (row) => row.cells[column].textContent);
const heading = (doc, table, column) => doc.getElementById(table).tHead.rows[0].cells[column];
addEventListener("load", () => {
  const seen = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const doc = frame.contentDocument, root = doc.documentElement;
    const one = seen[frame.width] = { inner: frame.contentWindow.innerWidth };
    for (const part of doc.querySelectorAll("details")) part.open = true;
    one.scroll = root.scrollWidth;
    const inside = ".scroll table";
    const cut = (node) => node.getBoundingClientRect().right > root.clientWidth + 0.5 && !node.closest(inside);
    one.outside = Array.from(doc.querySelectorAll("body *")).filter(cut).map((node) => node.outerHTML.slice(0, 80));
    one.pictures = Array.from(doc.images, (image) => image.complete && image.naturalWidth > 0);
    one.byAddress = texts(doc, "summary", %d);
    one.sorted = heading(doc, "summary", %d).ariaSort;
    const button = heading(doc, "gaps", %d).querySelector("button");
    button.focus();
    one.focused = doc.activeElement === button;
    button.click();
    one.ascending = texts(doc, "gaps", %d);
    button.click();
    one.descending = texts(doc, "gaps", %d);
    one.aria = heading(doc, "gaps", %d).ariaSort;
    const table = doc.getElementById("gaps"), box = table.closest(".scroll");
    box.scrollLeft = 10000;
    one.sticky = table.tBodies[0].rows[0].cells[0].getBoundingClientRect().left - box.getBoundingClientRect().left;
  }
  document.getElementById("seen").textContent = JSON.stringify(seen);
});
</script></body>"""


@pytest.fixture(scope="module")
def scores(report):
    return scores_of(report.table)


@pytest.fixture(scope="module")
def places(scores):
    """Columns that are sorted: of the summary by the address, of the gaps by clicks."""
    return summary_table(scores).headings.index("gap mean %"), gap_table(scores).headings.index(
        "tdma-unicast"
    )


@pytest.fixture(scope="module")
def seen(browser, places, report, tmp_path_factory):
    """What the observer wrote down, by width."""
    folder = tmp_path_factory.mktemp("browser")
    address = (report.folder / "report.html").as_uri()
    by_address, by_click = places
    frames = [
        f'<iframe width="{w}" height="900" src="{address}#sort=summary,{by_address},descending"></iframe>'
        for w in WIDTHS
    ]
    page = folder / "observer.html"
    page.write_text(OBSERVER % ("".join(frames), *[by_address] * 2, *[by_click] * 4), encoding="utf-8")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=10000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    begin, end = done.stdout.find('<pre id="seen">'), done.stdout.find("</pre>")
    assert begin >= 0, done.stderr
    return {int(width): one for width, one in json.loads(done.stdout[begin + 15 : end]).items()}


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut(seen, width):
    assert seen[width]["inner"] == width
    assert seen[width]["scroll"] <= width
    assert seen[width]["outside"] == []
    assert seen[width]["pictures"]
    assert all(seen[width]["pictures"])


@pytest.mark.parametrize("width", WIDTHS)
def test_address_sorts_as_numbers(seen, scores, places, width):
    expected = sorted(summary_table(scores).rows, key=lambda row: row[places[0]], reverse=True)
    assert len({row[places[0]] for row in expected}) > 1
    assert seen[width]["byAddress"] == [f"{row[places[0]]:.3f}" for row in expected]
    assert seen[width]["sorted"] == "descending"


@pytest.mark.parametrize("width", WIDTHS)
def test_clicks_sort_up_and_down_with_unknown_values_last(seen, scores, places, width):
    values = [row[places[1]] for row in gap_table(scores).rows]
    known = sorted(value for value in values if value is not None)
    assert len(known) < len(values)
    missing = ["-"] * (len(values) - len(known))
    assert seen[width]["ascending"] == [f"{value:.3f}" for value in known] + missing
    assert seen[width]["descending"] == [f"{value:.3f}" for value in reversed(known)] + missing
    assert seen[width]["aria"] == "descending"
    assert seen[width]["focused"]


def test_first_column_stays_in_sight_on_a_phone(seen):
    assert 0 <= seen[min(WIDTHS)]["sticky"] <= 2
