"""The benchmark library and the best values known for it."""
