"""The part of the form for a new campaign that names a few examples in place of a training set."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from active_cnn.campaign.beginning import TARGET
from active_cnn.campaign.proposal import propose_for_examples
from active_cnn.campaign.reach import locate, locate_sources
from active_cnn.errors import ActiveCnnError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.examples import Examples
from active_cnn.spectra.label_table import read_columns, read_label_table
from active_cnn.ui.definition_form import TRAINING, Beginning
from active_cnn.ui.early_reading import NamedPool
from active_cnn.ui.text import plain

ARCHIVE, EXAMPLES = "a training set", "a few examples"

_SUFFIXES = ("csv", "fits", "fit", "vot", "xml", "ecsv", "txt", "gz")


@dataclass(frozen=True)
class Asked:
    """What the form says.

    Parameters
    ----------
    lines : tuple of str
        Identifiers, positions and paths as they were typed.
    label : str
        What examples are called that are named without a label.
    table : bytes
        Of the file that was uploaded; empty where none was.
    table_name : str
        Its name.
    sources, columns : str
        As they were typed.
    labels : dict of str to int
        How many examples have each label, as far as that is known before they are looked for.
    problem : str
        Why the table cannot be used.
    """

    lines: tuple[str, ...] = ()
    label: str = TARGET
    table: bytes = b""
    table_name: str = ""
    sources: str = ""
    columns: str = ""
    labels: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    @contextmanager
    def examples(self, reach: tuple[Path, ...] | None) -> Iterator[Examples]:
        """Give what was named; files only where `locate` allows it.

        Raises
        ------
        ActiveCnnError
            If something may not be named, or nothing is. What is raised while the table is read
            names it as it was called.
        """
        files = {one: locate("example", one, reach) for one in self.lines if one[0] in "/~"}
        sources = locate_sources(self.sources, reach) if self.sources.strip() else []
        columns = _read_columns(self.columns)
        with _on_disk(self.table, self.table_name) as table:
            yield Examples(self.lines, files, table, tuple(sources), columns)


def ask_kind() -> bool:
    """Ask whether the campaign begins with a few examples."""
    kind = st.segmented_control(
        "Labelled spectra", [ARCHIVE, EXAMPLES], default=ARCHIVE, required=True, key="new_labelled"
    )
    return kind == EXAMPLES


def ask() -> Asked:
    """Ask for examples."""
    left, right = st.columns([3, 2], gap="medium")
    lines = left.text_area(
        "Examples of what is looked for, one a line",
        key="new_examples",
        height=136,
        placeholder="an identifier of the pool\n10:24:31.2 +22:06:11\n/path/of/a/file.fits",
        help="Identifiers of the pool, positions (RA Dec), or files on the server. Five are a good "
        "beginning, one will do.",
    )
    file = right.file_uploader(
        "Or a table of them",
        type=list(_SUFFIXES),
        key="examples-table",
        help="CSV, FITS, VOTable or ECSV with a path, an identifier, or RA and Dec (docs/"
        "formats.md); with a column of labels it may also name what is not looked for.",
    )
    label = right.text_input("They are called", TARGET, key="new_label").strip() or TARGET
    with st.expander("They are not in the pool, or the table's columns are not called as usual"):
        sources = st.text_area(
            "Spectra: files, folders or pools on the server",
            key="new_example_sources",
            height=68,
            help="One per line. The pool is always searched.",
        )
        columns = st.text_input(
            "Columns",
            key="new_example_columns",
            placeholder="label=SpType, identifier=Star",
        )
    table, name = (file.getvalue(), file.name) if file else (b"", "")
    labels, problem = _labels_of(table, name, columns, label) if file else ({}, "")
    typed = tuple(line.strip() for line in lines.splitlines() if line.strip())
    counts = Counter(labels)
    if typed:
        counts[label] += len(typed)
    if problem:
        st.warning(plain(problem))
    return Asked(typed, label, table, name, sources, columns, dict(counts), problem)


def begin(asked: Asked, pool: NamedPool) -> Beginning:
    """Propose a definition for examples in a pool; without both it says nothing."""
    problem = asked.problem or pool.problem
    if not problem and not asked.labels:
        problem = "No example is named: give identifiers, positions, or a table."
    if not problem and pool.path is None:
        problem = "The path of the pool is empty: give a file on the server."
    if problem:
        return Beginning(TRAINING, problem=problem)
    # Not of how many there are: what was edited stays when one more is typed.
    named = f"{pool.path}|{sorted(asked.labels)}".encode(errors="surrogatepass")
    choice = hashlib.sha256(named).hexdigest()[:12]
    try:
        definition = propose_for_examples(asked.labels, pool.grid or Grid())
    except ActiveCnnError as error:
        return Beginning(TRAINING, choice, problem=str(error))
    return Beginning(TRAINING, choice, definition)


@st.cache_data(max_entries=16, show_spinner="Reading the table …")
def _labels_of(table: bytes, name: str, columns: str, label: str) -> tuple[dict[str, int], str]:
    try:
        with _on_disk(table, name) as path:
            if path is None:
                return {}, f"The table {name} is empty: give one with examples."
            read = read_label_table(path, _read_columns(columns), label_of_all=label)
    except ActiveCnnError as error:
        return {}, str(error)
    usable = (one for row, one in enumerate(read.labels) if row not in read.problems)
    return dict(Counter(usable).most_common()), ""


def _read_columns(text: str) -> dict[str, str]:
    return read_columns(one.strip() for one in text.split(",") if one.strip())


@contextmanager
def _on_disk(table: bytes, name: str) -> Iterator[Path | None]:
    """Put an uploaded table where it can be read; None if there is none."""
    if not table:
        yield None
        return
    with TemporaryDirectory(prefix="active-cnn-") as folder:
        # The name is only told: nothing of what a browser says may become a path.
        path = Path(folder) / ("table" + "".join(re.findall(r"\.[A-Za-z0-9]{1,8}$", name)))
        path.write_bytes(table)
        try:
            yield path
        except SpectrumError as error:
            raise SpectrumError(str(error).replace(str(path), name)) from error
