#!/bin/sh
# Cuts and shares the GPUs.
# From the scenario shares in the mode custom; nothing was run.
# Read it, then run it as root on rack0.
set -eu

# GPU 0 (gpu0): whole
nvidia-smi -i 0 -mig 0

# MPS: clients find the daemon by CUDA_MPS_PIPE_DIRECTORY; start them with
#   chat on GPU 0, whole: CUDA_MPS_ACTIVE_THREAD_PERCENTAGE=60 CUDA_MPS_PINNED_DEVICE_MEM_LIMIT=0=61440M
#   eyes on GPU 0, whole: CUDA_MPS_ACTIVE_THREAD_PERCENTAGE=40 CUDA_MPS_PINNED_DEVICE_MEM_LIMIT=0=8192M
export CUDA_MPS_PIPE_DIRECTORY=/tmp/nvidia-mps
nvidia-cuda-mps-control -d
