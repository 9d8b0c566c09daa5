"""Delivery: the candidate table and its file formats."""
