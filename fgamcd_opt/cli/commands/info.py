"""``fgamcd info``: what an instance holds, or the problem P1 that it declares."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fgamcd_opt.cli.arguments import add_instance, add_json, add_log_level
from fgamcd_opt.cli.output import print_json, print_rows, say_lines
from fgamcd_opt.io.errors import ExitCode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fgamcd_opt.instances.instance import Instance


EXAMPLES = (
    "fgamcd info tiny",
    "fgamcd info small --set storage_gb=0.03 --json",
    "fgamcd info tiny --problem",
)
"""Commands of the help, which run one after the other in one folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_instance(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--problem",
        action="store_true",
        help="print P1 itself: its sets, parameters, variables, objective and constraints",
    )
    add_json(what)
    add_log_level(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the figures of the instance, or P1."""
    from fgamcd_opt.instances.resolve import load
    from fgamcd_opt.problem.p1 import P1

    problem = P1(load(args.instance, args.set))
    if args.problem:
        say_lines(problem.describe())
        return ExitCode.DONE
    report = _report(problem.instance) | {"infeasibility": problem.infeasibility_reason()}
    if args.instance.endswith(".npz") and not args.set:
        report["recipe_check"] = _recipe_check(problem.instance)
    if args.json:
        print_json(report)
    else:
        print_rows(_rows(report))
    return ExitCode.DONE


def _report(instance: Instance) -> dict[str, Any]:
    """The figures in SI units; intervals as [least, largest]."""
    import numpy as np

    from fgamcd_opt.instances.repositories.sharing import reuse_ratio

    requested = instance.requested_blocks
    _, users = np.unique(instance.pair_block, return_counts=True)
    links = instance.backhaul_bps[instance.backhaul_bps > 0]
    return {
        "instance": instance.name,
        "digest": instance.digest,
        "nodes": instance.n_nodes,
        "antennas": instance.antennas.tolist(),
        "users": instance.n_users,
        "models": instance.n_models,
        "requested_models": int(np.unique(instance.requests).size),
        "blocks": instance.n_blocks,
        "block_bytes_total": int(instance.block_bytes.sum()),
        "shared_blocks": int((instance.model_blocks.sum(axis=0) > 1).sum()),
        "reuse_ratio": reuse_ratio(instance),
        "requested_blocks": int(requested.size),
        "requested_bytes": int(instance.block_bytes[requested].sum()),
        "largest_requested_bytes": int(instance.block_bytes[requested].max()),
        "requested_pairs": int(instance.pair_block.size),
        "storage_bytes": instance.storage_bytes.tolist(),
        "users_per_requested_block": {
            str(count): int(blocks)
            for count, blocks in zip(*np.unique(users, return_counts=True), strict=True)
        },
        "qos_bps": _interval(instance.qos_bps),
        "bandwidth_hz": instance.bandwidth_hz,
        "noise_w": instance.noise_w,
        "power_w": _interval(instance.power_w),
        "backhaul_bps": _interval(links) if links.size else None,
        "csi_set": instance.csi_set,
        "recipe": instance.recipe,
    }


def _recipe_check(instance: Instance) -> str | None:
    """What generating the instance again says of the recipe in its file; None without one."""
    from fgamcd_opt.instances.generation.recipe_check import verified_recipe
    from fgamcd_opt.io.errors import InputError

    if instance.recipe is None:
        return None
    try:
        verified_recipe(instance, instance.name)
    except InputError as error:
        return f"NOT CONFIRMED: {error}"
    return "regenerates the instance"


def _interval(values: NDArray[Any]) -> list[float]:
    return [float(values.min()), float(values.max())]


def _rows(report: dict[str, Any]) -> dict[str, str]:
    """The figures for people."""
    storage, requested = report["storage_bytes"], report["requested_bytes"]
    total = sum(storage)
    histogram = report["users_per_requested_block"].items()
    antennas = sorted(set(report["antennas"]))
    return {
        "instance": report["instance"],
        "digest": report["digest"],
        "nodes": f"{report['nodes']} with {'/'.join(map(str, antennas))} antennas each, "
        f"power {_range(report['power_w'], 1, 'W')}",
        "users": f"{report['users']}, QoS {_range(report['qos_bps'], 1e9, 'Gbit/s')}",
        "models": f"{report['models']}, {report['requested_models']} of them requested",
        "blocks": f"{report['blocks']} of {report['block_bytes_total'] / 1e6:.1f} MB in all",
        "  shared": f"{report['shared_blocks']} are in several models, with {100 * report['reuse_ratio']:.1f} % of "
        "the models' bytes (reuse ratio)",
        "  requested": f"{report['requested_blocks']} of {requested / 1e6:.1f} MB in all, the largest "
        f"{report['largest_requested_bytes'] / 1e6:.1f} MB, {report['requested_pairs']} (block, user) pairs",
        "  wanted by": ", ".join(
            f"{blocks} by {users} user{'s' * (users != '1')}" for users, blocks in histogram
        ),
        "storage": f"{_range([min(storage), max(storage)], 1e6, 'MB')} per node, {total / 1e6:.1f} MB in all",
        "  tightness": f"all nodes together hold the requested blocks {total / requested:.2f} times, "
        f"the largest one {max(storage) / requested:.2f} times",
        "bandwidth": f"{report['bandwidth_hz'] / 1e6:g} MHz, noise {report['noise_w']:.3g} W",
        "backhaul": _range(report["backhaul_bps"], 1e9, "Gbit/s") if report["backhaul_bps"] else "no link",
        "csi errors": report["csi_set"],
        **_files(report["recipe"] or {}),
        **({"recipe": report["recipe_check"] or "none"} if "recipe_check" in report else {}),
        "feasible": "not excluded by the quick tests"
        if report["infeasibility"] is None
        else f"NO: {report['infeasibility']}",
    }


def _files(recipe: dict[str, Any]) -> dict[str, str]:
    """Files that the instance was made with."""
    digests = {name: recipe.get(f"{name}_sha256") for name in ("channels", "repository")}
    return {f"{name} from": f"{recipe[name]}, SHA-256 {digest}" for name, digest in digests.items() if digest}


def _range(interval: list[float], unit: float, name: str) -> str:
    low, high = (f"{value / unit:.4g}" for value in interval)
    return f"{low} {name}" if low == high else f"{low} to {high} {name}"
