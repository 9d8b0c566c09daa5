"""Queries: which spectra the oracle is asked about."""
