"""The compiled kernels of robust beamforming."""
