"""1 000 random mutations of solution, certificate and instance: `fgamcd verify` rejects every one.

Half of them change bytes of a file. The other half change values and write the file anew, with digest and seal made
for the changed content: then the mathematics has to notice. Such a mutation is chosen so that a claim becomes false.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fgamcd_opt.certificates.block_bound import PricedBlock
from fgamcd_opt.certificates.certificate import Certificate
from fgamcd_opt.certificates.certificate_check import lagrangian_sum, proved_evidence
from fgamcd_opt.certificates.evidence_rows import EvidenceRow
from fgamcd_opt.cli.main import main
from fgamcd_opt.instances.format import save_instance
from fgamcd_opt.instances.instance import Instance
from fgamcd_opt.io.errors import ExitCode
from fgamcd_opt.problem.solution_file import Solution
from fgamcd_opt.solvers.bounds.certify import certify
from fgamcd_opt.solving.front_door import solve
from fgamcd_opt.testing.random_problems import random_problem

REJECTED = {ExitCode.INPUT_REJECTED, ExitCode.VERIFICATION_FAILED}
NAMES = ("instance.npz", "solution.npz", "certificate.npz")


class Files(NamedTuple):
    """What is verified together."""

    instance: Instance
    solution: Solution
    certificate: Certificate

    def save(self, folder: Path) -> None:
        save_instance(folder / NAMES[0], self.instance)
        self.solution.save(folder / NAMES[1])
        self.certificate.save(folder / NAMES[2])


def exit_code(folder: Path) -> int:
    """Exit code of ``fgamcd verify`` on the files of a folder."""
    instance, solution, certificate = (str(folder / name) for name in NAMES)
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        return main(["verify", instance, solution, "--certificate", certificate])


@pytest.fixture(scope="module")
def sound() -> Files:
    """A solved problem whose certificate rests on storage prices and on evidence for parts of the nodes."""
    problem = random_problem(6, blocks=6, users=6)
    result = solve(problem, "exact")
    assert result.solution is not None
    assert result.multipliers is not None
    certificate = certify(problem, result.multipliers, "exact")
    assert certificate.evidence_block.size >= 3
    assert (certificate.multipliers > 0).any()
    return Files(problem.instance, result.solution, certificate)


def test_the_sound_files_are_accepted(sound: Files, tmp_path: Path) -> None:
    sound.save(tmp_path)
    assert exit_code(tmp_path) == ExitCode.DONE


def changed_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """One random change of a file's bytes."""
    first, second = sorted(rng.choice(len(data), size=2, replace=False).tolist())
    kind = int(rng.integers(6))
    if kind == 0:  # one bit
        return data[:first] + bytes([data[first] ^ (1 << int(rng.integers(8)))]) + data[first + 1 :]
    if kind == 1:  # one byte
        return data[:first] + bytes([(data[first] + int(rng.integers(1, 256))) % 256]) + data[first + 1 :]
    if kind == 2:  # a piece is missing
        return data[:first] + data[second:]
    if kind == 3:  # a piece is zero
        return data[:first] + bytes(second - first) + data[second:]
    if kind == 4:  # a piece occurs twice
        return data[:second] + data[first:second] + data[second:]
    return data + rng.bytes(int(rng.integers(1, 50)))  # something is appended


@pytest.mark.parametrize("name", NAMES)
def test_changed_bytes_are_rejected(sound: Files, tmp_path: Path, name: str) -> None:
    sound.save(tmp_path)
    whole = (tmp_path / name).read_bytes()
    rng = np.random.default_rng(NAMES.index(name))
    for number in range(170):
        (tmp_path / name).write_bytes(changed_bytes(whole, rng))
        assert exit_code(tmp_path) == ExitCode.INPUT_REJECTED, number
    (tmp_path / name).write_bytes(whole)
    assert exit_code(tmp_path) == ExitCode.DONE


Mutation = Callable[[Files, np.random.Generator], Files]


