"""A window of a packed cluster: who is where, and its services simulated token by token."""
