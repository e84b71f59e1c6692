"""Which model every user requests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgamcd_opt.instances.network.random_streams import Purpose, stream
from fgamcd_opt.instances.recipes.recipe import Recipe
from fgamcd_opt.instances.recipes.recipe_fields import nearest
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.safe_text import one_line, quote


def requests_of(recipe: Recipe, model_names: Sequence[str]) -> NDArray[np.int64]:
    """(U,) requested models of a recipe: its own, or drawn ones.

    Raises
    ------
    InputError
        If the recipe requests a model that its repository does not have.
    """
    if recipe.requests:
        return model_indices("requests", recipe.requests, model_names)
    return zipf_requests(recipe.users, len(model_names), recipe.zipf, recipe.seed)


def model_indices(field: str, models: Sequence[str | int], model_names: Sequence[str]) -> NDArray[np.int64]:
    """Indices of models given by name or number, the number from 0; a text of digits that is no name is a number.

    Raises
    ------
    InputError
        For the first one that does not exist, naming the nearest.
    """
    index = {name: i for i, name in enumerate(model_names)}
    found = np.empty(len(models), np.int64)
    for user, model in enumerate(models):
        if isinstance(model, str) and model in index:
            found[user] = index[model]
            continue
        text = str(model)
        if text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) < len(model_names):
            found[user] = int(text)
            continue
        hint = "" if text.isdecimal() else nearest(text, model_names)
        known = one_line(", ".join(model_names[:8])) + (", ..." if len(model_names) > 8 else "")
        told = f"{hint} It" if hint else "; it"
        raise InputError(
            f"{field}[{user}]: {quote(model)} is no model of the repository{told} has {known}, or 0 to "
            f"{len(model_names) - 1} by number"
        )
    return found


def zipf_requests(n_users: int, n_models: int, exponent: float, seed: int) -> NDArray[np.int64]:
    """(U,) requested models: rank r of a random ranking has probability proportional to r^-exponent.

    The ranking and every user's uniform number do not depend on the exponent or the number of users.
    """
    ranking = np.argsort(stream(seed, Purpose.RANKING).random(n_models), kind="stable")
    weight = np.arange(1, n_models + 1, dtype=np.float64) ** -exponent
    cumulative = np.cumsum(weight / weight.sum())
    uniform = stream(seed, Purpose.REQUESTS).random(n_users)
    rank = np.minimum(np.searchsorted(cumulative, uniform, side="right"), n_models - 1)
    chosen: NDArray[np.int64] = ranking[rank].astype(np.int64)
    return chosen