def _solution(files: Files, **changes: object) -> Files:
    return files._replace(solution=dataclasses.replace(files.solution, **changes))


def _decision(files: Files, **changes: object) -> Files:
    return _solution(files, decision=dataclasses.replace(files.solution.decision, **changes))


def _factor(rng: np.random.Generator) -> float:
    """1 plus or minus something between 1e-8 and 1."""
    return 1.0 + float(rng.choice([-1, 1])) * 10.0 ** float(rng.uniform(-8, -0.1))


def other_delay(files: Files, rng: np.random.Generator) -> Files:
    return _solution(files, delay_s=files.solution.delay_s * _factor(rng))


def bound_above_the_delay(files: Files, rng: np.random.Generator) -> Files:
    return _solution(files, lower_bound_s=files.solution.delay_s * (1.0 + abs(_factor(rng) - 1.0)))


def louder_beam(files: Files, rng: np.random.Generator) -> Files:
    """A node that already sends at full power."""
    power = np.linalg.norm(files.solution.decision.beams, axis=2) ** 2 / files.instance.power_w
    row, node = rng.choice(np.argwhere(power > 1 - 1e-9))
    beams = files.solution.decision.beams.copy()
    beams[row, node] *= 1.0 + abs(_factor(rng) - 1.0) + 1e-5
    return _decision(files, beams=beams)


def turned_beam(files: Files, rng: np.random.Generator) -> Files:
    """One entry with another phase: other rates, hence another delay than claimed."""
    beams = files.solution.decision.beams.copy()
    where = tuple(rng.choice(np.argwhere(np.abs(beams) > 1e-3 * np.abs(beams).max())))
    beams[where] *= np.exp(1j * rng.uniform(0.01, 6.27))
    return _decision(files, beams=beams)


def swapped_beams(files: Files, rng: np.random.Generator) -> Files:
    order = np.arange(files.solution.decision.beams.shape[0])
    first, second = rng.choice(order.size, size=2, replace=False)
    order[[first, second]] = second, first
    return _decision(files, beams=files.solution.decision.beams[order])


def uncached_block(files: Files, rng: np.random.Generator) -> Files:
    caching = files.solution.decision.caching.copy()
    caching[:, rng.choice(files.instance.requested_blocks)] = False
    return _decision(files, caching=caching)


def overfull_cache(files: Files, rng: np.random.Generator) -> Files:
    caching = files.solution.decision.caching.copy()
    sizes = files.instance.block_bytes
    full = [n for n in range(len(caching)) if sizes.sum() > files.instance.storage_bytes[n]]
    caching[rng.choice(full)] = True
    return _decision(files, caching=caching)


def migration_to_itself(files: Files, rng: np.random.Generator) -> Files:
    migration = files.solution.decision.migration.copy()
    node = rng.integers(files.instance.n_nodes)
    migration[node, node, rng.choice(files.instance.requested_blocks)] = True
    return _decision(files, migration=migration)


def _certificate(files: Files, **changes: object) -> Files:
    return files._replace(certificate=dataclasses.replace(files.certificate, **changes))


def _consistent(files: Files, **changes: object) -> Files:
    """Changed prices or block bounds, with the sum that follows from them."""
    changed = dataclasses.replace(files.certificate, **changes)
    total = lagrangian_sum(files.instance, changed.multipliers, changed.block_bound_s)
    return files._replace(certificate=dataclasses.replace(changed, bound_s=total))


def _users(files: Files) -> list[int]:
    return [
        len(range(*files.instance.block_pairs(int(k)).indices(10**9)))
        for k in files.instance.requested_blocks
    ]


def _rows(files: Files, change: Callable[[list[EvidenceRow]], list[EvidenceRow]]) -> Files:
    """Other evidence under the same claims."""
    old = files.certificate
    rows = change(old.evidence(_users(files)))
    fields = {f: getattr(old, f) for f in ("instance_digest", "instance_name", "made_by", "bound_s")}
    new = Certificate.pack(old.multipliers, rows, block_bound_s=old.block_bound_s, **fields)
    return files._replace(certificate=new)


