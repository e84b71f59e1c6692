"""The parser of one command: words in any order, help within the terminal's width, mistyped options named."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from fgamcd_opt.io.safe_text import one_line

_NUMBER = re.compile(r"-\d*\.?\d+")
"""A word that begins with a dash and is no option, by argparse's rule."""

_DASHES = re.compile(r"-+")


class HelpText(argparse.HelpFormatter):
    """Help whose paragraphs are filled; those of indented lines stay as they are."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=20)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip("\n").split("\n\n")
        return "\n\n".join(
            part
            if "\n  " in part
            else textwrap.fill(part, width, break_long_words=False, break_on_hyphens=False)
            for part in paragraphs
        )


class CommandParser(argparse.ArgumentParser):
    """Parser of ``fgamcd NAME``.

    Parameters
    ----------
    name
        Of the command.
    summary
        One line, which begins its help.
    examples
        Commands that run as they stand, one after the other in one folder; they end its help.
    """

    def __init__(self, name: str, summary: str, examples: Sequence[str]) -> None:
        super().__init__(
            prog=f"fgamcd {name}",
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=HelpText,
            allow_abbrev=False,
        )
        self._examples = tuple(examples)
        self._page = f"docs/commands/{name}.md"

    def complete(self) -> CommandParser:
        """Add what follows from the arguments: the line of usage, and the examples after the epilog."""
        words = [_usage(action) for action in self._actions if not action.option_strings or action.required]
        self.usage = " ".join([self.prog, *words, "[options]"])
        lines = "\n".join(["examples:", *(f"  {example}" for example in self._examples)])
        self.epilog = "\n\n".join(
            part
            for part in (self.epilog, lines, f"More in {self._page}, a page of the documentation.")
            if part
        )
        return self

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse words, options and positionals in any order."""
        self._refuse_unknown(words)
        return self.parse_intermixed_args(list(words))

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """Name an option that does not exist before anything else that its value would lead to."""
        known = self._option_string_actions
        for word in words:
            if word == "--":
                return
            name = word.partition("=")[0]
            if not word.startswith("-") or word == "-" or " " in word or _NUMBER.fullmatch(word):
                continue
            if name not in known and (word.startswith("--") or word[:2] not in known):
                self.error(f"unrecognized arguments: {word}{_nearest_option(name, list(known))}")

    def error(self, message: str) -> NoReturn:
        """Leave with the line of usage and the message, in which nothing is left that a terminal would obey."""
        self.exit(
            2, f"{self.format_usage()}fgamcd: error: {one_line(message)} (help: `{self.prog} --help`)\n"
        )


def _usage(action: argparse.Action) -> str:
    """A positional or a required option, as the line of usage shows it."""
    metavar: Any = action.metavar or action.dest.upper()
    word = {"?": f"[{metavar}]", "*": f"[{metavar} ...]", "+": f"{metavar} [...]"}.get(
        str(action.nargs), str(metavar)
    )
    return " ".join([*action.option_strings[:1], word])


def _nearest_option(name: str, known: Sequence[str]) -> str:
    """``"; did you mean --x?"``: an option that begins so, or is written much alike."""
    from fgamcd_opt.instances.recipes.recipe_fields import nearest

    begun = [option for option in known if option.startswith(name) and len(name) > 2]
    alike = f"; did you mean '{begun[0]}'?" if begun else nearest(name, known)
    if not alike:
        bare = {_DASHES.sub("", option, count=1): option for option in known}
        found = bare.get(_DASHES.sub("", name, count=1))
        alike = f"; did you mean '{found}'?" if found else ""
    return alike
