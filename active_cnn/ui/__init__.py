"""The dashboard's frame, charts and components; the only room that knows Streamlit."""