def other_bound(files: Files, rng: np.random.Generator) -> Files:
    return _certificate(files, bound_s=files.certificate.bound_s * _factor(rng))


def last_digit_of_the_bound(files: Files, rng: np.random.Generator) -> Files:
    towards = float(rng.choice([-math.inf, math.inf]))
    return _certificate(files, bound_s=math.nextafter(files.certificate.bound_s, towards))


def higher_block_bound(files: Files, rng: np.random.Generator) -> Files:
    bounds = files.certificate.block_bound_s.copy()
    bounds[rng.integers(bounds.size)] *= 1.0 + abs(_factor(rng) - 1.0)
    return _consistent(files, block_bound_s=bounds)


def shifted_block_bounds(files: Files, rng: np.random.Generator) -> Files:
    """One block's bound up, another's down: the sum, and so the claim, stays as it is."""
    bounds = files.certificate.block_bound_s.copy()
    first, second = rng.choice(bounds.size, size=2, replace=False)
    moved = bounds[second] * 10.0 ** rng.uniform(-6, -1)
    bounds[first], bounds[second] = bounds[first] + moved, bounds[second] - moved
    return _consistent(files, block_bound_s=bounds)


def swapped_block_bounds(files: Files, rng: np.random.Generator) -> Files:
    bounds = files.certificate.block_bound_s.copy()
    first, second = rng.choice(bounds.size, size=2, replace=False)
    bounds[[first, second]] = bounds[[second, first]]
    return _consistent(files, block_bound_s=bounds)


def lower_price(files: Files, rng: np.random.Generator) -> Files:
    """A node whose storage costs less than the least priced placements were computed with."""
    multipliers = files.certificate.multipliers.copy()
    multipliers[rng.choice(np.flatnonzero(multipliers > 0))] *= rng.uniform(0.0, 0.999)
    return _consistent(files, multipliers=multipliers)


def missing_evidence(files: Files, rng: np.random.Generator) -> Files:
    gone = int(rng.integers(files.certificate.evidence_block.size))
    return _rows(files, lambda rows: rows[:gone] + rows[gone + 1 :])


def evidence_of_another_block(files: Files, rng: np.random.Generator) -> Files:
    def change(rows: list[EvidenceRow]) -> list[EvidenceRow]:
        sizes = _users(files)
        pairs = [
            (i, k)
            for i, row in enumerate(rows)
            for k, size in enumerate(sizes)
            if size == row.y.size and k != row.block
        ]
        i, k = pairs[rng.integers(len(pairs))]
        return sorted(
            [*rows[:i], dataclasses.replace(rows[i], block=k), *rows[i + 1 :]], key=lambda row: row.block
        )

    return _rows(files, change)


def other_errors(files: Files, rng: np.random.Generator) -> Files:
    """Smaller or opposite errors in the only evidence that covers the set on which a block's bound rests."""

    def change(rows: list[EvidenceRow]) -> list[EvidenceRow]:
        i = int(rng.choice(decisive(files, rows)))
        rows[i] = dataclasses.replace(rows[i], mix=rows[i].mix * rng.uniform(-1.0, 0.9))
        return rows

    return _rows(files, change)


def other_weights(files: Files, rng: np.random.Generator) -> Files:
    """Weights of two users swapped in such evidence."""

    def change(rows: list[EvidenceRow]) -> list[EvidenceRow]:
        i = int(rng.choice([i for i in decisive(files, rows) if np.ptp(rows[i].y) > 1e-2]))
        y = rows[i].y.copy()
        y[[y.argmin(), y.argmax()]] = y.max(), y.min()
        rows[i] = dataclasses.replace(rows[i], y=y)
        return rows

    return _rows(files, change)


