"""What a survey says of its targets: names, places, nights and the pipeline's class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.spectra.simulation.population import TYPES
from active_cnn.spectra.simulation.whole import Target

SEATS = 250  # fibres of a spectrograph
PLATE = 16 * SEATS  # fibres
ASTRAY = 0.25  # arcsec: how far from the star's place a further visit says that it is
NIGHTS = 40  # within which a field is observed again

# What the pipeline says, as indices of these.
_SUBTYPES = tuple(f"{letter}{tenth}" for letter in TYPES for tenth in range(10))
CLASSES = (
    *(("STAR", name) for name in (*_SUBTYPES, "WD")),
    ("GALAXY", "Non"),
    ("QSO", "Non"),
    ("UNKNOWN", "Non"),
)
_WHITE_DWARF, _GALAXY, _QUASAR, _UNKNOWN = range(len(_SUBTYPES), len(CLASSES))


@dataclass(frozen=True, eq=False)
class Targets:
    """Fibres of consecutive exposures; every column has n_targets values.

    Parameters
    ----------
    first : int
        Number of targets before these.
    filename, designation : list of str
        Of the spectrum, and of its star.
    star : ndarray of int
        Number of the first spectrum of the same star.
    mjd : ndarray of int
        Local modified Julian day.
    field : list of str
        Name of the plate.
    ra, dec : ndarray
        In degrees, rounded as they are written.
    snr : list of float
        In r, rounded as it is written.
    classes : ndarray of int
        Indices into `CLASSES`.
    """

    first: int
    filename: list[str]
    designation: list[str]
    star: NDArray[np.intp]
    mjd: NDArray[np.intp]
    field: list[str]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    snr: list[float]
    classes: NDArray[np.intp]

    @property
    def pipeline_class(self) -> list[str]:
        """The pipeline's class and subclass in one, as readers give it."""
        names = [" ".join(part for part in pair if part != "Non") for pair in CLASSES]
        return [names[index] for index in self.classes.tolist()]

    def one(self, row: int) -> Target:
        """Give what the header of a spectrum's own file tells."""
        number = self.first + row
        spectrograph, fibre = _seat(number)
        coarse_class, subclass = CLASSES[self.classes[row]]
        return Target(
            filename=self.filename[row],
            number=number,
            star=int(self.star[row]),
            designation=self.designation[row],
            mjd=int(self.mjd[row]),
            plan=self.field[row],
            spectrograph=spectrograph,
            fibre=fibre,
            ra=float(self.ra[row]),
            dec=float(self.dec[row]),
            snr=self.snr[row],
            coarse_class=coarse_class,
            subclass=subclass,
        )


def _seat(number: int) -> tuple[int, int]:
    """Spectrograph and fibre of a target, both counted from one."""
    spectrograph, fibre = divmod(number % PLATE, SEATS)
    return spectrograph + 1, fibre + 1


@dataclass(frozen=True, eq=False)
class SpectralTypes:
    """What a pipeline's word of a source rests on; every part has n_sources values.

    Parameters
    ----------
    temperature : ndarray
        In K.
    is_galaxy, is_quasar, is_unknown, is_white_dwarf : ndarray of bool
        In this order: the first that holds decides, and where none does the temperature.
    """

    temperature: NDArray[np.floating]
    is_galaxy: NDArray[np.bool_]
    is_quasar: NDArray[np.bool_]
    is_unknown: NDArray[np.bool_]
    is_white_dwarf: NDArray[np.bool_]


