"""The candidate table as a VOTable, with what the Virtual Observatory wants to know of it."""

from __future__ import annotations

import io
from typing import Any

from astropy.io.votable import from_table
from astropy.io.votable.tree import CooSys, Field, Info, Param, VOTableFile
from astropy.table import Table

from active_cnn.delivery.origin import Fact, Origin

_ICRS = "icrs"
_IN_COOSYS = ("ra", "dec")


def to_votable(table: Table, creator: str, origin: Origin | None = None) -> bytes:
    """Give the bytes of a VOTable 1.4 in TABLEDATA.

    Parameters
    ----------
    table : Table
        Texts as objects or Unicode, of signs that XML can hold; each column's `meta` holds its UCD.
        It may be without rows.
    creator : str
        The program that made it.
    origin : Origin, optional
        Becomes the table's description and its PARAMs.

    Returns
    -------
    bytes

    References
    ----------
    VOTable 1.4; its sect. 3.1 for COOSYS, its sect. 5.3 for tables without rows.
    """
    votable = from_table(table)
    (resource,) = votable.resources
    resource.infos.append(Info(name="creator", value=creator))
    resource.coordinate_systems.append(CooSys(ID=_ICRS, system="ICRS"))
    (written,) = resource.tables
    for field in written.fields:
        field.ucd = table[field.name].meta["ucd"]
        if field.name in _IN_COOSYS:
            field.ref = _ICRS
        _free_length(field)
    if origin:
        written.description = origin.title
        written.params.extend(_param(votable, fact) for fact in origin.facts)
    buffer = io.BytesIO()
    votable.to_xml(buffer)
    content = buffer.getvalue()
    if not len(table):
        # astropy leaves DATA out, which STILTS takes for the end of all tables.
        content = content.replace(b"</TABLE>", b"<DATA><TABLEDATA/></DATA></TABLE>")
    return content


def _free_length(field: Field) -> None:
    if field.datatype in ("char", "unicodeChar"):
        field.arraysize = "*"


class _Text(Param):
    """A PARAM of text; astropy 8.0 escapes its value twice, so that `&` is read as `&amp;`."""

    def to_xml(self, w: Any, **options: Any) -> None:
        Field.to_xml(self, w, **options)


def _param(votable: VOTableFile, fact: Fact) -> Param:
    param = (
        Param(votable, name=fact.name, datatype="int", value=str(fact.value))
        if isinstance(fact.value, int)
        else _Text(votable, name=fact.name, datatype="unicodeChar", arraysize="*", value=fact.value)
    )
    param.description = fact.description
    return param
