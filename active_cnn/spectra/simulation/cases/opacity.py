"""Lines and bands of stars from the near ultraviolet to 9100 Å: where they lie, how strong.

Solar lines: rounded from Moore, Minnaert & Houtgast (1966), as in `simulation.lines`. C2, CN, CH:
Keenan (1993), PASP, 105, 905, and Gray & Corbally (2009), "Stellar Spectral Classification". TiO:
Valenti, Piskunov & Johns-Krull (1998), ApJ, 498, 851; MgH, CaH, VO: Kirkpatrick, Henry & McCarthy
(1991), ApJS, 77, 417. Hydrogen and helium: NIST Atomic Spectra Database.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.lines import IRON_LIKE, LOW_EXCITATION
from active_cnn.spectra.wavelength import SPEED_OF_LIGHT, air_to_vacuum

# Vacuum wavelengths (Å) from Hα on, with the strength against Hα's; Paschen lines from P9 on.
BALMER = (
    (6564.61, 1.0), (4862.69, 1.25), (4341.69, 1.35), (4102.90, 1.35), (3971.20, 1.25),
    (3890.15, 1.1), (3836.48, 0.9), (3798.98, 0.7), (3771.71, 0.5),
)  # fmt: skip
PASCHEN = (
    (9231.55, 1.0), (9017.38, 0.9), (8865.22, 0.8), (8752.88, 0.7), (8667.40, 0.6),
    (8600.75, 0.5), (8547.73, 0.4), (8504.83, 0.3), (8469.59, 0.25), (8440.28, 0.2),
)  # fmt: skip
HELIUM_I = (
    (4027.33, 1.3), (4144.93, 0.6), (4389.16, 0.7), (4472.73, 1.4), (4714.46, 0.5),
    (4923.30, 0.8), (5017.08, 0.6), (5877.25, 1.3), (6680.00, 1.0), (7067.20, 0.7),
)  # fmt: skip
HELIUM_II = ((4542.86, 0.6), (4687.02, 1.0), (5413.03, 0.8))
LITHIUM = 6709.66

# (air wavelength in Å, solar equivalent width in mÅ)
METALS = (
    (4045.81, 1170), (4063.59, 790), (4071.74, 720), (4077.71, 430), (4132.06, 400),
    (4143.87, 470), (4235.94, 385), (4250.12, 340), (4260.47, 600), (4271.76, 760),
    (4325.76, 790), (4383.55, 1010), (4404.75, 900), (4415.12, 420), (4528.61, 275),
    (4703.00, 330), (4891.49, 310), (4920.50, 470), (4957.60, 700), (5012.07, 160),
    (5041.07, 260), (5227.19, 380), (5232.95, 350), (5269.55, 480), (5328.05, 450),
    (5371.49, 250), (5397.13, 240), (5405.78, 270), (5429.70, 290), (5446.92, 240),
    (5455.61, 220), (5528.42, 290), (5586.76, 220), (5615.65, 260), (6102.73, 135),
    (6122.23, 220), (6136.62, 140), (6162.18, 220), (6191.57, 130), (6230.73, 170),
    (6252.56, 120), (6393.61, 130), (6411.65, 130), (6439.08, 160), (6462.57, 220),
    (7511.02, 170), (7445.75, 150), (8327.06, 150), (8387.78, 180), (8688.63, 260),
    (8806.76, 400), *IRON_LIKE,
)  # fmt: skip
COOL_METALS = (
    (4226.73, 1480), (4254.33, 390), (4274.80, 340), (4289.72, 290), (4554.03, 160),
    (4607.33, 40), (5204.52, 300), (5206.04, 230), (5208.44, 280), (5269.54, 80),
    (5371.50, 60), (6707.43, 5), *LOW_EXCITATION,
)  # fmt: skip
MAGNESIUM = ((5167.33, 900), (5172.70, 1260), (5183.62, 1580))
SODIUM = ((5889.97, 750), (5895.94, 560), (8183.26, 230), (8194.82, 300))
CALCIUM_HK = ((3933.66, 20_000), (3968.47, 15_000))
CALCIUM_TRIPLET = ((8498.06, 1470), (8542.14, 3670), (8662.17, 2600))

# (head in Å, air; share of the strength; decay in Å: behind the head, to the red if positive).
TITANIUM_OXIDE = (
    (4584, 0.25, 40), (4761, 0.5, 60), (4954, 0.8, 70), (5167, 1.0, 80), (5448, 0.8, 80),
    (5591, 0.3, 30), (5759, 0.5, 60), (5847, 0.8, 60), (5999, 0.4, 40), (6159, 0.5, 40),
    (6187, 0.4, 40), (6215, 0.5, 70), (6268, 0.4, 80), (6384, 0.3, 60), (6651.5, 0.5, 30),
    (6681.1, 0.65, 30), (6714.4, 0.9, 60), (6747.6, 0.7, 60), (7054, 0.7, 30), (7087, 0.7, 30),
    (7126, 0.9, 80), (7589, 0.7, 70), (7666, 0.6, 90), (8206, 0.25, 60), (8432, 0.5, 60),
    (8859, 0.5, 80),
)  # fmt: skip
HYDRIDES = ((4780, 0.3, -60), (5211, 1.0, -90), (6382, 0.3, 30), (6750, 0.5, 60), (6908, 0.6, 80))
VANADIUM_OXIDE = ((7334, 0.6, 120), (7851, 0.8, 130), (8537, 0.3, 90))
CARBON_HYDRIDE = ((4313, 1.0, -14), (4324, 0.35, -20), (4292, 0.3, -12))
CYANOGEN_BLUE = ((4216, 1.0, -45), (4197, 0.5, -30), (3883, 1.3, -40), (3871, 0.6, -20))
CYANOGEN_RED = (
    (6926, 0.3, 80), (7088, 0.35, 90), (7259, 0.4, 100), (7437, 0.35, 90), (7876, 0.8, 130),
    (8067, 0.9, 110), (8270, 0.6, 120), (8485, 0.3, 100),
)  # fmt: skip
SWAN = (
    (4382, 0.4, -35), (4715, 0.6, -40), (4737, 0.9, -50), (5129, 0.6, -50), (5165, 1.0, -60),
    (5585, 0.5, -50), (5636, 0.7, -60), (6122, 0.15, -50), (6191, 0.25, -60),
)  # fmt: skip

N_HAZES = 6  # sets of the faint lines that no list holds; each star has its own mixture of them
HAZE = ((3500, 0.40), (4000, 0.26), (4500, 0.15), (5200, 0.085), (6000, 0.03), (9300, 0.012))
SPACING = 9.0  # Å between faint lines of one set
LINE_SIGMA = 28.0  # km/s: thermal, turbulent; what two fine pixels carry
HALF_WIDTHS = (3.0, 8.0, 30.0)  # Å, of the Balmer wings in giants, dwarfs and white dwarfs

SPECIES = (
    "balmer_core", *(f"balmer_{width:g}" for width in HALF_WIDTHS), "paschen", "helium_i",
    "helium_ii", "metals", "cool_metals", "magnesium", "sodium", "calcium_hk",
    "calcium_triplet", "titanium_oxide", "hydrides", "vanadium_oxide", "carbon_hydride",
    "cyanogen_blue", "cyanogen_red", "swan", *(f"haze_{i}" for i in range(N_HAZES)),
)  # fmt: skip
COLUMN = {name: column for column, name in enumerate(SPECIES)}

Lines = tuple[tuple[float, float], ...]


def _narrow(wavelength: NDArray[np.float64], lines: Lines, sigma: float) -> NDArray[np.float64]:
    """Optical depth of lines (vacuum, equivalent width in Å); `sigma` in km/s."""
    depth = np.zeros_like(wavelength)
    for centre, width in lines:
        scale = centre * sigma / SPEED_OF_LIGHT
        first, last = np.searchsorted(wavelength, [centre - 6 * scale, centre + 6 * scale])
        distance = (wavelength[first:last] - centre) / scale
        depth[first:last] += width * np.exp(-0.5 * distance**2) / (scale * np.sqrt(2 * np.pi))
    return depth


def _damped(wavelength: NDArray[np.float64], lines: Lines, half: float) -> NDArray[np.float64]:
    """Optical depth of lines with damping wings (vacuum, equivalent width in Å)."""
    depth = np.zeros_like(wavelength)
    for centre, width in lines:
        depth += width / (np.pi * half) / (1 + ((wavelength - centre) / half) ** 2)
    return depth


def _wings(wavelength: NDArray[np.float64], half: float) -> NDArray[np.float64]:
    # The Stark wings of the Balmer lines, of height one in Hα.
    depth = np.zeros_like(wavelength)
    for centre, share in BALMER:
        depth += share / (1 + ((wavelength - centre) / half) ** 2) ** 1.25
    return depth


def _bands(
    wavelength: NDArray[np.float64],
    heads: tuple[tuple[float, float, float], ...],
    nature: np.random.Generator,
) -> NDArray[np.float64]:
    # Rotational structure that R = 1800 leaves half resolved makes the bands rough.
    rough = 1 + 0.35 * nature.standard_normal(len(wavelength))
    rough = np.maximum(np.convolve(rough, np.full(4, 0.25), mode="same"), 0)
    depth = np.zeros_like(wavelength)
    for head, share, decay in heads:
        behind = (wavelength - float(air_to_vacuum(np.array(float(head))))) * np.sign(decay)
        depth += share * np.clip(1 + behind / 4, 0, 1) * np.exp(-np.maximum(behind / abs(decay), 0))
    return depth * rough


def _vacuum(lines: Lines) -> Lines:
    return tuple((float(air_to_vacuum(np.array(air))), width / 1000) for air, width in lines)


@cache
def tabulate(log_start: float, step: float, n: int) -> NDArray[np.float32]:
    """Optical depth of each species for a unit strength, on a logarithmic grid.

    Parameters
    ----------
    log_start, step : float
        log10 of the first wavelength (Å, vacuum), and the step.
    n : int
        Number of wavelengths.

    Returns
    -------
    ndarray of float32, shape (len(SPECIES), n), read-only
        Unit strength: for metals the Sun's lines, for helium lines of the equivalent width (Å)
        that He I 6678 or He II 4686 has, for the core of Hα 1 Å, for its wings height one, for
        bands height one behind the deepest head.
    """
    x: NDArray[np.float64] = np.power(10.0, log_start + step * np.arange(n))
    # Where the faint lines lie is a property of nature, not of the seed of one survey.
    nature = np.random.default_rng(3933)
    table = [
        _narrow(x, BALMER, 60.0),
        *(_wings(x, half) for half in HALF_WIDTHS),
        _damped(x, PASCHEN, 6.0),
        _narrow(x, HELIUM_I, 60.0),
        _narrow(x, HELIUM_II, 80.0),
        _narrow(x, _vacuum(METALS), LINE_SIGMA),
        _narrow(x, _vacuum(COOL_METALS), LINE_SIGMA),
        _damped(x, _vacuum(MAGNESIUM), 1.3),
        _damped(x, _vacuum(SODIUM), 0.9),
        _damped(x, _vacuum(CALCIUM_HK), 3.5),
        _damped(x, _vacuum(CALCIUM_TRIPLET), 1.5),
        *(
            _bands(x, heads, nature)
            for heads in (TITANIUM_OXIDE, HYDRIDES, VANADIUM_OXIDE, CARBON_HYDRIDE)
        ),
        *(_bands(x, heads, nature) for heads in (CYANOGEN_BLUE, CYANOGEN_RED, SWAN)),
    ]
    for _ in range(N_HAZES):
        centres = np.sort(nature.uniform(3400, 9400, round(6000 / SPACING)))
        blanketing = np.interp(centres, *np.array(HAZE).T) / N_HAZES
        widths = SPACING * blanketing * nature.exponential(1.0, len(centres))
        table.append(_narrow(x, tuple(zip(centres, widths, strict=True)), LINE_SIGMA))
    depth = np.array(table, dtype=np.float32)
    depth.setflags(write=False)
    return depth
