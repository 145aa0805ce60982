#!/bin/sh
# Takes the GPUs back to whole, unshared ones.
# From the scenario shares in the mode custom; nothing was run.
# Read it, then run it as root on rack1.
set -eu

echo quit | nvidia-cuda-mps-control || true
nvidia-smi mig -i 0 -dci || true
nvidia-smi mig -i 0 -dgi || true
nvidia-smi -i 0 -mig 0