def observe(
    first: int,
    first_visit: NDArray[np.intp],
    snr: NDArray[np.floating],
    classify: Callable[[np.random.Generator], NDArray[np.intp]],
    rng: np.random.Generator,
) -> Targets:
    """Give each spectrum a fibre, a night, a place and a class of the pipeline.

    Parameters
    ----------
    first : int
        Number of spectra before these.
    first_visit : ndarray of int, shape (n_targets,)
        Row of the first spectrum of the same star.
    snr : ndarray, shape (n_targets,)
        Signal-to-noise ratio in r.
    classify : callable
        Gives indices into `CLASSES` from a random generator.
    rng : numpy.random.Generator
        Where every number comes from.

    Returns
    -------
    Targets
    """
    n = len(first_visit)
    number = first + np.arange(n)
    plate = number // PLATE
    # The pointing belongs to the plate, so that it does not depend on the block.
    pointing = plate.astype(np.float64)
    centre_ra = (94 + 137.508 * pointing) % 360
    centre_dec = 27 + 30 * np.sin(1.7 * pointing)
    radius = 2.5 * np.sqrt(rng.random(n))
    angle = rng.uniform(0, 2 * np.pi, n)
    dec = centre_dec + radius * np.sin(angle)
    ra = centre_ra + radius * np.cos(angle) / np.cos(np.radians(dec))
    star = first_visit
    again = star != np.arange(n)
    ra, dec = _rounded(ra[star], dec[star])
    designation = designate(ra, dec)
    astray = again * ASTRAY / 3600 * np.sqrt(rng.random(n))
    angle = rng.uniform(0, 2 * np.pi, n)
    ra, dec = _rounded(
        ra + astray * np.cos(angle) / np.cos(np.radians(dec)), dec + astray * np.sin(angle)
    )
    mjd = 55959 + plate + again * rng.integers(1, NIGHTS + 1, n)
    field = [
        f"SIM_{east:03.0f}N{north:02.0f}_V{version}"
        for east, north, version in zip(
            centre_ra.tolist(), centre_dec.tolist(), (plate % 3 + 1).tolist(), strict=True
        )
    ]
    filename = [
        "spec-{}-{}_sp{:02d}-{:03d}.fits".format(night, name, *_seat(index))
        for night, name, index in zip(mjd.tolist(), field, number.tolist(), strict=True)
    ]
    return Targets(
        first=first,
        filename=filename,
        designation=designation,
        star=number[star],
        mjd=mjd,
        field=field,
        ra=ra,
        dec=dec,
        snr=[round(one, 2) for one in snr.tolist()],
        classes=classify(rng),
    )


def _rounded(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # What is written is rounded alike in every file, and no right ascension becomes 360.
    return ra.round(6) % 360, dec.round(6)


def designate(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> list[str]:
    """Name stars after their truncated coordinates (degrees): `LAMOST J063105.21+255658.4`."""
    hundredths = (ra / 15 * 3600 * 100 + 1e-6).astype(np.int64)  # of a second of time
    tenths = (np.abs(dec) * 3600 * 10 + 1e-6).astype(np.int64)  # of an arcsecond
    hours, hundredths = np.divmod(hundredths, 360_000)
    minutes, hundredths = np.divmod(hundredths, 6000)
    degrees, tenths = np.divmod(tenths, 36_000)
    arcminutes, tenths = np.divmod(tenths, 600)
    rows = zip(
        hours.tolist(),
        minutes.tolist(),
        (hundredths // 100).tolist(),
        (hundredths % 100).tolist(),
        np.where(dec < 0, "-", "+").tolist(),
        degrees.tolist(),
        arcminutes.tolist(),
        (tenths // 10).tolist(),
        (tenths % 10).tolist(),
        strict=True,
    )
    name = "LAMOST J{:02d}{:02d}{:02d}.{:02d}{}{:02d}{:02d}{:02d}.{}"
    return [name.format(*row) for row in rows]


def classify(types: SpectralTypes, rng: np.random.Generator) -> NDArray[np.intp]:
    """Say what a template-matching pipeline would of each source, as indices into `CLASSES`."""
    hottest, coolest = np.array(list(TYPES.values())).T
    # It takes the temperature from the continuum, and is a subtype or two off.
    temperature = types.temperature * np.exp(rng.normal(0, 0.015, len(types.temperature)))
    letter = np.maximum((hottest[:, None] > temperature).sum(axis=0) - 1, 0)
    hot, cool = hottest[letter], coolest[letter]
    tenth = np.clip((10 * (hot - temperature) / (hot - cool)).astype(np.intp), 0, 9)
    return np.select(
        [types.is_galaxy, types.is_quasar, types.is_unknown, types.is_white_dwarf],
        [_GALAXY, _QUASAR, _UNKNOWN, _WHITE_DWARF],
        10 * letter + tenth,
    )
