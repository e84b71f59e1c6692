"""One thread for PyTorch: the results of a seed depend on the number of threads."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
