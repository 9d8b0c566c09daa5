import asyncio
import json
from collections.abc import Iterator

import pytest

from benchmarks.delay_proxy import DelayProxy
from benchmarks.server import StreamlitServer
from benchmarks.sessions import ScriptError, Session, SessionError

PANEL = "test.panel"
HOME = """
import streamlit as st
st.text("home")
"""
# The answer is counted by the callback, so that a callback that runs twice is seen.
RELABEL = """
import json
import streamlit as st

mount = st.components.v2.component("test.panel", html="<p></p>", js="export default () => {}")


def answered():
    st.session_state["answers"] = st.session_state.get("answers", 0) + 1


@st.fragment
def panel():
    state = st.session_state.get("panel") or {}
    if state.get("answer") == "boom":
        raise ValueError("the panel broke")
    content = {
        "answers": st.session_state.get("answers", 0),
        "answer": state.get("answer"),
        "note": state.get("note"),
        "padding": 20_000 * "-",
    }
    mount(
        key="panel",
        data=json.dumps(content).encode(),
        on_answer_change=answered,
        on_note_change=lambda: None,
    )


st.text(st.query_params.get("campaign", "none"))
st.text(st.context.cookies.get("observer", "nobody"))
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.text(st.session_state["runs"])
panel()
if st.button("Next"):
    st.text("pressed")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamlitServer]:
    app = tmp_path_factory.mktemp("app") / "app.py"
    app.write_text(HOME)
    (app.parent / "pages").mkdir()
    (app.parent / "pages" / "4_Relabel.py").write_text(RELABEL)
    (app.parent / "pages" / "5_Broken.py").write_text("this is no Python")
    with StreamlitServer(app) as one:
        yield one


def content(data: bytes) -> dict[str, object]:
    return json.loads(data)


def test_a_page_opens_at_its_address_with_query_and_cookies(server: StreamlitServer) -> None:
    async def scenario() -> list[str]:
        session = Session(
            server.url, "4_Relabel", "campaign=demo", cookies={"observer": "somebody"}
        )
        async with session:
            assert content(session.data(PANEL))["answers"] == 0
            return session.texts()

    assert asyncio.run(scenario()) == ["demo", "somebody", "1"]


def test_a_state_runs_the_fragment_and_its_callback_once(server: StreamlitServer) -> None:
    async def scenario() -> None:
        async with Session(server.url, "Relabel") as session:
            for number in (1, 2, 3):
                reply = await session.set_state(PANEL, {"answer": number})
                assert reply.fresh
                assert reply.finished is not None
                assert 0 < reply.seconds <= reply.finished
                assert content(reply.data)["answer"] == number
                assert content(reply.data)["answers"] == number
            assert session.texts()[-1] == "1"

    asyncio.run(scenario())


def test_states_are_merged_and_kept_when_the_whole_page_runs(server: StreamlitServer) -> None:
    async def scenario() -> dict[str, object]:
        async with Session(server.url, "Relabel") as session:
            await session.set_state(PANEL, {"answer": 1})
            await session.set_state(PANEL, {"note": "faint"})
            await session.press("Next")
            assert session.texts()[-1] == "pressed"
            return content(session.data(PANEL))

    found = asyncio.run(scenario())
    assert (found["answer"], found["note"], found["answers"]) == (1, "faint", 1)


def test_data_that_did_not_change_comes_from_the_cache(server: StreamlitServer) -> None:
    async def scenario(cache: bool) -> int:
        async with Session(server.url, "Relabel", cache=cache) as session:
            reply = await session.rerun()
            assert len(session.data(PANEL)) > 20_000
            return reply.received

    assert asyncio.run(scenario(cache=True)) < 20_000 < asyncio.run(scenario(cache=False))


def test_until_waits_for_the_answer_that_was_sent_last(server: StreamlitServer) -> None:
    async def scenario() -> None:
        async with Session(server.url, "Relabel") as session:
            for number in range(5):
                await session.send_state(PANEL, {"answer": number})
            reply = await session.set_state(
                PANEL, {"answer": "last"}, until=lambda data: content(data)["answer"] == "last"
            )
            assert content(reply.data)["answer"] == "last"
            assert reply.finished is None

    asyncio.run(scenario())


def test_an_exception_of_the_page_is_raised_with_its_text(server: StreamlitServer) -> None:
    async def scenario() -> None:
        async with Session(server.url, "Relabel") as session:
            await session.set_state(PANEL, {"answer": "boom"})

    with pytest.raises(ScriptError, match="ValueError: the panel broke"):
        asyncio.run(scenario())


def test_a_page_that_cannot_be_compiled_is_an_error(server: StreamlitServer) -> None:
    async def scenario() -> None:
        async with Session(server.url, "Broken"):
            pass

    with pytest.raises(ScriptError, match="invalid syntax"):
        asyncio.run(scenario())


@pytest.mark.parametrize("page", ["", "Relabel"])
def test_what_is_not_there_is_named(server: StreamlitServer, page: str) -> None:
    async def scenario() -> None:
        async with Session(server.url, page) as session:
            await session.set_state("other", {})

    with pytest.raises(SessionError, match="0 components 'other'"):
        asyncio.run(scenario())


def test_another_page_forgets_the_states(server: StreamlitServer) -> None:
    async def scenario() -> None:
        async with Session(server.url, "Relabel") as session:
            await session.set_state(PANEL, {"answer": 1})
            await session.switch_page("")
            assert session.texts() == ["home"]
            await session.switch_page("Relabel")
            assert content(session.data(PANEL))["answer"] is None
            assert content(session.data(PANEL))["answers"] == 1
            with pytest.raises(SessionError, match="no page 'Nowhere'"):
                await session.switch_page("Nowhere")

    asyncio.run(scenario())


def test_a_session_goes_on_after_a_cut(server: StreamlitServer) -> None:
    async def scenario(network: DelayProxy) -> None:
        async with Session(network.url, "Relabel") as session:
            reply = await session.set_state(PANEL, {"answer": 1})
            assert reply.seconds >= network.round_trip
            known = session.session_id
            network.cut()
            with pytest.raises(SessionError, match=r"reconnect\(\)"):
                await session.set_state(PANEL, {"answer": 2})
            with pytest.raises(SessionError, match="No session at"):
                await session.reconnect()
            network.restore()
            await session.reconnect()
            assert session.session_id == known
            assert session.resumed
            # The state that could not be sent came with the run of the reconnection.
            assert content(session.data(PANEL))["answer"] == 2
            assert content(session.data(PANEL))["answers"] == 2

    with DelayProxy(server.port, round_trip=0.05) as network:
        asyncio.run(scenario(network))


def test_silence_ends_in_an_error_after_patience(server: StreamlitServer) -> None:
    async def scenario(network: DelayProxy) -> None:
        async with Session(network.url, "Relabel") as session:
            network.cut(silent=True)
            session.patience = 0.2
            with pytest.raises(SessionError, match=r"within 0\.2 s"):
                await session.set_state(PANEL, {"answer": 1})
            network.restore()

    with DelayProxy(server.port, round_trip=0.0) as network:
        asyncio.run(scenario(network))
