"""Whether plans that are reported as meeting their objectives do: fresh batches of seeds that no plan has seen.

Usage: python bench/plan_promises.py [PLANS [BATCHES]]
"""

import random
import sys
import time

import gpushare as gs

MODELS = {
    "llm": (
        ["llama-3.1-8b", "qwen3-4b", "llama-3.2-1b"],
        (2, 12),
        "ttft",
        {"input_tokens": 900, "output_tokens": 160},
    ),
    "embed": (["embedding-0.3b", "yolos-small"], (20, 250), "latency", {}),
    "synth": (["fastpitch-hifigan"], (2, 20), "latency", {"output_tokens": 40}),
}


def instance(seed):
    """A document of two to four services, each with a latency objective."""
    numbers = random.Random(seed)
    services, pipelines, traffic, objectives = {}, {}, [], {}
    for i in range(numbers.randint(2, 4)):
        kind = "llm" if i == 0 else numbers.choice(list(MODELS))
        models, rates, metric, sizes = MODELS[kind]
        name = f"{kind}{i}"
        services[name] = {"model": numbers.choice(models)}
        if kind == "llm":
            services[name]["engine"] = {
                "preset": "vllm-0.20",
                "gpu_memory_utilization": numbers.choice([0.3, 0.4, 0.6]),
            }
        pipelines[name] = {"stages": [{"name": name, "service": name}]}
        arrivals = {"kind": "poisson", "rate_per_s": numbers.uniform(*rates)}
        traffic.append(
            {"pipeline": name, "kind": "open", "arrivals": arrivals} | ({"sizes": sizes} if sizes else {})
        )
        objectives[f"{name}.{name}.{metric}_p95_s"] = numbers.uniform(1.3, 3.0)
    document = {
        "name": f"promise{seed}",
        "gpu": "a100",
        "duration_s": 60,
        "services": services,
        "pipelines": pipelines,
        "traffic": traffic,
        "placement": {"mode": "dedicated"},
    }
    alone = gs.simulate(document, replications=4, record_requests=False).summary()
    return document, {name: factor * float(alone[name]) for name, factor in objectives.items()}


def main():
    """Plan, and run the plans again."""
    plans, batches = (int(word) for word in [*sys.argv[1:], "20", "20"][:2])
    kept = tried = seed = made = 0
    worst = []
    while made < plans:
        seed += 1
        document, objectives = instance(seed)
        started = time.perf_counter()
        plan = gs.plan(document, objectives, gpus={"a100": 8})
        took = time.perf_counter() - started
        if plan.meets is not True:
            print(f"{document['name']}: {plan.meets}, {plan.why or 'too close to say'}", flush=True)
            continue
        made += 1
        good = 0
        for batch in range(batches):
            result = gs.simulate(
                plan.scenario, seed=10_000 + batch, replications=plan.replications, record_requests=False
            )
            summary = result.summary()
            good += all(summary[name] <= bound for name, bound in objectives.items())
        kept += good
        tried += batches
        tightest = max(one.excess for one in plan.judged if not one.objective.implied)
        worst.append((tightest, good))
        print(
            f"{document['name']}: {len(document['services'])} services, {plan.gpus} GPUs (bound {plan.lower_bound:g}), "
            f"tightest {-100 * tightest:.0f} % to spare, {plan.runs} runs, {took:.1f} s: {good} of {batches}",
            flush=True,
        )
    print(f"{kept} of {tried} fresh batches meet all objectives: {100 * kept / tried:.1f} %")


if __name__ == "__main__":
    main()
