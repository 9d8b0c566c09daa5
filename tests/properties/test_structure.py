"""Whatever the structural cards of a small file say: a spectrum or a SpectrumError, soon."""

import tempfile
import tracemalloc
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from active_cnn.errors import SpectrumError
from active_cnn.spectra.readers import read
from tests.unit.test_structure import CARD, COMPRESSED, IMAGE, TABLE

KEYWORDS = {
    IMAGE: ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "EXTEND", "CRVAL1", "CDELT1"),
    TABLE: ("XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS",
            "TFORM1", "TFORM2", "TTYPE1"),
    COMPRESSED: ("NAXIS1", "NAXIS2", "PCOUNT", "TFIELDS", "TFORM1", "ZIMAGE", "ZBITPIX", "ZNAXIS",
                 "ZNAXIS1", "ZTILE1", "ZCMPTYPE", "ZVAL1", "ZVAL2"),
}  # fmt: skip
MOST_MEMORY = 400 * 2**20  # bytes

names = st.sampled_from(sorted({name for names in KEYWORDS.values() for name in names}))
numbers = st.integers(-(2**70), 2**70) | st.integers(-2, 10**4) | st.sampled_from((10**6, 10**9))
values = st.one_of(
    numbers.map(str),
    st.floats(width=32).map(str),
    st.sampled_from(("T", "F", "''", "'8J'", "'1PE(9)'", "'99999999X'", "'1QD'", "GZIP_1", "")),
    st.text("0123456789'/= +-.EDTF\x00", max_size=30),
)
cards = st.builds(lambda name, value: f"{name:8}= {value:>20}", names, values)


@settings(max_examples=80, deadline=None)
@given(
    content=st.sampled_from([IMAGE, TABLE, COMPRESSED]),
    changes=st.lists(st.tuples(st.integers(0, 60), cards), min_size=1, max_size=4),
)
@example(COMPRESSED, [(0, "ZNAXIS1 = 8388608")])
def test_a_mutilated_file_is_read_or_refused_within_bounds(content, changes):
    for place, card in changes:
        keyword = card[:8].encode()
        at = content.rfind(keyword + b"=")
        if at < 0:  # in the place of another card
            at = min(place, len(content) // CARD - 1) * CARD
        content = content[:at] + card[:CARD].ljust(CARD).encode() + content[at + CARD :]
    tracemalloc.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a.fits")
            path.write_bytes(content)
            said = str(read(path).identifier)
    except SpectrumError as error:
        said = str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert said.isprintable()  # in one line
    assert peak < MOST_MEMORY
