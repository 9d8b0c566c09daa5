"""Long JSON is read one element after the other, and is what it is when read as a whole."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from active_cnn import json_parts
from active_cnn.json_parts import read_members

texts = st.text('ab\\"é☉{[,: \n', max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
members = st.dictionaries(st.sampled_from(["a", "long", "other", "{"]), values, max_size=4)


def read(text):
    return {
        name: list(value) if hasattr(value, "__next__") else value
        for name, value in read_members(io.StringIO(text), ("long",))
    }


@pytest.mark.parametrize("number", ["0.0", "-1.5e+10", "1E-7", "-0.25", "12", "2e5"])
def test_a_number_is_whole_wherever_the_pieces_end(number):
    text = f'{{"a": {number}, "long": [{number}, {number}]}}'
    for piece in range(1, len(text)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_parts, "_PIECE", piece)
            assert read(text) == json.loads(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=members, indent=st.sampled_from([None, 0, 1, 4]), piece=st.integers(1, 40))
def test_any_object_is_read_in_pieces_as_it_is_at_once(content, indent, piece):
    text = json.dumps(content, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_parts, "_PIECE", piece)
        assert json.dumps(read(text)) == json.dumps(json.loads(text))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=members, cut=st.floats(0, 1, exclude_max=True), piece=st.integers(1, 40))
def test_what_is_cut_off_is_no_object(content, cut, piece):
    text = json.dumps(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_parts, "_PIECE", piece)
        with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours
            read(text[: int(cut * len(text))])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        '{"a" 1}',
        '{"a": 1,}',
        '{"a": 1} 2',
        "{1: 2}",
        '{"long": [1,]}',
        '{"long": [1 2]}',
    ],
)
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        read(text)


def test_an_element_is_given_before_the_next_one_is_read():
    text = '{"a": 1, "long": [1, {"b": 2}, ' + "[" * 10
    found = read_members(io.StringIO(text), ("long",))
    assert next(found) == ("a", 1)
    name, elements = next(found)
    assert (name, next(elements), next(elements)) == ("long", 1, {"b": 2})
