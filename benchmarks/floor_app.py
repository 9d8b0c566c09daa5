"""The least that a Streamlit app can do: one button and one counter."""

import streamlit as st


def counter() -> None:
    """Count the presses."""
    if st.button("Count", key="count"):
        st.session_state["presses"] = st.session_state.get("presses", 0) + 1
    with st.container(key="presses"):
        st.text(st.session_state.get("presses", 0))


if st.query_params.get("scope") == "fragment":
    st.fragment(counter)()
else:
    counter()
