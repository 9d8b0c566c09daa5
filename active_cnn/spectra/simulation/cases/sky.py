"""The sky of a case: spectra with all that a demo survey tells of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.grid import Grid
from active_cnn.spectra.simulation.cases.continuation import continue_beyond
from active_cnn.spectra.simulation.cases.definitions import Case
from active_cnn.spectra.simulation.cases.light import render, render_lines
from active_cnn.spectra.simulation.cases.opacity import COLUMN
from active_cnn.spectra.simulation.cases.survey import draw_sources, label_kinds
from active_cnn.spectra.simulation.cases.telescope import expose
from active_cnn.spectra.simulation.exposures import SNR_SPREAD
from active_cnn.spectra.simulation.instruments import SCATTER, Lamost
from active_cnn.spectra.simulation.observed import Labelled, Observed
from active_cnn.spectra.simulation.population import SNR_RANGE
from active_cnn.spectra.simulation.targets import SpectralTypes, classify
from active_cnn.spectra.simulation.visibility import DETECTION

SLICE = 64  # spectra that are rendered at a time: what stays in the processor's caches


@dataclass(frozen=True)
class CaseSky:
    """Sources of a case; codes are positions in its `kinds`."""

    case: Case

    truth_columns = (
        "label", "kind", "is_visible", "temperature", "gravity", "metallicity", "rv", "vsini",
        "extinction", "snr", "detection",
    )  # fmt: skip

    @property
    def grid(self) -> Grid:
        """The case's window."""
        return self.case.grid

    def simulate_training(self, code: NDArray[np.integer], rng: np.random.Generator) -> Labelled:
        """Simulate labelled spectra, by the same telescope as the pool's."""
        seen = self.simulate_pool(code, np.arange(len(code)), rng)
        label = label_kinds(self.case, code)
        return Labelled([self.case.classes[one] for one in label], seen.windows, label > 0)

    def simulate_pool(
        self,
        code: NDArray[np.integer],
        first_visit: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> Observed:
        """Simulate LAMOST's spectra; the S/N changes from visit to visit of a star."""
        telescope = Lamost(self.grid)
        stars, star = np.unique(first_visit, return_inverse=True)
        sources = draw_sources(self.case, code[stars].astype(np.int64), rng)[star]
        further = np.flatnonzero(first_visit != np.arange(len(code)))
        change = np.exp(rng.normal(0, SNR_SPREAD, len(further)))
        sources["snr"][further] = np.clip(sources["snr"][further] * change, *SNR_RANGE)
        flux = np.empty((len(code), len(telescope.pixels)), dtype=np.float32)
        for start in range(0, len(code), SLICE):
            some = slice(start, start + SLICE)
            rows = sources[some]
            light = render(rows, telescope)
            flux[some] = expose(
                light, telescope, rows["snr"], rows["distortion"], self.case.struck, rng
            ).flux
        label = label_kinds(self.case, code)
        detection = np.zeros(len(code))
        targets = np.flatnonzero(label)
        detection[targets] = measure_detection(sources[targets], telescope)
        return Observed(
            sources=sources,
            first_visit=first_visit,
            pixels=telescope.pixels,
            flux=flux,
            windows=telescope.to_window(flux).astype(np.float32),
            snr=sources["snr"],
            is_target=label > 0,
            truth={
                "label": ("", [self.case.classes[one] for one in label]),
                "kind": ("", [self.case.kinds[one] for one in code]),
                "is_visible": ("d", (detection > DETECTION).tolist()),
                "temperature": (".0f", sources["temperature"].tolist()),
                "gravity": (".2f", sources["gravity"].tolist()),
                "metallicity": (".2f", sources["metallicity"].tolist()),
                "rv": (".1f", sources["rv"].tolist()),
                "vsini": (".1f", sources["vsini"].tolist()),
                "extinction": (".2f", sources["extinction"].tolist()),
                "snr": (".2f", [round(snr, 2) for snr in sources["snr"].tolist()]),
                "detection": (".1f", detection.tolist()),
            },
        )

    def classify(self, observed: Observed, rng: np.random.Generator) -> NDArray[np.intp]:
        """Say what a pipeline would that knows nothing of what is sought."""
        sources, snr = observed.sources, observed.snr
        kind = np.array(observed.truth["kind"][1])
        types = SpectralTypes(
            temperature=sources["temperature"],
            is_galaxy=(kind == "galaxy") & (snr > 6),
            is_quasar=(kind == "quasar") & (snr > 6),
            is_unknown=(snr < 4) | np.isin(kind, ("galaxy", "quasar")),
            is_white_dwarf=kind == "white dwarf",
        )
        return classify(types, rng)

    def continue_beyond(
        self, observed: Observed, rows: NDArray[np.intp], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give whole spectra of some rows, and their noise."""
        return continue_beyond(
            observed.sources[rows], observed.pixels, observed.flux[rows], self.case.struck, rng
        )


def measure_detection(sources: NDArray[np.void], telescope: Lamost) -> NDArray[np.float64]:
    """Measure how plainly targets show what marks them, as a matched filter's S/N.

    Parameters
    ----------
    sources : structured ndarray of dtype `sources.SOURCE`, shape (n_sources,)
        Targets: their own lines, and their bands of C2, are the mark.
    telescope : Lamost
        Its pixels and its window.

    Returns
    -------
    ndarray, shape (n_sources,)
        Against the noise of a pixel in r.
    """
    quiet = sources.copy()
    quiet["feature"] = 0
    quiet["strength"][:, COLUMN["swan"]] = 0
    found = np.zeros(len(sources))
    inside = (telescope.wavelength >= telescope.grid.start) & (
        telescope.wavelength <= telescope.grid.end
    )
    for start in range(0, len(sources), SLICE):
        some = slice(start, start + SLICE)
        mark = render_lines(sources[some], telescope) - render_lines(quiet[some], telescope)
        found[some] = np.sqrt((mark[:, inside].astype(np.float64) ** 2).sum(axis=1))
    return found * sources["snr"] / SCATTER
