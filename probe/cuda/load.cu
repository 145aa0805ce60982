// One client with one kind of work, as fast as it goes, waiting for each job, or once a period.
// Usage: load --kind 0|1 [--seconds S] [--scale X] [--bytes B] [--passes P] [--period-ms T] [--wait 1]
//   kind 0: fp32 multiply-adds (160,000 FLOP a thread times scale); kind 1: reads `bytes` `passes` times.
// Prints one JSON object: jobs, elapsed seconds, rate, GB/s, TFLOP/s, latencies in microseconds.
#include "common.cuh"

#include <algorithm>
#include <vector>

namespace {

constexpr int kThreads = 256;
constexpr int kQueueDepth = 4;

__global__ void multiply_add(int iterations, float* sink) {
    float a[8];
    for (int i = 0; i < 8; ++i) a[i] = static_cast<float>(threadIdx.x + i);
#pragma unroll 8
    for (int step = 0; step < iterations; ++step)
#pragma unroll
        for (int i = 0; i < 8; ++i) a[i] = fmaf(a[i], 0.999f, 0.5f);
    float sum = 0.0f;
    for (int i = 0; i < 8; ++i) sum += a[i];
    if (sum == -1.0f) *sink = sum;
}

__global__ void read_memory(const float4* data, std::size_t count, int passes, float* sink) {
    const std::size_t stride = static_cast<std::size_t>(gridDim.x) * blockDim.x;
    const std::size_t first = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    float sum = 0.0f;
    for (int pass = 0; pass < passes; ++pass)
#pragma unroll 4
        for (std::size_t i = first; i < count; i += stride) {
            const float4 value = __ldcg(data + i);
            sum += value.x + value.y + value.z + value.w;
        }
    if (sum == -1.0f) *sink = sum;
}

struct Work {
    bool is_stream = false;
    int blocks = 0;
    int iterations = 0;
    int passes = 1;
    std::size_t bytes = 0;
    float4* data = nullptr;
    float* sink = nullptr;

    void launch() const {
        if (is_stream)
            read_memory<<<blocks, kThreads>>>(data, bytes / sizeof(float4), passes, sink);
        else
            multiply_add<<<blocks, kThreads>>>(iterations, sink);
    }
    double flop() const { return is_stream ? 0.0 : 16.0 * iterations * kThreads * blocks; }
    double moved() const { return is_stream ? static_cast<double>(bytes) * passes : 0.0; }
};

Work make_work(int argc, char** argv) {
    using namespace probe;
    Work work;
    work.is_stream = option(argc, argv, "--kind", 0) != 0;
    work.blocks = sm_count() * (work.is_stream ? 16 : 8);
    work.iterations = static_cast<int>(10000 * option(argc, argv, "--scale", 1.0));
    work.passes = static_cast<int>(option(argc, argv, "--passes", 1));
    work.bytes = static_cast<std::size_t>(option(argc, argv, "--bytes", 4e9));
    check(cudaMalloc(&work.sink, sizeof(float)), "cudaMalloc");
    if (work.is_stream) {
        check(cudaMalloc(&work.data, work.bytes), "cudaMalloc");
        check(cudaMemset(work.data, 1, work.bytes), "cudaMemset");
    }
    return work;
}

/// Keeps `kQueueDepth` jobs queued until `end_s`; returns how many finished.
long run_queue(const Work& work, double end_s) {
    std::vector<cudaEvent_t> done(kQueueDepth);
    for (auto& event : done) probe::check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "event");
    long jobs = 0;
    while (probe::now_s() < end_s) {
        const cudaEvent_t event = done[jobs % kQueueDepth];
        if (jobs >= kQueueDepth) probe::check(cudaEventSynchronize(event), "job");
        work.launch();
        probe::check(cudaEventRecord(event), "record");
        ++jobs;
    }
    probe::check(cudaDeviceSynchronize(), "jobs");
    return jobs;
}

/// One job at a time: every `period_s`, or each as soon as the last is done when it is zero. Latencies in us.
std::vector<double> run_waiting(const Work& work, double start_s, double end_s, double period_s) {
    std::vector<double> latency_us;
    for (long job = 0;; ++job) {
        const double due_s = period_s > 0 ? start_s + job * period_s : probe::now_s();
        if (due_s >= end_s) return latency_us;
        probe::wait_until(due_s);
        work.launch();
        probe::check(cudaDeviceSynchronize(), "job");
        latency_us.push_back((probe::now_s() - due_s) * 1e6);
    }
}

void print_latencies(std::vector<double> us) {
    std::sort(us.begin(), us.end());
    double sum = 0.0;
    for (double x : us) sum += x;
    const auto quantile = [&](double q) {
        return us.empty() ? 0.0 : us[std::min(us.size() - 1, static_cast<std::size_t>(q * us.size()))];
    };
    std::printf("{\"mean\":%.1f,\"min\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p95\":%.1f,\"p99\":%.1f,\"max\":%.1f}",
                us.empty() ? 0.0 : sum / us.size(), quantile(0), quantile(0.5), quantile(0.9), quantile(0.95),
                quantile(0.99), quantile(1));
}

}  // namespace

int main(int argc, char** argv) {
    using namespace probe;
    const double seconds = option(argc, argv, "--seconds", 1.0);
    const double period_s = option(argc, argv, "--period-ms", 0.0) * 1e-3;
    const bool wait = period_s > 0 || option(argc, argv, "--wait", 0) != 0;
    const Work work = make_work(argc, argv);
    work.launch();
    check(cudaDeviceSynchronize(), "warm-up");

    const double start_s = await_start();
    std::vector<double> latency_us;
    long jobs = 0;
    if (wait) {
        latency_us = run_waiting(work, start_s, start_s + seconds, period_s);
        jobs = static_cast<long>(latency_us.size());
    } else {
        jobs = run_queue(work, start_s + seconds);
    }
    const double elapsed_s = now_s() - start_s;
    const double rate = jobs / elapsed_s;
    std::printf("{\"kind\":\"%s\",\"blocks\":%d,\"jobs\":%ld,\"elapsed\":%.6f,\"jobs_per_s\":%.3f,"
                "\"gbps\":%.2f,\"tflops\":%.3f,\"lat_us\":",
                work.is_stream ? "stream" : "fma", work.blocks, jobs, elapsed_s, rate, work.moved() * rate / 1e9,
                work.flop() * rate / 1e12);
    print_latencies(latency_us);
    std::printf(",\"sms\":%d}\n", sm_count());
    return 0;
}
