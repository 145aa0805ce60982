#!/bin/sh
# Takes the GPUs back to whole, unshared ones.
# From the scenario voice-heavy in the mode mig:3g.40gb+3g.40gb; nothing was run.
# Read it, then run it as root on node0.
set -eu

echo quit | nvidia-cuda-mps-control || true
nvidia-smi mig -i 0 -dci || true
nvidia-smi mig -i 0 -dgi || true
nvidia-smi -i 0 -mig 0
nvidia-smi mig -i 1 -dci || true
nvidia-smi mig -i 1 -dgi || true
nvidia-smi -i 1 -mig 0
