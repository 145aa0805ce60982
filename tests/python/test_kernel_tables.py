"""Constants of Hopper cards beside the kernels that they were taken from."""

from __future__ import annotations

import json
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare.files import data_file
from gpushare.validation.documents import measured, model_document

_PRODUCTS_OF_A_LAYER = 4


def _products() -> list[dict[str, Any]]:
    table = measured("h200-kernels.json")["products"]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def _told(figure: str) -> float:
    """A figure of the H200's profile."""
    document = json.loads(data_file("h200.json", "profiles").read_text(encoding="utf-8"))
    return float(document[figure]["value"])


def test_small_products_on_an_h200_reach_the_bandwidth_that_its_profile_says() -> None:
    few = [row for row in _products() if row["tokens"] <= 64]
    seconds = 1e-6 * np.array([row["us"] for row in few])
    weight_bytes = np.array([row["weight_bytes"] for row in few])
    terms = np.stack([np.full(len(few), _PRODUCTS_OF_A_LAYER), weight_bytes], axis=1) / seconds[:, None]
    ramp_s, s_per_byte = np.linalg.lstsq(terms, np.ones(len(few)), rcond=None)[0]
    reached = 1 / (s_per_byte * gs.profile("h200").bandwidth_bytes_per_s)
    on_a100 = model_document("llama-3.1-8b")["formats"]["fp16"]["gemm_bandwidth_efficiency"]["value"]
    assert reached / on_a100 == pytest.approx(_told("relative_bandwidth_efficiency"), rel=0.02)
    assert ramp_s == pytest.approx(4.2e-6, rel=0.01)


def test_fp8_products_of_prompts_on_an_h200_reach_the_rate_that_llama_says() -> None:
    sustained = _told("sustained_flop_share") * gs.profile("h200").flop_per_s["fp8"]
    efficiency = model_document("llama-3.1-8b")["formats"]["fp8"]["gemm_flop_efficiency"]["value"]
    long = [row for row in _products() if row["model"] == "llama-3.1-8b" and row["tokens"] >= 1024]
    rates = [
        2 * row["weight_bytes"] * row["tokens"] / (1e-6 * row["us"])
        for row in long
        if row["precision"] == "fp8"
    ]
    assert len(rates) == 4
    assert [rate / sustained for rate in rates] == pytest.approx([efficiency] * 4, rel=0.05)
