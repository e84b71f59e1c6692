"""The constraint families of P1 and its variants, one class each."""
