// Prints what CUDA says about device 0 as JSON, then holds its context until standard input closes.
// The drop of free memory from one such process to the next is what a context costs.
#include "common.cuh"

int main() {
    using namespace probe;
    check(cudaFree(nullptr), "no usable CUDA device");
    cudaDeviceProp prop{};
    check(cudaGetDeviceProperties(&prop, 0), "properties");
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &total_bytes), "memory");
    std::printf("{\"name\":\"%s\",\"compute_capability\":\"%d.%d\",\"sms\":%d,\"l2_bytes\":%d,"
                "\"memory_bytes\":%zu,\"free_bytes\":%zu,\"shared_memory_per_sm_bytes\":%zu,"
                "\"registers_per_sm\":%d,\"threads_per_sm\":%d,\"blocks_per_sm\":%d,\"memory_bus_bits\":%d}\n",
                prop.name, prop.major, prop.minor, prop.multiProcessorCount, prop.l2CacheSize, total_bytes,
                free_bytes, prop.sharedMemPerMultiprocessor, prop.regsPerMultiprocessor,
                prop.maxThreadsPerMultiProcessor, prop.maxBlocksPerMultiProcessor, prop.memoryBusWidth);
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return 0;
}
