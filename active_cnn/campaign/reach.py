"""Which files may be read: those that somebody names in the browser, and those that a pool names.

The text of an error may repeat what is in a file, such as its first line. Whoever may open the
dashboard shall not read the server's other files by it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from active_cnn.access import SECRET_FILE, AccessError, Protection
from active_cnn.campaign.files import open_pool, spectrum_file
from active_cnn.campaign.store import Store
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.records import Campaign
from active_cnn.settings import Settings
from active_cnn.spectra.sources import LIST_SUFFIX

# How far a pool is looked through for the first paths, and how many of them are looked at.
FIRST_ROWS, FIRST_PATHS = 1000, 20


def browser_folders(settings: Settings, protection: Protection) -> tuple[Path, ...] | None:
    """Give the folders below which files may be named in the browser.

    Parameters
    ----------
    settings : Settings
        Of the server.
    protection : Protection
        What the server asks of whoever opens it.

    Returns
    -------
    tuple of Path or None
        Those of `ACTIVE_CNN_FOLDERS`. Without any, the home where somebody is asked who enters; a
        server that asks nothing is only one's own, and then it is None: any file may be named.
    """
    if settings.folders:
        return settings.folders
    return (settings.home,) if protection.is_configured else None


def locate(what: str, text: str, folders: tuple[Path, ...] | None) -> Path:
    """Find the file or folder that was named in the browser, if it may be named there.

    Links and `..` are followed before that is decided.

    Parameters
    ----------
    what : str
        That is named, for the text of an error.
    text : str
        The path as it was typed; `~` is the home of whoever runs the server.
    folders : tuple of Path or None
        From `browser_folders`.

    Returns
    -------
    Path
        Absolute and without links. Whether there is such a file is the reader's to tell.

    Raises
    ------
    AccessError
        If it does not lie below one of the folders. The text is the same whether there is such a
        file or not.
    CampaignError
        If there are no limits, and it cannot be a path.
    """
    path = _resolve(text)
    if folders is None:
        if path is None:
            raise CampaignError(f"{text!r} cannot be the path of the {what}: give another one.")
        return path
    if path is None or not _is_below(path, folders):
        raise AccessError(
            f"The {what} {text!r} cannot be named in the browser: it has to lie below "
            f"{' or '.join(map(str, folders))}. Give one there, or ask whoever runs the server to "
            "add its folder to ACTIVE_CNN_FOLDERS (docs/server.md)."
        )
    return path


def locate_sources(lines: str, folders: tuple[Path, ...] | None) -> list[Path]:
    """Find the files, folders and pools that were named in the browser, one a line.

    Raises
    ------
    AccessError
        If one may not be named there, or is a list, which could lead anywhere.
    CampaignError
        If none is named.
    """
    found = [locate("source", line.strip(), folders) for line in lines.splitlines() if line.strip()]
    if not found:
        raise CampaignError("No source of spectra is named: give files, folders or pools.")
    for path in found:
        if folders is not None and path.suffix.lower() == LIST_SUFFIX:
            raise AccessError(
                f"The list {str(path)!r} cannot be a source in the browser, because it may lead "
                "out of the server's folders. Give what it names, one a line."
            )
    return found


def reader_of(folders: tuple[Path, ...] | None) -> Callable[[str], bool] | None:
    """Give what tells of a file that was found below a named folder whether it may be read.

    A link in an allowed folder may lead out of it. None = any file may be read.
    """
    if folders is None:
        return None

    def may_read(file: str) -> bool:
        path = _resolve(file)
        return path is not None and _is_below(path, folders)

    return may_read


def _is_below(path: Path, folders: tuple[Path, ...]) -> bool:
    is_below = any(path.is_relative_to(one.resolve()) for one in folders)
    return is_below and path.name != SECRET_FILE


def path_out_of_reach(store: Store, campaign: Campaign) -> str:
    """Find a file among the first ones that the pool names which the campaign may not read.

    Returns
    -------
    str
        As the pool names it, made absolute; empty if there is none.
    """
    try:
        pool = open_pool(store, campaign)
        paths = pool.metadata(np.arange(min(FIRST_ROWS, pool.n)))["path"]
    except SpectrumError:  # said where a spectrum is shown
        return ""
    first = islice(filter(None, paths), FIRST_PATHS)
    return next((path for path in first if not _is_in_reach(store, campaign, path)), "")


def _is_in_reach(store: Store, campaign: Campaign, path: str) -> bool:
    if _resolve(path) is None:
        return False
    try:
        spectrum_file(store, campaign, path)
    except SpectrumError:
        return False
    return True


def _resolve(text: str) -> Path | None:
    # What raises: links in a circle, a user that there is not, signs that no path can have.
    try:
        return Path(text).expanduser().resolve()
    except (OSError, RuntimeError, ValueError):
        return None
