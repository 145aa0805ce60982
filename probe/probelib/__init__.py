"""Measures one GPU: what it can do, and what its clients lose when they share it."""
