"""What is kept of costly texts: made once, all that is missing in one go, no more than allowed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from active_cnn.ui.shelf import Shelf


class Maker:
    """Make texts, and remember what was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, names):
        self.asked.append(names)
        return [name.upper() for name in names]


@pytest.fixture
def make():
    return Maker()


def test_all_that_is_missing_is_made_in_one_go_and_given_in_the_order_asked(make):
    shelf = Shelf(10)
    assert shelf.take("here", ["b", "a"], make) == ["B", "A"]
    assert shelf.take("here", ["c", "a", "d", "b"], make) == ["C", "A", "D", "B"]
    assert make.asked == [["b", "a"], ["c", "d"]]


def test_what_is_there_is_not_made_again(make):
    shelf = Shelf(10)
    for _ in range(3):
        shelf.take("here", ["a", "b"], make)
    assert len(make.asked) == 1


def test_nothing_is_made_where_nothing_is_asked(make):
    assert Shelf(10).take("here", [], make) == []
    assert make.asked == []


def test_a_name_that_is_asked_twice_is_made_once(make):
    assert Shelf(10).take("here", ["a", "b", "a"], make) == ["A", "B", "A"]
    assert make.asked == [["a", "b"]]


def test_the_same_name_in_another_place_is_another_text(make):
    shelf = Shelf(10)
    shelf.take(("home", "small"), ["a"], make)
    assert shelf.take(("home", "other"), ["a"], lambda _: ["other"]) == ["other"]
    assert shelf.take(("home", "small"), ["a"], make) == ["A"]
    assert len(make.asked) == 1


def test_an_empty_text_is_a_text():
    shelf = Shelf(10)
    assert shelf.take("here", ["a"], lambda _: [""]) == [""]
    assert shelf.take("here", ["a"], lambda _: ["made again"]) == [""]


def test_what_was_not_taken_for_the_longest_time_goes_first(make):
    shelf = Shelf(3)
    shelf.take("here", ["a", "b", "c"], make)
    shelf.take("here", ["a"], make)
    shelf.take("here", ["d"], make)
    shelf.take("here", ["a", "c", "d", "b"], make)
    assert make.asked[1:] == [["d"], ["b"]]


def test_more_than_is_kept_is_given_all_the_same(make):
    shelf = Shelf(2)
    names = list("abcde")
    assert shelf.take("here", names, make) == list("ABCDE")
    # The last two have stayed.
    assert shelf.take("here", names, make) == list("ABCDE")
    assert make.asked == [names, ["a", "b", "c"]]


def test_what_could_not_be_made_is_tried_again(make):
    shelf = Shelf(10)
    shelf.take("here", ["a"], make)

    def fail(_):
        raise OSError("the pool is gone")

    with pytest.raises(OSError, match="gone"):
        shelf.take("here", ["a", "b"], fail)
    assert shelf.take("here", ["a", "b"], make) == ["A", "B"]


@pytest.mark.parametrize("made", [[], ["A", "B"]])
def test_a_maker_that_gives_another_number_of_texts_leaves_nothing(make, made):
    shelf = Shelf(10)
    with pytest.raises(ValueError, match="zip"):
        shelf.take("here", ["a"], lambda _: made)
    assert shelf.take("here", ["a"], make) == ["A"]


def test_who_finds_all_of_it_does_not_wait_for_who_makes(make):
    shelf = Shelf(10)
    shelf.take("here", ["a"], make)
    is_making, may_end = Event(), Event()

    def slow(names):
        is_making.set()
        assert may_end.wait(10)
        return make(names)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(shelf.take, "here", ["b"], slow)
        assert is_making.wait(10)
        assert shelf.take("here", ["a"], make) == ["A"]
        assert not other.done()
        may_end.set()
        assert other.result(10) == ["B"]


def test_many_threads_get_each_its_own_texts_and_the_bound_is_kept():
    shelf = Shelf(40)
    n_threads = 8
    begin = Barrier(n_threads)

    def work(number):
        begin.wait(10)
        for start in range(300):
            names = [f"{(start * 7 + number * 3 + i) % 90}" for i in range(5)]
            texts = shelf.take("here", names, lambda missing: [f"text {n}" for n in missing])
            assert texts == [f"text {name}" for name in names]

    with ThreadPoolExecutor(n_threads) as pool:
        for done in [pool.submit(work, number) for number in range(n_threads)]:
            done.result(30)
    missing = []
    shelf.take("here", [str(n) for n in range(90)], lambda m: [missing.append(n) or "" for n in m])
    assert len(missing) == 90 - 40
