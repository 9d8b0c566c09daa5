"""Campaigns: the store, the verbs of the loop, and the jobs that work for it."""
