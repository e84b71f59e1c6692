"""An instance in which nothing is shared: every model with its own blocks, as whole-model caching sees it."""

from __future__ import annotations

import numpy as np

from fgamcd_opt.instances.instance import Instance


def unshared(instance: Instance) -> Instance:
    """The same network and requests with a copy of each block for every model that contains it.

    Blocks are sorted by model, then by their index in ``instance``, and named ``model:block``. Since a user asks for
    one model, the requested pairs are those of ``instance`` in another order, with the same channels.
    """
    model, original = np.nonzero(instance.model_blocks)
    blocks = np.arange(model.size)
    model_blocks = np.zeros((instance.n_models, blocks.size), dtype=np.bool_)
    model_blocks[model, blocks] = True
    copies = model_blocks[instance.requests]  # (U, copies)
    pair_copy, pair_user = np.nonzero(copies.T)
    index = np.full((instance.n_blocks, instance.n_users), -1)
    index[instance.pair_block, instance.pair_user] = instance.pair_channel
    backhaul = instance.backhaul_bps
    return instance.replace(
        block_bytes=instance.block_bytes[original],
        model_blocks=model_blocks,
        backhaul_bps=backhaul if backhaul.shape[0] == 1 else backhaul[original],
        pair_channel=index[original[pair_copy], pair_user],
        block_names=tuple(
            f"{instance.model_names[i]}:{instance.block_names[k]}"
            for i, k in zip(model.tolist(), original.tolist(), strict=True)
        ),
    )
