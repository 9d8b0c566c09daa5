"""Options of the commands that read spectra: sources, grid and resolving power."""

from __future__ import annotations

import argparse

from active_cnn.cli.options import Parser, path
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.records import Grid, Spacing
from active_cnn.spectra.label_matching import RADIUS
from active_cnn.spectra.label_table import USUAL
from active_cnn.spectra.naming import HEADER, NAME, PATH
from active_cnn.spectra.resolving_power import AS_IS_TEXT, RANGE, PoolResolution

SOURCES = "FITS files, folders, .txt lists of files, or pools (.h5, .pool)"


def add_source(command: Parser) -> None:
    """Add what gives the spectra and says what they are called by."""
    command.add_argument("source", nargs="+", type=path, help=SOURCES)
    add_identifier(command)


def add_identifier(command: Parser) -> None:
    """Add the option that says what spectra of files are called by."""
    command.add_argument(
        "--identifier",
        default=NAME,
        metavar=f"{NAME}|{PATH}|{HEADER}:CARD",
        help="what a spectrum of a file is called by: the file's name, its path below the folder "
        "of all sources, or a card of its headers, such as header:OBSID (default: %(default)s)",
    )


def add_matching(command: Parser) -> None:
    """Add the options that say how the rows of a table name spectra."""
    command.add_argument(
        "--column",
        dest="columns",
        action="append",
        default=[],
        metavar="PART=NAME",
        help=f"column of the table, if it is not called as usual; PART is one of "
        f"{', '.join(USUAL)} (may be given several times)",
    )
    command.add_argument(
        "--radius",
        type=float,
        default=RADIUS,
        metavar="ARCSEC",
        help="within which a position means a spectrum (default: %(default)g)",
    )


def add_grid(command: Parser) -> None:
    """Add the option that gives the wavelengths."""
    command.add_argument(
        "--grid",
        nargs=3,
        metavar=("START", "END", "N"),
        help=f"wavelengths in Å (vacuum) and their number (default: {Grid()})",
    )
    command.add_argument(
        "--spacing",
        choices=[one.value for one in Spacing],
        help="whether the steps of the grid are equal in wavelength or in its logarithm "
        f"(default: {Spacing.LINEAR.value})",
    )


def given_grid(options: argparse.Namespace) -> Grid | None:
    """Give the grid that was asked for, if one was.

    Raises
    ------
    CampaignError
        If it is none.
    """
    spacing = Spacing(options.spacing or Spacing.LINEAR)
    if not options.grid:
        return Grid(spacing=spacing) if options.spacing else None
    try:
        start, end, n = float(options.grid[0]), float(options.grid[1]), int(options.grid[2])
    except ValueError as error:
        raise CampaignError(
            f"--grid {' '.join(options.grid)} is no grid. "
            "Give two wavelengths in Å and a whole number."
        ) from error
    return Grid(start, end, n, spacing)


def add_resolving_power(command: Parser | argparse._MutuallyExclusiveGroup) -> None:
    """Add the option that gives the resolving power of a pool."""
    command.add_argument(
        "--pool-resolving-power",
        type=_power,
        metavar=f"R|{AS_IS_TEXT}",
        help="bring sharper spectra to this R = wavelength / FWHM, such as 1800, or leave each as "
        f"it is (default: {AS_IS_TEXT})",
    )


def _power(text: str) -> float | None:
    if text == AS_IS_TEXT:
        return None
    try:
        return PoolResolution(float(text)).power
    except (ValueError, SpectrumError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no resolving power: give R = wavelength / FWHM, a number from "
            f"{RANGE[0]:g} to {RANGE[1]:.0f}, or {AS_IS_TEXT}"
        ) from error
