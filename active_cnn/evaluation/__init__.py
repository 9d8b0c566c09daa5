"""Evaluation: how good the predictions are, with honest limits."""
