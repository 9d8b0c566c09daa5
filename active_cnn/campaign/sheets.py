"""One spectrum as the labelling page draws it: plain values, arrays packed into few bytes."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import spectrum_file
from active_cnn.campaign.store import Store
from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid, Window
from active_cnn.records import Campaign, Medium, Spectrum
from active_cnn.spectra.confined import SECONDS_WATCHED, confined
from active_cnn.spectra.continuum import scale_to
from active_cnn.spectra.pool import Pool
from active_cnn.spectra.preprocessing import find_defects, find_valued
from active_cnn.spectra.readers import read
from active_cnn.spectra.scaling import Scaling
from active_cnn.spectra.thinning import find_jumps, thin_out
from active_cnn.spectra.training_set import TrainingSet
from active_cnn.spectra.wavelength import air_to_vacuum

MARGIN = 60.0  # angstrom beside the window, for what can be zoomed out to
MOST_VISITS = 6
_LEVELS = 65_534  # int16 without its most negative value, which stands for "nothing here"
_NOTHING = -32_768
_INFINITE = 0.4 * float(np.finfo(np.float64).max)


def make_sheets(
    store: Store,
    campaign: Campaign,
    pool: Pool,
    training: TrainingSet,
    identifiers: Sequence[str],
) -> list[dict[str, Any]]:
    """Collect what is drawn of some spectra; together it costs a fraction of one by one.

    Parameters
    ----------
    store, campaign : Store, Campaign
        Whose spectra.
    pool : Pool
        Of the campaign.
    training : TrainingSet
        The initial one, for the nearest labelled neighbours.
    identifiers : sequence of str
        Of spectra of the pool.

    Returns
    -------
    list of dict
        Plain values (JSON). Wavelengths are in vacuum. `windows` is the flux on the grid before it
        is scaled, window by window, as are all that follow but `whole`; `visits` are other windows
        of the star at the level of its continuum, null where there is none to scale by; `seen` is
        what the network sees, null where it cannot be used, and `seen_visits` those visits that
        are not null, scaled as it is; `raw` is what the file holds around each window, with the
        uncertainty and the bad pixels (those without a value are NaN, and so is one in each jump
        of the wavelengths); `whole` is all of it, thinned out. `trouble` says why a part is
        missing.

    Raises
    ------
    SpectrumError
        If a spectrum is not in the pool.
    """
    rows = pool.rows(identifiers)
    windows, parts = pool.flux(rows), campaign.grid.parts
    known = pool.metadata(rows).to_dict("records")
    others = [names[:MOST_VISITS] for names in pool.visits(identifiers)]
    visits = np.split(
        pool.flux(pool.rows([name for names in others for name in names])),
        np.cumsum([len(names) for names in others])[:-1],
    )
    wavelength, lines = campaign.grid.wavelength, _first_lines(campaign)
    nearest = _nearest(training, windows, pool.scaling)
    sheets = []
    for place, identifier in enumerate(identifiers):
        facts = known[place]
        scaled = scale_to(wavelength, windows[place], visits[place], lines, parts)
        sheet: dict[str, Any] = {
            "identifier": identifier,
            "windows": _pack_each(windows[place], parts),
            "visits": [
                {"identifier": name, "windows": None if one is None else _pack_each(one, parts)}
                for name, one in zip(others[place], scaled, strict=True)
            ],
            **_see(pool.scaling, windows[place], scaled),
            "nearest": nearest[place],
            "facts": _facts(facts),
            "raw": None,
            "whole": None,
            "trouble": "",
        }
        page = ""
        try:
            file = spectrum_file(store, campaign, str(facts["path"]))
            spectrum = confined(SECONDS_WATCHED, read, file)
            sheet |= _draw(spectrum, campaign.grid)
            page = spectrum.page
        except SpectrumError as error:
            its_file = f"its file {facts['path']}".strip()
            noun = campaign.grid.noun
            sheet["trouble"] = f"Only the {noun} can be shown: {its_file} {error}."
        sheet["links"] = links(float(facts["ra"]), float(facts["dec"]), page)
        sheets.append(sheet)
    return sheets


def class_means(campaign: Campaign, training: TrainingSet) -> dict[str, list[dict[str, Any]]]:
    """Give the mean of each class of the network in the initial training set, packed."""
    classes = np.array([campaign.trains[label] for label in training.labels])
    return {
        name: _pack_each(training.windows[classes == name].mean(axis=0), campaign.grid.parts)
        for name in campaign.network_classes
        if (classes == name).any()
    }


def pack(values: NDArray[Any]) -> dict[str, Any]:
    """Pack an array into int16 steps between its extremes, as base64; `unpack` is in the browser.

    Returns
    -------
    dict
        `low` and `step` (a value is low + step · (integer + 32767)), `data`; NaN and infinity
        become the integer −32768, and so do numbers whose differences are infinite.
    """
    finite = np.isfinite(values) & (abs(values.astype(np.float64)) < _INFINITE)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    step = float(high / _LEVELS - low / _LEVELS) or 1.0
    steps = np.full(len(values), _NOTHING, dtype="<i2")
    # Halves of what fills the range of floats have a difference that is one, too.
    steps[finite] = np.rint((values[finite] / 2 - low / 2) / (step / 2 or 1.0)) - 32_767
    return {
        "low": float(low),
        "step": step,
        "data": base64.b64encode(steps.tobytes()).decode(),
    }


def _pack_each(values: NDArray[Any], parts: Sequence[slice]) -> list[dict[str, Any]]:
    # Each by itself: the steps of one whose flux is high would be too coarse for another.
    return [pack(values[part]) for part in parts]


def links(ra: float, dec: float, page: str) -> list[tuple[str, str]]:
    """Give names and addresses of pages about the place in the sky; none where it is not known.

    Parameters
    ----------
    ra, dec : float
        In degrees (ICRS).
    page : str
        The survey's own page, or ''.
    """
    found = []
    if math.isfinite(ra) and math.isfinite(dec):
        place = f"{ra:.6f} {dec:+.6f}"
        found = [
            (
                "SIMBAD",
                "https://simbad.cds.unistra.fr/simbad/sim-coo?Coord="
                f"{quote(place)}&Radius=5&Radius.unit=arcsec",
            ),
            (
                "Aladin",
                f"https://aladin.cds.unistra.fr/AladinLite/?target={quote(place)}&fov=0.05",
            ),
        ]
    return [*found, ("Survey", page)] if page.startswith(("https://", "http://")) else found


def _first_lines(campaign: Campaign) -> list[float]:
    # Those that the page zooms in on: the first line of each window, or its middle.
    return [
        next(
            (line.wavelength for line in campaign.lines if one.holds(line.wavelength)),
            (one.start + one.end) / 2,
        )
        for one in campaign.grid.windows
    ]


def _see(
    scaling: Scaling, window: NDArray[np.float64], visits: Sequence[NDArray[np.float64] | None]
) -> dict[str, Any]:
    parts = scaling.grid.parts
    if find_defects(window[None, :], parts).any():
        return {"seen": None, "seen_visits": []}
    known = [one for one in visits if one is not None]
    seen, *others = scaling.alike(window, np.stack([window, *known]))
    return {
        "seen": _pack_each(seen, parts),
        "seen_visits": [_pack_each(one, parts) for one in others],
    }


def _draw(spectrum: Spectrum, grid: Grid) -> dict[str, Any]:
    wavelength = spectrum.wavelength
    if spectrum.medium is Medium.AIR:
        wavelength = air_to_vacuum(wavelength)
    everywhere = find_valued(spectrum, wavelength, np.ones(wavelength.size, bool))
    thin = thin_out(wavelength, np.where(everywhere, spectrum.flux, np.nan))
    return {
        "raw": [_draw_around(spectrum, wavelength, one) for one in grid.windows],
        "whole": {"x": pack(thin[0]), "y": pack(thin[1])},
    }


def _draw_around(
    spectrum: Spectrum, wavelength: NDArray[np.float64], window: Window
) -> dict[str, Any]:
    near = window.near(wavelength, MARGIN)
    valued = find_valued(spectrum, wavelength, near)
    is_bad = ~valued if spectrum.mask is None else ~valued | spectrum.mask[near]
    after = find_jumps(wavelength[near])
    sigma = None
    if spectrum.ivar is not None:
        ivar = np.where(spectrum.ivar[near] > 0, spectrum.ivar[near], np.nan)
        sigma = pack(np.insert(1 / np.sqrt(ivar), after, np.nan))
    flux = np.where(valued, spectrum.flux[near], np.nan)
    return {
        "x": pack(np.insert(wavelength[near], after, np.nan)),
        "y": pack(np.insert(flux.astype(np.float64), after, np.nan)),
        "sigma": sigma,
        "bad": np.flatnonzero(np.insert(is_bad, after, values=False)).tolist(),
    }


def _nearest(
    training: TrainingSet, windows: NDArray[np.float64], scaling: Scaling
) -> list[dict[str, Any] | None]:
    usable = np.flatnonzero(find_defects(windows, scaling.grid.parts) == 0)
    found: list[dict[str, Any] | None] = [None] * len(windows)
    # |a − b|² without the copy that a − b would be.
    squares = np.einsum("ij,ij->i", training.windows, training.windows)
    products = training.windows @ scaling(windows[usable]).T  # (n_training, n_usable)
    for place, row in zip(usable, np.argmin(squares[:, None] - 2 * products, axis=0), strict=True):
        found[place] = {
            "identifier": training.identifiers[row],
            "label": training.labels[row],
            "windows": _pack_each(training.windows[row], scaling.grid.parts),
        }
    return found


def _facts(known: dict[Any, Any]) -> dict[str, Any]:
    def number(name: str) -> float | None:
        value = float(known[name])
        return value if math.isfinite(value) else None

    return {
        "designation": str(known["designation"]),
        "ra": number("ra"),
        "dec": number("dec"),
        "snr": number("snr_r"),
        "pipeline": str(known["pipeline_class"]),
        "file": Path(str(known["path"])).name,
    }
