"""Find rare objects in huge spectroscopic surveys with active deep learning."""

__version__ = "0.2.0"
