"""Robust CoMP beamforming of one broadcast: worst-case rates, fast local search, certified bounds."""
