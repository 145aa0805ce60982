// An endless kernel that writes down when it ran: the stretches between gaps of the GPU's global timer.
// Usage: spin [--blocks N] [--seconds S] [--gap-us G]; prints a JSON list of [start_ns, end_ns].
#include "common.cuh"

#include <vector>

namespace {

constexpr int kMaxStretches = 8192;

__device__ std::uint64_t global_timer_ns() {
    std::uint64_t time_ns;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time_ns));
    return time_ns;
}

/// Spins for `spin_ns` of wall time; block 0 records every stretch in which it was running.
__global__ void spin(std::uint64_t spin_ns, std::uint64_t gap_ns, std::uint64_t* stretches, int* count) {
    const std::uint64_t begin = global_timer_ns();
    std::uint64_t stretch_begin = begin;
    std::uint64_t last = begin;
    int found = 0;
    while (last - begin < spin_ns) {
        const std::uint64_t time = global_timer_ns();
        if (blockIdx.x == 0 && time - last > gap_ns && found < kMaxStretches - 1) {
            stretches[2 * found] = stretch_begin;
            stretches[2 * found + 1] = last;
            ++found;
            stretch_begin = time;
        }
        last = time;
    }
    if (blockIdx.x != 0) return;
    stretches[2 * found] = stretch_begin;
    stretches[2 * found + 1] = last;
    *count = found + 1;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace probe;
    const int blocks = static_cast<int>(option(argc, argv, "--blocks", sm_count()));
    const double seconds = option(argc, argv, "--seconds", 0.6);
    const double gap_us = option(argc, argv, "--gap-us", 20.0);

    std::uint64_t* stretches = nullptr;
    int* count = nullptr;
    check(cudaMalloc(&stretches, sizeof(std::uint64_t) * 2 * kMaxStretches), "cudaMalloc");
    check(cudaMalloc(&count, sizeof(int)), "cudaMalloc");
    const auto gap_ns = static_cast<std::uint64_t>(gap_us * 1e3);
    spin<<<blocks, 1>>>(1000, gap_ns, stretches, count);  // loads the code
    check(cudaDeviceSynchronize(), "warm-up");

    await_start();
    spin<<<blocks, 1>>>(static_cast<std::uint64_t>(seconds * 1e9), gap_ns, stretches, count);
    check(cudaGetLastError(), "launch");
    check(cudaDeviceSynchronize(), "spin");

    int found = 0;
    check(cudaMemcpy(&found, count, sizeof(int), cudaMemcpyDeviceToHost), "copy");
    std::vector<std::uint64_t> times(2 * found);
    check(cudaMemcpy(times.data(), stretches, times.size() * sizeof(std::uint64_t), cudaMemcpyDeviceToHost), "copy");
    std::printf("[");
    for (int i = 0; i < found; ++i)
        std::printf("%s[%llu,%llu]", i ? "," : "", static_cast<unsigned long long>(times[2 * i]),
                    static_cast<unsigned long long>(times[2 * i + 1]));
    std::printf("]\n");
    return 0;
}
