"""Small synthetic checkpoints, written by the safetensors package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

Tensors = dict[str, np.ndarray]


def transformer(seed: int, layers: int = 3, width: int = 4) -> Tensors:
    """Embedding, layers of two tensors each, head."""
    rng = np.random.default_rng(seed)
    tensors = {"model.embed.weight": rng.normal(size=(10, width)).astype(np.float32)}
    for i in range(layers):
        tensors[f"model.layers.{i}.attn.weight"] = rng.normal(size=(width, width)).astype(np.float32)
        tensors[f"model.layers.{i}.attn.bias"] = rng.normal(size=width).astype(np.float32)
    return tensors | {"head.weight": rng.normal(size=(width, 2)).astype(np.float32)}


def fine_tuned(base: Tensors, seed: int, *prefixes: str) -> Tensors:
    """The base with other numbers where a name starts with one of the prefixes."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=value.shape).astype(value.dtype) if name.startswith(prefixes) else value
        for name, value in base.items()
    }


def write_sharded(folder: Path, tensors: Tensors, shards: int = 2) -> None:
    """One model in several files with their index."""
    folder.mkdir()
    names = [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
    placed = {tensor: names[i % shards] for i, tensor in enumerate(tensors)}
    for name in names:
        save_file({t: v for t, v in tensors.items() if placed[t] == name}, folder / name)
    index = {"metadata": {}, "weight_map": placed}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write_adapter(folder: Path, base: str, seed: int, layers: int = 3, width: int = 4) -> Tensors:
    """A LoRA-style adapter in the layout of PEFT."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base, "r": 1}))
    tensors = {
        f"base_model.model.model.layers.{i}.attn.lora_{part}.weight": rng.normal(size=shape).astype(
            np.float32
        )
        for i in range(layers)
        for part, shape in (("A", (1, width)), ("B", (width, 1)))
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    return tensors
