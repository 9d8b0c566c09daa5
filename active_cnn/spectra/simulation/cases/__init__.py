"""Cases to try the whole tool with: searches for rare objects in simulated surveys."""

from active_cnn.spectra.simulation.cases.cases import CASES, Case, simulate_case

__all__ = ["CASES", "Case", "simulate_case"]
