"""What proves a lower bound: evidence, its rounding-safe check, the certificate file. Numpy alone."""
