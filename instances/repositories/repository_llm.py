"""Layer shapes of Llama-2-7B and 13B, cut into parameter blocks (PBs).

PBs are the token embedding, every decoder layer, and the final norm with the untied output head; 2 bytes per
parameter. All tasks of a family share the embedding and the first decoder layers (one root).
"""

from __future__ import annotations

BYTES_PER_PARAMETER = 2
VOCABULARY = 32_000

DEFAULT_FREEZE = {"llama2_7b": 1 + 28, "llama2_13b": 1 + 35}
"""First PBs that all tasks share: the embedding and 28 or 35 decoder layers."""

Layers = tuple[tuple[str, int], ...]

_SHAPES = {"llama2_7b": (32, 4096, 11_008), "llama2_13b": (40, 5120, 13_824)}
"""Decoder layers, hidden size, intermediate size."""


def decoder_layer_parameters(hidden: int, intermediate: int) -> int:
    """Parameters of one decoder layer: four attention and three feed-forward matrices, two RMS norms."""
    return 4 * hidden * hidden + 3 * hidden * intermediate + 2 * hidden


def llm_layers() -> dict[str, Layers]:
    """(name, size in bytes) of the PBs of both architectures, from input to output."""
    result: dict[str, Layers] = {}
    for name, (depth, hidden, intermediate) in _SHAPES.items():
        parameters = {"embed_tokens": VOCABULARY * hidden}
        for layer in range(depth):
            parameters[f"layers.{layer}"] = decoder_layer_parameters(hidden, intermediate)
        parameters["norm+lm_head"] = hidden + VOCABULARY * hidden
        result[name] = tuple((layer, BYTES_PER_PARAMETER * count) for layer, count in parameters.items())
    return result
