"""Lines, band heads and sky lines around Hα: vacuum wavelengths and their usual strengths.

Metal lines: positions and solar equivalent widths rounded from Moore, Minnaert & Houtgast (1966),
"The Solar Spectrum 2935 Å to 8770 Å". Sky: Osterbrock et al. (1996), PASP, 108, 277. Band heads of
TiO: Valenti, Piskunov & Johns-Krull (1998), ApJ, 498, 851.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.wavelength import LINES, air_to_vacuum

HALPHA = next(line.wavelength for line in LINES if line.name == "Hα")
HELIUM = next(line.wavelength for line in LINES if line.name == "He I 6678")
NII = (6549.86, 6585.27)
SII = (6718.29, 6732.67)

# Rest wavelengths (vacuum) that redshift carries into the window.
GALAXY_EMISSION = (3728.8, 4862.69, 4960.30, 5008.24, 6302.05, 6564.61, 6585.27, 6718.29)
GALAXY_ABSORPTION = (3934.78, 3969.59, 4305.6, 5176.6, 5270.4, 5895.6)
QUASAR_EMISSION = (1215.67, 1549.06, 1908.73, 2798.75, 4862.69, 5008.24)

# (air wavelength in Å, solar equivalent width in mÅ) of lines that grow with falling temperature
# about as iron does, and of those of low excitation, which grow faster.
IRON_LIKE = (
    (6494.98, 165), (6496.47, 70), (6518.37, 60), (6533.93, 40), (6546.24, 105), (6559.57, 45),
    (6569.22, 75), (6575.02, 65), (6581.21, 20), (6586.31, 45), (6592.91, 120), (6593.87, 88),
    (6597.56, 44), (6604.60, 38), (6609.11, 68), (6627.54, 28), (6633.41, 30), (6633.75, 65),
    (6639.71, 18), (6643.63, 95), (6653.85, 10), (6663.44, 86), (6677.99, 130), (6696.02, 36),
    (6698.67, 21), (6703.57, 38), (6705.10, 47), (6713.74, 22), (6715.38, 28), (6717.69, 120),
    (6721.85, 45), (6726.67, 47), (6733.15, 26), (6739.52, 12), (6750.15, 75), (6752.71, 37),
    (6767.77, 80), (6772.31, 50),
)  # fmt: skip
LOW_EXCITATION = (
    (6493.78, 120), (6496.90, 98), (6499.65, 85), (6508.10, 4), (6528.30, 5), (6543.20, 4),
    (6554.22, 19), (6556.06, 24), (6572.78, 32), (6574.23, 28), (6599.11, 10), (6608.03, 18),
    (6625.02, 16), (6646.93, 10), (6661.08, 13), (6663.20, 12), (6680.10, 5), (6710.32, 16),
    (6716.68, 8), (6717.69, 40), (6743.12, 18), (6748.50, 6),
)  # fmt: skip
# (air wavelength of the head in Å, share of the strength); the bands run to the red.
TITANIUM_OXIDE = (
    (6478.0, 0.40), (6512.0, 0.20), (6569.0, 0.15), (6596.0, 0.15), (6629.0, 0.15),
    (6651.5, 0.50), (6681.1, 0.65), (6714.4, 1.00), (6747.6, 0.80),
)  # fmt: skip
CALCIUM_HYDRIDE = ((6749.0, 0.7), (6775.0, 0.6), (6495.0, 0.1))
# Water vapour in the Earth's air: (air wavelength in Å, relative strength).
TELLURIC = (
    (6516.6, 0.7), (6519.5, 0.5), (6523.8, 0.4), (6532.4, 0.6), (6534.0, 0.5), (6536.7, 0.3),
    (6542.3, 0.4), (6543.9, 1.0), (6547.7, 0.7), (6548.6, 0.8), (6552.6, 0.9), (6557.2, 0.8),
    (6558.1, 0.3), (6560.6, 0.4), (6563.5, 0.3), (6564.2, 0.5), (6572.1, 0.8), (6574.9, 0.6),
    (6580.8, 0.3), (6586.7, 0.3), (6594.5, 0.2), (6599.3, 0.2),
)  # fmt: skip
# Airglow (air): OH, and after it the diffuse nebular [N II] and Hα, which vary from fibre to fibre.
SKY = (
    6498.7, 6522.4, 6533.0, 6544.0, 6553.6, 6568.8, 6577.2, 6596.6, 6604.1, 6627.6, 6661.8,
    6700.0, 6748.0, 6548.05, 6583.45, 6562.80,
)  # fmt: skip
N_NEBULAR_SKY = 3

N_HAZES = 12  # sets of faint lines that no list holds; each star has its own mixture of them
LINE_SIGMA = 0.35  # Å: thermal, turbulent and rotational width of a metal line
BAND_RISE, BAND_DECAY = 2.0, 50.0  # Å

SPECIES = (
    "iron", "low_excitation", "titanium_oxide", "calcium_hydride",
    *(f"haze_{i}" for i in range(N_HAZES)),
)  # fmt: skip


def _comb(
    wavelength: NDArray[np.float64], lines: list[tuple[float, float]], sigma: float
) -> NDArray[np.float64]:
    # Optical depth of weak lines: its integral is the equivalent width.
    depth = np.zeros_like(wavelength)
    for centre, width in lines:
        near = np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2)
        depth += width * near / (sigma * np.sqrt(2 * np.pi))
    return depth


def _bands(
    wavelength: NDArray[np.float64], heads: tuple[tuple[float, float], ...]
) -> NDArray[np.float64]:
    depth = np.zeros_like(wavelength)
    for head_air, share in heads:
        behind = wavelength - float(air_to_vacuum(np.array(head_air)))
        rise = np.clip(1 + behind / BAND_RISE, 0, 1)
        depth += share * rise * np.exp(-np.maximum(behind, 0) / BAND_DECAY)
    return depth


@cache
def opacities(start: float, step: float, n: int) -> NDArray[np.float32]:
    """Optical depth of each species of a solar-like star, on a logarithmic grid.

    Parameters
    ----------
    start, step : float
        Natural logarithm of the first wavelength (Å, vacuum) and the step.
    n : int
        Number of wavelengths.

    Returns
    -------
    ndarray of float32, shape (len(SPECIES), n), read-only
        The bands are normalised to their own strength of one.
    """
    wavelength = np.exp(start + step * np.arange(n))
    sigma = max(LINE_SIGMA, 0.8 * wavelength[0] * step)

    def vacuum(lines: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
        return [(float(air_to_vacuum(np.array(air))), width / 1000) for air, width in lines]

    combs = [
        _comb(wavelength, vacuum(IRON_LIKE), sigma),
        _comb(wavelength, vacuum(LOW_EXCITATION), sigma),
        _bands(wavelength, TITANIUM_OXIDE),
        _bands(wavelength, CALCIUM_HYDRIDE),
    ]
    # Where the faint lines lie is a property of nature, not of the seed of one survey.
    nature = np.random.default_rng(6563)
    for _ in range(N_HAZES):
        centres = nature.uniform(6200.0, 6950.0, 500)
        widths = nature.exponential(0.012, 500)
        combs.append(_comb(wavelength, list(zip(centres, widths, strict=True)), sigma))
    table = np.array(combs, dtype=np.float32)
    table.setflags(write=False)
    return table


def telluric(wavelength: NDArray[np.float64], sigma: float) -> NDArray[np.float32]:
    """Optical depth of the Earth's water vapour for a unit amount, shape (n_pixels,)."""
    lines = [(float(air_to_vacuum(np.array(air))), 0.04 * share) for air, share in TELLURIC]
    return _comb(wavelength, lines, sigma).astype(np.float32)


def sky_lines(wavelength: NDArray[np.float64], sigma: float) -> NDArray[np.float32]:
    """Profiles of unit height of the lines of `SKY`, shape (len(SKY), n_pixels)."""
    centre = air_to_vacuum(np.array(SKY))[:, None]
    return np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2).astype(np.float32)
