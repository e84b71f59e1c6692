"""Makes a failing instance smaller and simpler for as long as it fails in the same way, and keeps it on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from claims import Finding, Report, Setting, Trial

from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.problem.variants import Variant


def keep(folder: Path, instance: Instance, report: Report, *, decided: bool, seconds: float) -> None:
    """Save one small instance for each kind of finding, with the commands that show it.

    Parameters
    ----------
    folder
        Gets a folder per kind and instance: ``original.npz``, ``instance.npz`` (shrunk), ``point.npz`` if there is a
        point that contradicts the claim, and ``findings.txt``.
    instance, report
        What failed.
    decided
        As for :class:`claims.Trial`.
    seconds
        Time for shrinking one of them, in s.
    """
    seen: set[str] = set()
    for finding in report.findings:
        if finding.kind in seen:
            continue
        seen.add(finding.kind)
        place = folder / f"{finding.kind.replace(' ', '-')}-{instance.name}"
        place.mkdir(parents=True, exist_ok=True)
        save_instance(place / "original.npz", instance)
        small = shrink(instance, finding, decided=decided, seconds=seconds)
        save_instance(place / "instance.npz", small)
        _write_commands(place, small, finding, [f for f in report.findings if f.kind == finding.kind])


def _write_commands(place: Path, small: Instance, finding: Finding, alike: list[Finding]) -> None:
    lines = [str(f) for f in alike]
    lines += ["", f"fgamcd solve instance.npz {finding.setting} --gap 0.001"]
    trial = Trial(small, [finding.setting])
    trial.run()
    variant = trial.results[0][1].variant if trial.results else Variant.parse(finding.setting.variant)
    point = trial.best(variant)
    if point is not None:
        trial.solution(variant, point).save(place / "point.npz")
        lines.append("fgamcd verify instance.npz point.npz")
    sizes = {"nodes": small.n_nodes, "users": small.n_users, "blocks": small.n_blocks}
    (place / "findings.txt").write_text("\n".join([*lines, "", json.dumps(sizes)]) + "\n")


def shrink(instance: Instance, finding: Finding, *, decided: bool, seconds: float) -> Instance:
    """The smallest instance on the way down that shows the same kind of finding with the same setting."""
    ends = time.monotonic() + seconds
    smaller = True
    while smaller:
        smaller = False
        for candidate in simpler(instance):
            if time.monotonic() > ends:
                return instance
            if _fails(candidate, finding.setting, finding.kind, decided=decided):
                instance, smaller = candidate, True
                break
    return instance


def _fails(instance: Instance, setting: Setting, kind: str, *, decided: bool) -> bool:
    if setting.solver == "verify":
        return False
    report = Trial(instance, [setting], decided=decided, time_s=5.0).run()
    return any(finding.kind == kind for finding in report.findings)


def simpler(instance: Instance) -> Iterator[Instance]:
    """Instances with one thing less or one thing rounder."""
    for build in (_without_user, _without_block, _without_node):
        for index in range({"_without_user": instance.n_users, "_without_block": instance.n_blocks}.get(
            build.__name__, instance.n_nodes
        )):  # fmt: skip
            try:
                yield build(instance, index)
            except (InputError, ValueError):
                continue
    fields = {
        "qos_bps": np.zeros(instance.n_users),
        "csi_radius": np.zeros_like(instance.csi_radius),
        "power_w": np.ones(instance.n_nodes),
        "backhaul_bps": np.where(instance.backhaul_bps > 0.0, 1e9, 0.0),
        "channel": np.round(instance.channel, 3),
        "csi_set": "ellipsoid",
    }
    for name, value in fields.items():
        try:
            changed = instance.replace(**{name: value})
        except InputError:
            continue
        if changed.digest != instance.digest:
            yield changed


def _channel_of(
    instance: Instance, model_blocks: np.ndarray, users: np.ndarray, blocks: np.ndarray
) -> np.ndarray:
    """``pair_channel`` of the pairs that are left, in their new order."""
    row = {
        (int(k), int(u)): int(c)
        for k, u, c in zip(instance.pair_block, instance.pair_user, instance.pair_channel, strict=True)
    }
    block, user = np.nonzero(model_blocks[instance.requests[users]].T)
    return np.array([row[int(blocks[k]), int(users[u])] for k, u in zip(block, user, strict=True)], np.int64)


def _without_user(instance: Instance, index: int) -> Instance:
    users = np.delete(np.arange(instance.n_users), index)
    blocks = np.arange(instance.n_blocks)
    return instance.replace(
        requests=instance.requests[users],
        qos_bps=instance.qos_bps[users],
        user_xy_m=instance.user_xy_m[users],
        pair_channel=_channel_of(instance, instance.model_blocks, users, blocks),
    )


def _without_block(instance: Instance, index: int) -> Instance:
    blocks = np.delete(np.arange(instance.n_blocks), index)
    model_blocks = instance.model_blocks[:, blocks]
    backhaul = instance.backhaul_bps
    return instance.replace(
        block_bytes=instance.block_bytes[blocks],
        model_blocks=model_blocks,
        backhaul_bps=backhaul if backhaul.shape[0] == 1 else backhaul[blocks],
        block_names=tuple(instance.block_names[k] for k in blocks),
        pair_channel=_channel_of(instance, model_blocks, np.arange(instance.n_users), blocks),
    )


def _without_node(instance: Instance, index: int) -> Instance:
    nodes = np.delete(np.arange(instance.n_nodes), index)
    return instance.replace(
        storage_bytes=instance.storage_bytes[nodes],
        power_w=instance.power_w[nodes],
        antennas=instance.antennas[nodes],
        node_xy_m=instance.node_xy_m[nodes],
        backhaul_bps=instance.backhaul_bps[:, nodes][:, :, nodes],
        channel=instance.channel[:, nodes],
        csi_radius=instance.csi_radius[:, nodes],
    )
