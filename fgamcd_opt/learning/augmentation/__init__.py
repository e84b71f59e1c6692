"""Data augmentation: models that predict (r, s') from (s, a), and which of their predictions are kept (22)."""
