#!/bin/sh
# Cuts and shares the GPUs.
# From the scenario shares in the mode custom; nothing was run.
# Read it, then run it as root on rack1.
set -eu

# GPU 0 (gpu1): 3g.40gb, 2g.20gb, 1g.10gb
nvidia-smi -i 0 -mig 1
nvidia-smi mig -i 0 -dci || true
nvidia-smi mig -i 0 -dgi || true
nvidia-smi mig -i 0 -cgi 3g.40gb:0,2g.20gb:4,1g.10gb:6 -C
