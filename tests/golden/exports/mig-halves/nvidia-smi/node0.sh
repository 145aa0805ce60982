#!/bin/sh
# Cuts and shares the GPUs.
# From the scenario voice-heavy in the mode mig:3g.40gb+3g.40gb; nothing was run.
# Read it, then run it as root on node0.
set -eu

# GPU 0 (gpu0): whole
nvidia-smi -i 0 -mig 0

# GPU 1 (gpu1): 3g.40gb, 3g.40gb
nvidia-smi -i 1 -mig 1
nvidia-smi mig -i 1 -dci || true
nvidia-smi mig -i 1 -dgi || true
nvidia-smi mig -i 1 -cgi 3g.40gb:0,3g.40gb:4 -C
