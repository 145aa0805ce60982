// What the probe's programs share: error checks, argument parsing, the start signal and the GPU's global timer.
#pragma once

#include <cuda_runtime.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace probe {

/// Ends the program with a message when a CUDA call failed.
inline void check(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
    std::exit(1);
}

/// The value of `--name VALUE`, or `fallback` when it is not given.
inline double option(int argc, char** argv, const char* name, double fallback) {
    for (int i = 1; i + 1 < argc; ++i)
        if (std::strcmp(argv[i], name) == 0) return std::atof(argv[i + 1]);
    return fallback;
}

/// Seconds of the monotonic clock, which all processes of a machine share.
inline double now_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Waits until the monotonic clock reads `time_s`: sleeps, then spins the last half millisecond.
inline void wait_until(double time_s) {
    const double sleep_s = time_s - now_s() - 0.5e-3;
    if (sleep_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(sleep_s));
    while (now_s() < time_s) {
    }
}

/// Prints "ready", then reads from standard input the monotonic time in seconds at which to begin.
inline double await_start() {
    std::printf("ready\n");
    std::fflush(stdout);
    double start_s = 0.0;
    if (std::scanf("%lf", &start_s) != 1) std::exit(1);
    wait_until(start_s);
    return start_s;
}

/// Number of SMs that this process may use (under MPS with a percentage: fewer than the card has).
inline int sm_count() {
    int count = 0;
    check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0), "SM count");
    return count;
}

}  // namespace probe
