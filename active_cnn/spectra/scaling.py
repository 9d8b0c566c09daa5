"""How the flux of windows is scaled before a network sees it: part of what a campaign is.

Every method forgets the unit of the flux: a positive factor changes nothing. Whatever the finite
flux, what comes out is finite and, by all methods, within ±`LARGEST`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import Grid
from active_cnn.search import ScalingMethod
from active_cnn.spectra.continuum import fit_continua
from active_cnn.spectra.preprocessing import refuse_defects, rescale

# Per cent of the pixels that are the range of a window. Between the 1st and the 99th, a line in 3
# of 140 pixels would rule the range; beyond these it is seen at its height over the noise.
RANGE = (5.0, 95.0)

# Up to here values stay as they are, beyond it their logarithm counts: a line keeps its height
# over all weaker ones, and a cosmic ray rules nothing. Clipped, all strong lines would be alike.
LINEAR = 3.0

# The median of a window is its continuum unless its range is so many times wider: the zero of the
# flux is lost, the light is that of the sky, or there is no continuum at all.
_WIDEST_RANGE = np.float32(4)

# The least part of the span of a window that its flux is divided by.
_LEAST = np.float32(1e-4)

# The least part of its level that a continuum is taken to be where flux is divided by it.
_LOWEST = np.float32(0.1)

LARGEST = 100.0

Flux = NDArray[np.floating]


@dataclass(frozen=True)
class Scaling:
    """Brings windows to one scale, each of several on its own.

    Parameters
    ----------
    grid : Grid
        Where the windows are.
    method : ScalingMethod
        How.
    """

    grid: Grid = Grid()
    method: ScalingMethod = ScalingMethod.MINMAX

    @property
    def plain(self) -> Scaling:
        """By minimum and maximum, for what does not follow the network's choice.

        Such as the baseline beside it: by the other methods, the noise of faint spectra is most of
        what its components find.
        """
        return replace(self, method=ScalingMethod.MINMAX)

    def __call__(self, flux: Flux) -> NDArray[np.float32]:
        """Scale spectra.

        Parameters
        ----------
        flux : ndarray, shape (n_spectra, grid.n)
            Of spectra without defects, not scaled.

        Returns
        -------
        ndarray of float32, shape (n_spectra, grid.n)
            By `MINMAX` each window is from −1, its minimum, to 1, its maximum. By `ROBUST` its
            `RANGE` is from −1 to 1; by `MEDIAN` and `CONTINUUM` it is the flux over its median, or
            over its continuum, minus 1; what is beyond `LINEAR` by these three is compressed.

        Raises
        ------
        SpectrumError
            If a window is flat or not finite.
        """
        if self.method is ScalingMethod.MINMAX:
            return rescale(flux, self.grid.parts)
        refuse_defects(flux, self.grid.parts)
        return self._scale(flux, flux)

    def alike(self, flux: Flux, others: Flux) -> NDArray[np.float32]:
        """Scale other windows by the numbers of one, so that they can be compared.

        Parameters
        ----------
        flux : ndarray, shape (grid.n,)
            Of a spectrum without defects, not scaled.
        others : ndarray, shape (n_others, grid.n)
            In the unit of `flux`; NaN where they have no value.

        Returns
        -------
        ndarray of float32, shape (n_others, grid.n)

        Raises
        ------
        SpectrumError
            If a window of `flux` is flat or not finite.
        """
        refuse_defects(flux[None, :], self.grid.parts)
        with np.errstate(over="ignore", invalid="ignore"):  # of others as large as floats can be
            return self._scale(others, flux[None, :])

    def _scale(self, flux: Flux, by: Flux) -> NDArray[np.float32]:
        scale = _METHODS[self.method]
        scaled = np.empty(flux.shape, dtype=np.float32)
        for part in self.grid.parts:
            window = flux[:, part]
            scaled[:, part] = scale(window, window if by is flux else by[:, part])
        return scaled


def compress(values: Flux) -> NDArray[np.float32]:
    """Let grow what is beyond `LINEAR` by its logarithm only; order and signs stay."""
    compressed = values.astype(np.float32)
    far = np.abs(values) > LINEAR  # few are, in any spectrum
    some = values[far]
    compressed[far] = np.sign(some) * LINEAR * (1 + np.log(np.abs(some) / LINEAR))
    return compressed


@dataclass(frozen=True, eq=False)
class _Numbers:
    """What windows are scaled by: each of shape (n_spectra, 1), in units of the window's span.

    `low`, `median` and `high` are counted from the least flux, the ends being those of the
    `RANGE`; `level` is what flux is divided by, and `median_over_level` is 1 where that is the
    median.
    """

    low: NDArray[np.float32]
    median: NDArray[np.float32]
    high: NDArray[np.float32]
    level: NDArray[np.float32]
    median_over_level: NDArray[np.float32]


def _from_lowest(flux: Flux, by: Flux) -> NDArray[np.float32]:
    # From 0 to 1, in halves that do not overflow: before float32, so that the finest lines on a
    # high level stay.
    lowest = by.min(axis=1, keepdims=True) / 2
    span = by.max(axis=1, keepdims=True) / 2 - lowest
    return ((flux / 2 - lowest) / span).astype(np.float32)


def _measure(own: NDArray[np.float32], flux: Flux) -> _Numbers:
    n = own.shape[1]
    # By their rank: sorting float32 is the quickest way, and interpolated ones are no better.
    ordered = np.sort(own, axis=1)
    low, median, high = (
        ordered[:, round((n - 1) * share / 100), None] for share in (RANGE[0], 50, RANGE[1])
    )
    lowest = flux.min(axis=1, keepdims=True) / 2
    zero = (lowest / (flux.max(axis=1, keepdims=True) / 2 - lowest)).astype(np.float32)
    level = np.maximum(np.maximum(zero + median, (high - low) / _WIDEST_RANGE), _LEAST)
    return _Numbers(low, median, high, level, (zero + median) / level)


# Each of these scales windows by the numbers of windows: of the very same, or of one.


def _by_extremes(flux: Flux, by: Flux) -> NDArray[np.float32]:
    return 2 * _from_lowest(flux, by) - 1


def _by_range(flux: Flux, by: Flux) -> NDArray[np.float32]:
    own = _from_lowest(by, by)
    one = _measure(own, by)
    some = own if flux is by else _from_lowest(flux, by)
    half = np.maximum((one.high - one.low) / 2, _LEAST)
    return compress((some - (one.high + one.low) / 2) / half)


def _by_median(flux: Flux, by: Flux) -> NDArray[np.float32]:
    own = _from_lowest(by, by)
    one = _measure(own, by)
    some = own if flux is by else _from_lowest(flux, by)
    return compress((some - one.median) / one.level)


def _by_continuum(flux: Flux, by: Flux) -> NDArray[np.float32]:
    own = _from_lowest(by, by)
    one = _measure(own, by)
    some = own if flux is by else _from_lowest(flux, by)
    # A spike, wherever it is, counts no more in the fit than what is just beyond the range.
    calm = np.clip(own, 2 * one.low - one.high, 2 * one.high - one.low)
    curve = fit_continua((calm - one.median) / one.level)
    continuum = np.maximum(curve + one.median_over_level, _LOWEST)
    return compress(((some - one.median) / one.level - curve) / continuum)


_METHODS: dict[ScalingMethod, Callable[[Flux, Flux], NDArray[np.float32]]] = {
    ScalingMethod.MINMAX: _by_extremes,
    ScalingMethod.ROBUST: _by_range,
    ScalingMethod.MEDIAN: _by_median,
    ScalingMethod.CONTINUUM: _by_continuum,
}
