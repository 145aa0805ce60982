"""The what-if page: a scenario's knobs and its MIG board, simulated while one turns them, on this machine alone."""
