"""What tests of every kind share."""

from pathlib import Path

import pytest

REAL_SPECTRA = Path(__file__).resolve().parents[2] / "shared" / "real-spectra"


@pytest.fixture(scope="session")
def real_spectra() -> Path:
    if not (REAL_SPECTRA / "MANIFEST.csv").exists():
        pytest.skip(f"the folder of real spectra is not at {REAL_SPECTRA}")
    return REAL_SPECTRA
