"""The three models whose steps are timed."""
