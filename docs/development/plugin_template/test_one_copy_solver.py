"""The contract of all solvers, kept by this one; run with pytest once the package is installed."""

from __future__ import annotations

import pytest

from fgamcd_opt.testing import RULES, SolverUnderTest, check_rule


@pytest.mark.parametrize("rule", RULES)
def test_the_contract_is_kept(rule: str) -> None:
    check_rule(rule, SolverUnderTest("one-copy"))
