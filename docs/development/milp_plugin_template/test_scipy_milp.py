"""The contract of MILP backends, kept by this one; run with pytest once the package is installed."""

from __future__ import annotations

import pytest

from fgamcd_opt.testing import MILP_RULES, MilpBackendUnderTest, check_milp_rule


@pytest.mark.parametrize("rule", MILP_RULES)
def test_the_contract_is_kept(rule: str) -> None:
    check_milp_rule(rule, MilpBackendUnderTest("scipy-milp"))