def decisive(files: Files, rows: list[EvidenceRow]) -> list[int]:
    """Rows that alone cover the participating set of the least priced delay of their block."""
    found = []
    for k in {row.block for row in rows}:
        index = int(files.instance.requested_blocks[k])
        block = PricedBlock(files.instance, index, files.certificate.multipliers)
        own = [i for i, row in enumerate(rows) if row.block == k]
        (proved,) = proved_evidence({k: block}, [rows[i] for i in own]).values()
        least = block.least(proved)
        covering = [i for i in own if least.participating & ~rows[i].mask == 0]
        if len(covering) == 1 and rows[covering[0]].mask == least.participating:
            found += covering
    return found


def _instance(files: Files, **changes: object) -> Files:
    """Another instance, for which solution and certificate then claim to be made."""
    instance = files.instance.replace(**changes)
    label = {"instance_digest": instance.digest}
    return Files(
        instance,
        dataclasses.replace(files.solution, **label),
        dataclasses.replace(files.certificate, **label),
    )


def another_instance(files: Files, rng: np.random.Generator) -> Files:
    """The instance alone is changed: its digest is no longer the one of solution and certificate."""
    field = str(rng.choice(["channel", "csi_radius", "qos_bps", "power_w"]))
    array = getattr(files.instance, field).copy()
    where = tuple(rng.choice(np.argwhere(array != 0)))
    array[where] *= 1.0 + 1e-12
    return files._replace(instance=files.instance.replace(**{field: array}))


def other_size(files: Files, rng: np.random.Generator) -> Files:
    block = rng.choice(files.instance.requested_blocks)
    array = files.instance.block_bytes.copy()
    array[block] += rng.integers(1, 1000)
    return _instance(files, block_bytes=array)


def other_channel(files: Files, rng: np.random.Generator) -> Files:
    """All channels of a node that sends something."""
    channel = files.instance.channel.copy()
    node = rng.choice(np.flatnonzero(np.abs(files.solution.decision.beams).sum(axis=(0, 2)) > 0))
    channel[:, node] *= _factor(rng)
    return _instance(files, channel=channel)


def other_band(files: Files, rng: np.random.Generator) -> Files:
    return _instance(files, bandwidth_hz=files.instance.bandwidth_hz * _factor(rng))


def other_noise(files: Files, rng: np.random.Generator) -> Files:
    return _instance(files, noise_w=files.instance.noise_w * _factor(rng))


def less_storage(files: Files, rng: np.random.Generator) -> Files:
    used = files.solution.decision.caching @ files.instance.block_bytes
    storage = files.instance.storage_bytes.copy()
    node = rng.choice(np.flatnonzero(used > 0))
    storage[node] = used[node] - rng.integers(1, used[node] + 1)
    return _instance(files, storage_bytes=storage)


SOLUTIONS: list[Mutation] = [
    other_delay,
    bound_above_the_delay,
    louder_beam,
    turned_beam,
    swapped_beams,
    uncached_block,
    overfull_cache,
    migration_to_itself,
]
CERTIFICATES: list[Mutation] = [
    other_bound,
    last_digit_of_the_bound,
    higher_block_bound,
    shifted_block_bounds,
    swapped_block_bounds,
    lower_price,
    missing_evidence,
    evidence_of_another_block,
    other_errors,
    other_weights,
]
INSTANCES: list[Mutation] = [
    another_instance,
    other_size,
    other_channel,
    other_band,
    other_noise,
    less_storage,
]
EACH = 21


@pytest.mark.parametrize("mutation", SOLUTIONS + CERTIFICATES + INSTANCES)
def test_changed_values_with_repaired_digests_are_rejected(
    sound: Files, tmp_path: Path, mutation: Mutation
) -> None:
    for number in range(EACH):
        mutation(sound, np.random.default_rng(number)).save(tmp_path)
        assert exit_code(tmp_path) in REJECTED, number


def test_there_are_a_thousand_mutations() -> None:
    assert 3 * 170 + EACH * len(SOLUTIONS + CERTIFICATES + INSTANCES) >= 1000
