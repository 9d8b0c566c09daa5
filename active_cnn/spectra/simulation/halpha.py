"""The sky of the search for Hα emission, and the archive that it learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.simulation.cases.beyond_halpha import draw_whole
from active_cnn.spectra.simulation.cases.continuation import continue_beyond
from active_cnn.spectra.simulation.exposures import (
    ABSORPTION,
    LABELS,
    STRUCK,
    Batch,
    simulate_pool,
    simulate_training,
)
from active_cnn.spectra.simulation.instruments import Lamost
from active_cnn.spectra.simulation.lines import HALPHA
from active_cnn.spectra.simulation.observed import Labelled, Observed
from active_cnn.spectra.simulation.stars import Kind
from active_cnn.spectra.simulation.targets import SpectralTypes, classify

KNOWN = (6400.0, 6850.0)  # Å (vacuum): the simulator knows no lines beyond
_NAMES = {kind.value: kind.name.lower() for kind in Kind}


@dataclass(frozen=True)
class HalphaSky:
    """Sources whose Hα looks as their label says; codes are indices into `exposures.LABELS`.

    Raises
    ------
    SpectrumError
        If the grid does not hold Hα, or leaves the wavelengths that the simulator knows.
    """

    grid: Grid

    truth_columns = (
        "label", "kind", "is_visible", "temperature", "rv", "vsini", "snr", "ew", "fwhm",
        "separation",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not KNOWN[0] <= self.grid.start < HALPHA - 25 < HALPHA + 25 < self.grid.end <= KNOWN[1]:
            raise SpectrumError(
                f"The demo survey cannot be simulated on the grid {self.grid}: it knows the lines "
                f"of {KNOWN[0]:g}-{KNOWN[1]:g} Å and needs Hα with 25 Å on both sides of it. "
                "Choose a grid of that kind, such as the default one."
            )

    def simulate_training(self, code: NDArray[np.integer], rng: np.random.Generator) -> Labelled:
        """Simulate labelled spectra of an archive, in the pool's terms."""
        batch = simulate_training(code.astype(np.int8), self.grid, rng)
        labels = [LABELS[one] for one in batch.label]
        return Labelled(labels, batch.windows, batch.label != ABSORPTION)

    def simulate_pool(
        self,
        code: NDArray[np.integer],
        first_visit: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> Observed:
        """Simulate LAMOST's spectra."""
        batch = simulate_pool(code.astype(np.int8), self.grid, rng, first_visit)
        return Observed(
            sources=batch.sources,
            first_visit=batch.first_visit,
            pixels=Lamost(self.grid).pixels,
            flux=batch.flux,
            windows=batch.windows,
            snr=batch.sources["snr"],
            is_target=batch.label != ABSORPTION,
            truth=self._tell(batch),
        )

    def _tell(self, batch: Batch) -> dict[str, tuple[str, list[object]]]:
        sources, look = batch.sources, batch.look
        label = [
            "noise" if noise else LABELS[code]
            for code, noise in zip(batch.label.tolist(), batch.is_noise.tolist(), strict=True)
        ]
        return {
            "label": ("", label),
            "kind": ("", [_NAMES[kind] for kind in sources["kind"].tolist()]),
            "is_visible": ("d", look.is_visible.tolist()),
            "temperature": (".0f", sources["temperature"].tolist()),
            "rv": (".1f", sources["rv"].tolist()),
            "vsini": (".1f", sources["vsini"].tolist()),
            "snr": (".2f", [round(snr, 2) for snr in sources["snr"].tolist()]),
            "ew": (".3f", look.equivalent_width.tolist()),
            "fwhm": (".2f", look.fwhm.tolist()),
            "separation": (".1f", look.separation.tolist()),
        }

    def classify(self, observed: Observed, rng: np.random.Generator) -> NDArray[np.intp]:
        """Say what a template-matching pipeline would of each source."""
        sources = observed.sources
        kind, snr = sources["kind"], sources["snr"]
        is_far = np.isin(kind, (Kind.GALAXY, Kind.QUASAR))
        types = SpectralTypes(
            temperature=sources["temperature"],
            is_galaxy=(kind == Kind.GALAXY) & (snr > 6),
            is_quasar=(kind == Kind.QUASAR) & (snr > 6),
            is_unknown=(snr < 4) | is_far | (kind == Kind.FEATURELESS),
            is_white_dwarf=kind == Kind.WHITE_DWARF,
        )
        return classify(types, rng)

    def continue_beyond(
        self, observed: Observed, rows: NDArray[np.intp], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give whole spectra of some rows, and their noise."""
        whole = draw_whole(observed.sources[rows], rng)
        return continue_beyond(whole, observed.pixels, observed.flux[rows], STRUCK, rng)
