"""Layer shapes of Inception-v3, ResNet-18 and MobileNet-v2, cut into parameter blocks (PBs).

A PB is a layer or a block (Inception module, residual block, inverted residual). Its size is 4 bytes per
learnable parameter: convolution and linear weights, biases, and batch-norm weight and bias, but not the
running statistics. There are no auxiliary heads. Every head has `CLASSES` outputs.
"""

from __future__ import annotations

CLASSES = 5
"""Outputs of every head: the models are fine-tuned to five-class tasks."""

BYTES_PER_PARAMETER = 4

DEFAULT_FREEZE = {"inception_v3": 12, "resnet18": 7, "mobilenet_v2": 16}
"""First PBs that a model which is not a root shares with its root."""

Layers = tuple[tuple[str, int], ...]


def cnn_layers() -> dict[str, Layers]:
    """(name, size in bytes) of the PBs of every architecture, from input to output."""
    networks = {"inception_v3": _inception_v3(), "resnet18": _resnet18(), "mobilenet_v2": _mobilenet_v2()}
    return {
        name: tuple((layer, BYTES_PER_PARAMETER * parameters) for layer, parameters in layers.items())
        for name, layers in networks.items()
    }


def _conv(inputs: int, outputs: int, height: int = 1, width: int | None = None, groups: int = 1) -> int:
    """Parameters of a convolution without bias and the batch norm behind it."""
    kernel = height * (height if width is None else width)
    return inputs // groups * outputs * kernel + 2 * outputs


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _inception_v3() -> dict[str, int]:
    return {
        "Conv2d_1a_3x3": _conv(3, 32, 3),
        "Conv2d_2a_3x3": _conv(32, 32, 3),
        "Conv2d_2b_3x3": _conv(32, 64, 3),
        "Conv2d_3b_1x1": _conv(64, 80),
        "Conv2d_4a_3x3": _conv(80, 192, 3),
        "Mixed_5b": _inception_a(192, 32),
        "Mixed_5c": _inception_a(256, 64),
        "Mixed_5d": _inception_a(288, 64),
        "Mixed_6a": _conv(288, 384, 3) + _conv(288, 64) + _conv(64, 96, 3) + _conv(96, 96, 3),
        "Mixed_6b": _inception_c(128),
        "Mixed_6c": _inception_c(160),
        "Mixed_6d": _inception_c(160),
        "Mixed_6e": _inception_c(192),
        "Mixed_7a": _inception_d(768),
        "Mixed_7b": _inception_e(1280),
        "Mixed_7c": _inception_e(2048),
        "fc": _linear(2048, CLASSES),
    }


def _inception_a(inputs: int, pool: int) -> int:
    branch_5x5 = _conv(inputs, 48) + _conv(48, 64, 5)
    branch_double_3x3 = _conv(inputs, 64) + _conv(64, 96, 3) + _conv(96, 96, 3)
    return _conv(inputs, 64) + branch_5x5 + branch_double_3x3 + _conv(inputs, pool)


def _inception_c(middle: int, inputs: int = 768) -> int:
    branch_7x7 = _conv(inputs, middle) + _conv(middle, middle, 1, 7) + _conv(middle, 192, 7, 1)
    pairs = 2 * _conv(middle, middle, 7, 1) + _conv(middle, middle, 1, 7)
    branch_double_7x7 = _conv(inputs, middle) + pairs + _conv(middle, 192, 1, 7)
    return _conv(inputs, 192) + branch_7x7 + branch_double_7x7 + _conv(inputs, 192)


def _inception_d(inputs: int) -> int:
    branch_3x3 = _conv(inputs, 192) + _conv(192, 320, 3)
    factorised = _conv(192, 192, 1, 7) + _conv(192, 192, 7, 1)
    return branch_3x3 + _conv(inputs, 192) + factorised + _conv(192, 192, 3)


def _inception_e(inputs: int) -> int:
    fork = _conv(384, 384, 1, 3) + _conv(384, 384, 3, 1)
    branch_3x3 = _conv(inputs, 384) + fork
    branch_double_3x3 = _conv(inputs, 448) + _conv(448, 384, 3) + fork
    return _conv(inputs, 320) + branch_3x3 + branch_double_3x3 + _conv(inputs, 192)


def _resnet18() -> dict[str, int]:
    layers = {"conv1": _conv(3, 64, 7)}
    inputs = 64
    for stage, outputs in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            size = _conv(inputs, outputs, 3) + _conv(outputs, outputs, 3)
            if inputs != outputs:
                size += _conv(inputs, outputs)
            layers[f"layer{stage}.{block}"] = size
            inputs = outputs
    return {**layers, "fc": _linear(512, CLASSES)}


def _mobilenet_v2() -> dict[str, int]:
    layers = {"features.0": _conv(3, 32, 3)}
    inputs = 32
    stages = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
    for expansion, outputs, repeats in stages:
        for _ in range(repeats):
            hidden = expansion * inputs
            expand = _conv(inputs, hidden) if expansion > 1 else 0
            depthwise = _conv(hidden, hidden, 3, groups=hidden)
            layers[f"features.{len(layers)}"] = expand + depthwise + _conv(hidden, outputs)
            inputs = outputs
    layers[f"features.{len(layers)}"] = _conv(inputs, 1280)
    return {**layers, "classifier": _linear(1280, CLASSES)}
