"""Packing pods on the nodes of a cluster: policies, fragmentation, waiting."""
