"""Options of the commands that read spectra: sources, grid and resolving power."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields

from active_cnn.cli.options import Parser, path
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.grid import Grid, Spacing, Window
from active_cnn.spectra.label_matching import RADIUS
from active_cnn.spectra.label_table import USUAL
from active_cnn.spectra.limits import LIMITS, Limits
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
        action="append",
        metavar=("START", "END", "N"),
        help="wavelengths in Å (vacuum) and their number; give it once for each window "
        f"(default: {Grid()})",
    )
    command.add_argument(
        "--spacing",
        choices=[one.value for one in Spacing],
        help="whether the steps of all windows are equal in wavelength or in its logarithm "
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
        return Grid.of(spacing=spacing) if options.spacing else None
    return Grid(tuple(_window(given, spacing) for given in options.grid))


def _window(given: Sequence[str], spacing: Spacing) -> Window:
    start, end, n = given
    try:
        return Window(float(start), float(end), int(n), spacing)
    except ValueError as error:
        raise CampaignError(
            f"--grid {' '.join(given)} is no window. Give two wavelengths in Å and a whole number."
        ) from error


def add_resolving_power(command: Parser | argparse._MutuallyExclusiveGroup) -> None:
    """Add the option that gives the resolving power of a pool."""
    command.add_argument(
        "--pool-resolving-power",
        type=_power,
        metavar=f"R|{AS_IS_TEXT}",
        help="bring sharper spectra to this R = wavelength / FWHM, such as 1800, or leave each as "
        f"it is (default: {AS_IS_TEXT})",
    )


def add_limits(command: Parser) -> None:
    """Add the options that say how much of a spectrum may be missing."""
    for name, metavar, what in (
        ("--largest-gap", "STEPS", "widest gap that is bridged, in steps of the axis"),
        ("--most-bridged", "SHARE", "largest share of a window's pixels that is bridged"),
        ("--coverage", "SHARE", "least share of each window that a spectrum has to cover; what is "
         "outside gets its first or last value"),
    ):  # fmt: skip
        default = getattr(LIMITS, name[2:].replace("-", "_"))
        command.add_argument(
            name, type=float, metavar=metavar, help=f"{what} (default: {default:g})"
        )


def given_limits(options: argparse.Namespace) -> Limits | None:
    """Give the limits that were asked for; None where nothing was.

    Raises
    ------
    CampaignError
        If one of them is none.
    """
    asked = {
        one.name: value
        for one in fields(Limits)
        if (value := getattr(options, one.name)) is not None
    }
    try:
        return Limits(**asked) if asked else None
    except SpectrumError as error:
        name, rest = str(error).split(" ", 1)
        raise CampaignError(f"--{name.replace('_', '-')} {rest}") from error


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
