"""Measuring tools: what a press costs, of this dashboard and of Streamlit alone."""
