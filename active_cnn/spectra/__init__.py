"""Spectra: reading, preparing, ingesting, simulating."""
