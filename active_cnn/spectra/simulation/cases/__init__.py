"""Cases to try the whole tool with: searches for rare objects in simulated surveys."""

from active_cnn.spectra.simulation.cases.definitions import CASES, Case
from active_cnn.spectra.simulation.cases.survey import simulate_case

__all__ = ["CASES", "Case", "simulate_case"]
