"""From a problem to a result: solver protocol, registry, limits, front door."""
