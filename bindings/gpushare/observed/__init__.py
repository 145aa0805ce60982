"""A cluster as its files show it, as a workload, and what it could do with less."""
