"""Robust beamforming as semidefinite programs (S-procedure)."""
