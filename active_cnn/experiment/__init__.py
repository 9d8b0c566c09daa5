"""Whole campaigns rehearsed on a survey whose truth is known, by an oracle that is simulated."""
