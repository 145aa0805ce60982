"""Invents the log and the scrape of this folder: usage: python make.py"""

import random
from pathlib import Path

HERE = Path(__file__).parent
REQUESTS, RATE_PER_S = 60, 0.5
#: Node, GPU, busy, SMs in use, GB, pod.
GPUS = (
    ("gpu-1", 0, 10, 0.04, 6.0, "eyes-0"),
    ("gpu-1", 1, 14, 0.05, 6.0, "eyes-1"),
    ("gpu-2", 0, 32, 0.2, 70.0, "chat-0"),
)


def ids(count: int) -> str:
    """So many token ids."""
    return ", ".join(["7"] * count)


def stamp(seconds: float) -> str:
    """As vLLM writes when it was: without a year, to the second."""
    minute, second = divmod(int(seconds), 60)
    return f"INFO 11-29 17:{30 + minute:02d}:{second:02d}"


def log() -> str:
    """What --enable-log-requests and --enable-log-outputs write."""
    draw = random.Random(1)
    at, lines = 0.0, []
    for number in range(REQUESTS):
        at += draw.expovariate(RATE_PER_S)
        prompt, reply = draw.randint(40, 400), draw.randint(20, 160)
        name = f"chatcmpl-{number:04d}"
        lines.append(
            (
                at,
                f"{stamp(at)} [logger.py:41] Received request {name}: prompt: 'said', params: SamplingParams(n=1, "
                f"temperature=0.7, max_tokens=512), prompt_token_ids: [{ids(prompt)}], lora_request: None.",
            )
        )
        end = at + 0.1 + 0.02 * reply
        lines.append(
            (
                end,
                f"{stamp(end)} [logger.py:77] Generated response {name} (streaming complete): output: 'said', "
                f"output_token_ids: [{ids(reply)}], finish_reason: stop",
            )
        )
    return "\n".join(line for _, line in sorted(lines)) + "\n"


def scrape() -> str:
    """Text of the DCGM exporter."""
    lines = []
    for node, gpu, busy, sms, gigabytes, pod in GPUS:
        labels = f'gpu="{gpu}",modelName="NVIDIA A100-SXM4-80GB",Hostname="{node}",namespace="ai",pod="{pod}"'
        lines += [
            f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {busy}",
            f"DCGM_FI_PROF_SM_ACTIVE{{{labels}}} {sms:g}",
            f"DCGM_FI_DEV_FB_USED{{{labels}}} {gigabytes * 1e9 / 2**20:.0f}",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (HERE / "vllm.log").write_text(log(), encoding="utf-8")
    (HERE / "cluster" / "dcgm.prom").write_text(scrape(), encoding="utf-8")
