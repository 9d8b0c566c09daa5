"""Simulated surveys of known truth: around Hα, and those of `cases`."""

from active_cnn.spectra.simulation.survey import DemoFiles, write_case, write_demo

__all__ = ["DemoFiles", "write_case", "write_demo"]
