"""Shared by every test; being here also puts this folder on the import path, for the helpers beside it."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from hypothesis import settings

# pytest-xdist gives its workers a width; what a command prints in a pipe is not folded
os.environ.pop("COLUMNS", None)

# No test is timed. `make test` draws the same examples in every run, so that it
# passes or fails by what the code does; `make fuzz` draws fresh ones.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("fuzz", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("ci")

# a shell that starts the tests in the background has SIGINT ignored; the tests of Ctrl-C, and their children, need it
signal.signal(signal.SIGINT, signal.default_int_handler)

# under nohup the tests outlive their terminal, but their children hear SIGHUP: they do not inherit a handler
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WITHOUT_BROWSER = "no Chromium on the path"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Whether a machine without a browser will do."""
    parser.addoption("--require-browser", action="store_true", help="fail where there is no Chromium")


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> str:
    """Path of Chromium. Without it the test is skipped, and the end of the run says so, or fails if one is required."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None and request.config.getoption("--require-browser"):
        pytest.fail(f"{WITHOUT_BROWSER}: apt-get install chromium", pytrace=False)
    if found is None:
        pytest.skip(WITHOUT_BROWSER)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tests that a machine without a browser leaves out are named in a section of their own."""
    skipped = [
        report.nodeid
        for report in terminalreporter.getreports("skipped")
        if WITHOUT_BROWSER in report.longreprtext
    ]
    if skipped:
        terminalreporter.section("NOT TESTED: no browser", red=True, bold=True)
        for name in skipped:
            terminalreporter.line(name)
        terminalreporter.line(
            f"{len(skipped)} tests were left out: {WITHOUT_BROWSER} ({', '.join(BROWSERS)})"
        )
        terminalreporter.line("To run them: apt-get install chromium, or another package that has it")
