"""Sound files and sample rates: NumPy, soundfile and soxr; no torch, no Qt."""
