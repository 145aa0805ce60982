#!/bin/sh
# Cuts and shares the GPUs.
# From the scenario bursty-llm in the mode time-slicing:4; nothing was run.
# Read it, then run it as root on node0.
set -eu

# GPU 0 (gpu0): whole
nvidia-smi -i 0 -mig 0
