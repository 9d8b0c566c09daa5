"""Simulated spectra of known truth, as two instruments would record them around Hα."""

from active_cnn.spectra.simulation.survey import DemoFiles, write_demo

__all__ = ["DemoFiles", "write_demo"]
