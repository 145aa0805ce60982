"""The compiled module and its stub say the same, and every bound name works."""

import ast
import inspect
import pickle
from pathlib import Path
from typing import Any

import gpushare as gs
import numpy as np
import pytest
from gpushare import _core
from gpushare.traces import turns

STUB = Path(_core.__file__).parent / "_core.pyi"
ROOT = Path(__file__).resolve().parents[2]


def stub_members() -> dict[str, set[str]]:
    """Names of the stub: functions with an empty set, classes with their members."""
    source = STUB if STUB.exists() else ROOT / "bindings" / "gpushare" / "_core.pyi"
    members: dict[str, set[str]] = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            members[node.name] = set()
        elif isinstance(node, ast.ClassDef):
            names = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            fields = {
                n.target.id
                for n in node.body
                if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
            }
            members[node.name] = {n for n in names | fields if not n.startswith("__")}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            members[node.target.id] = set()
    return members


def module_members() -> dict[str, set[str]]:
    members: dict[str, set[str]] = {}
    for name, value in vars(_core).items():
        if name.startswith("__"):
            continue
        if inspect.isclass(value):
            members[name] = {n for n in vars(value) if not n.startswith("_")}
        else:
            members[name] = set()
    return members


def test_the_stub_names_what_the_module_has() -> None:
    stub, module = stub_members(), module_members()
    errors = {
        name for name, value in vars(_core).items() if inspect.isclass(value) and issubclass(value, Exception)
    }
    for name in errors - {"Error"}:
        stub[name] |= {"where"}
    assert stub == module


def test_the_package_exports_what_it_says() -> None:
    for name in gs.__all__:
        assert getattr(gs, name) is not None
    assert set(gs.__all__) <= set(dir(gs))
    with pytest.raises(AttributeError, match="has no attribute 'simulat'"):
        _ = gs.simulat  # type: ignore[attr-defined]


PROFILE_TYPES: dict[str, type] = {
    "name": str,
    "title": str,
    "sms": int,
    "clock_hz": float,
    "memory_bytes": float,
    "nominal_memory_bytes": float,
    "bandwidth_bytes_per_s": float,
    "sustained_flop_share": float,
    "sustained_llm_flop_share": float,
    "bandwidth_by_sm_share": list,
    "l2_bytes": float,
    "pcie_bytes_per_s": float,
    "context_bytes": float,
    "copy_engines": int,
    "decoders": int,
    "memory_slots": int,
    "mig_sms": int,
    "flop_per_s": dict,
    "mig": list,
    "time_slicing": dict,
    "mps": dict,
    "llm_latency_share": float,
    "interconnect": dict,
    "power": dict,
    "provenance": list,
    "without_mig": bool,
    "why_uncut": str,
    "carried_from": str,
}


def check_properties(value: Any, types: dict[str, type]) -> None:
    for name, expected in types.items():
        assert isinstance(getattr(value, name), expected), name
    bound = {n for n, p in vars(type(value)).items() if isinstance(p, property)}
    assert bound == set(types)


def test_a_profile_shows_every_field() -> None:
    a100 = gs.profile("a100")
    check_properties(a100, PROFILE_TYPES)
    # NVIDIA A100 data sheet: 108 SMs, 312 TFLOP/s of dense fp16, 80 GB.
    assert a100.sms == 108
    assert a100.flop_per_s["fp16"] == 312e12
    assert a100.nominal_memory_bytes == 80e9
    # Half of the SMs reach more than half of the bandwidth, and all of them all of it.
    assert 0.5 < a100.reachable_bandwidth_share(0.5) <= a100.reachable_bandwidth_share(1.0) == 1.0
    # Half of 108 SMs are 54, an even number already.
    assert a100.mps_sms(108, 50) == 54
    assert repr(a100).startswith("<Profile a100: NVIDIA A100")
    assert "a100" in gs.profile_names()
    assert gs.profile(a100) is a100


def test_profiles_are_read_from_files_and_text(tmp_path: Path) -> None:
    text = (ROOT / "profiles" / "a30.json").read_text(encoding="utf-8")
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf-8")
    assert gs.profile(path).name == _core.parse_profile(text).name == "a30"
    for profile in (gs.profile(path), _core.parse_profile(text), gs.profile("a30")):
        assert pickle.loads(pickle.dumps(profile)).sms == profile.sms


def test_a_model_shows_every_field() -> None:
    types: dict[str, type] = {"name": str, "title": str, "kind": str, "figures": dict, "provenance": list}
    kinds = set()
    for name in gs.model_names():
        model = gs.model(name)
        check_properties(model, types)
        assert all(v is not None for v in model.figures.values())
        assert repr(model).startswith(f"<Model {name}: ")
        kinds.add(model.kind)
    assert kinds >= {"llm", "streaming-asr", "autoregressive-tts", "batch"}
    # 8.03e9 parameters of two bytes; 2 x 32 layers x 8 heads x 128 x 2 bytes of keys and values for a token.
    fp16 = next(f for f in gs.model("llama-3.1-8b").figures["formats"] if f["name"] == "fp16")
    assert fp16["weight_bytes"] == pytest.approx(16.06e9, rel=0.01)
    assert fp16["kv_bytes_per_token"] == 131072


def test_a_model_is_read_from_text() -> None:
    text = (ROOT / "models" / "llama-3.1-8b.json").read_text(encoding="utf-8")
    assert _core.parse_model(text).name == "llama-3.1-8b"
    synthetic = '{"name": "unit", "title": "One second", "kind": "synthetic", "gpu_s": 1.0}'
    assert _core.parse_model(synthetic).kind == "synthetic"
    assert _core.parse_model(synthetic).figures["mean_gpu_s"] == 1.0


def test_a_layout_shows_every_field() -> None:
    layout = gs.mig.parse("3g.40gb+3g.40gb")
    types: dict[str, type] = {
        "profile": gs.Profile,
        "whole": bool,
        "short_name": str,
        "instances": list,
        "partitions": list,
    }
    check_properties(layout, types)
    assert str(layout) == "3g.40gb@0+3g.40gb@4"
    assert repr(layout) == "<Layout a100 3g.40gb@0+3g.40gb@4>"
    assert len(layout) == 2
    assert layout.short_name in ("3g.40gb+3g.40gb", "2x3g.40gb")
    assert [i["start"] for i in layout.instances] == [0, 4]
    assert [p["sms"] for p in layout.partitions] == [42, 42]
    layout.check()
    with pytest.raises(gs.LayoutError):
        gs.mig.parse("4g.40gb+3g.40gb").check(before_r510=True)


def test_layouts_are_values() -> None:
    one, same = gs.mig.parse("3g.40gb+3g.40gb"), gs.mig.parse("3g.40gb@0+3g.40gb@4")
    other = gs.mig.parse("4g.40gb@0+3g.40gb@4")
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "3g.40gb@0+3g.40gb@4"
    assert pickle.loads(pickle.dumps(one)) == one
    assert len({one, same, other}) == 2
    whole = gs.mig.parse("whole")
    assert whole.whole
    assert whole
    assert len(whole) == 0


@pytest.mark.parametrize(
    ("gpu", "options", "layouts", "multisets", "states"),
    # NVIDIA MIG user guide's placements, enumerated by hand for the A100; driver R510 allowed 4g beside 3g.
    [
        ("a100", {}, 19, 14, 298),
        ("a100", {"before_r510": True}, 18, 13, None),
        ("a100", {"double_memory": True}, 78, 38, 723),
        ("a30", {}, 5, 4, None),
    ],
)
def test_enumeration_counts_what_the_hardware_allows(
    gpu: str, options: dict[str, bool], layouts: int, multisets: int, states: int | None
) -> None:
    assert len(gs.mig.layouts(gpu, **options)) == len(set(gs.mig.layouts(gpu, **options))) == layouts
    assert len(gs.mig.multisets(gpu, **options)) == multisets
    if states is not None:
        assert len(gs.mig.states(gpu, **options)) == states


def test_mean_estimate_is_students_interval() -> None:
    # Four values, mean 2.5, standard deviation sqrt(5/3), t(0.975, 3) = 3.182446.
    mean, half_width, count = _core.mean_estimate([1.0, 2.0, 3.0, 4.0])
    assert (mean, count) == (2.5, 4)
    assert half_width == pytest.approx(3.182446 * np.sqrt(5 / 3) / 2, rel=1e-5)
    assert np.isinf(_core.mean_estimate([1.0])[1])


def test_a_scenario_handle_shows_every_field() -> None:
    handle = _core.load_scenario("voice-light", "mps")
    types: dict[str, type] = {
        "name": str,
        "description": str,
        "mode": str,
        "modes": list,
        "seed": int,
        "duration_s": float,
        "warmup_s": float,
        "host_cores": int,
        "price_per_gpu_hour": float,
        "baseline_gpus": int,
        "document": str,
        "services": list,
        "gpus": list,
        "placement": _core.Placement,
        "workload": dict,
        "files": list,
        "original": _core.ScenarioDocument,
        "objectives": str,
        "figure_names": list,
        "warnings": list,
        "assumptions": list,
        "carries_over": bool,
    }
    check_properties(handle, types)
    assert _core.parse_scenario(handle.original.given).mode == "dedicated"
    assert handle.with_objectives('{"gpus_used": 2}').objectives == '{\n  "gpus_used": 2.0\n}'
    assert _core.parse_scenario(handle.document).mode == "mps"
    assert handle.check_memory() is None
    assert repr(handle) == "<Scenario voice-light, mps>"


def test_a_placement_handle_shows_every_field() -> None:
    handle = _core.load_scenario("voice-light", "mps")
    placement = _core.place(handle, "time-slicing:3", gs.profile("h100"), [0, 2])
    check_properties(placement, {"json": str, "services": list, "nodes": list, "gpus": list})
    assert repr(placement) == "<Placement: 2 GPUs>"
    assert _core.Placement(placement.json, placement.services, "p.json").json == placement.json
    free_bytes, misfits = _core.fits(handle, placement)
    assert list(free_bytes) == ["gpu0/whole", "gpu1/whole"]
    assert {type(free) for free in free_bytes.values()} == {float}
    assert misfits[0]["reason"] == "sum"  # 3 x (9.6 + 31.6) GB
    placed = _core.with_placement(handle, placement, "other")
    assert (placed.mode, len(placed.gpus)) == ("other", 2)


def test_a_document_handle_shows_every_field() -> None:
    document = _core.ScenarioDocument.load("voice-light")
    check_properties(document, {"given": str, "text": str, "files": list})
    assert document.in_mode("mps").read(like=document.read()).mode == "mps"
    text = document.text.replace('"callers"', '"x"')
    assert _core.ScenarioDocument.parse(text, "mps", "s.json", "/data").read().mode == "mps"


def test_calls_are_read_from_their_lines() -> None:
    calls = gs.traffic.voice_calls(gs.traffic.poisson(0.1), 60)
    handle = _core.Calls(turns.text(calls), "calls")
    check_properties(handle, {"turns": dict})
    assert len(handle) == len(set(calls["call"].tolist()))
    assert repr(handle) == f"<Calls: {len(handle)}>"
    np.testing.assert_array_equal(np.sort(handle.turns["start_s"]), calls["start_s"])


def test_a_run_shows_every_field(light: gs.Scenario) -> None:
    (run,) = _core.simulate(light._handle, seed=3)
    types: dict[str, type] = {
        "until_served": bool,
        "scenario": str,
        "mode": str,
        "seed": int,
        "replication": int,
        "perturbed": bool,
        "summary": dict,
        "figures": dict,
        "only_pipeline": str,
        "bottleneck": dict,
        "requests": _core.Columns,
        "steps": _core.Columns,
        "partitions": _core.Columns,
        "series": _core.Columns,
        "changes": _core.Columns,
    }
    check_properties(run, types)
    assert (run.seed, run.replication, len(run.steps)) == (3, 0, 0)
    with pytest.raises(ValueError, match="replications: found 0"):
        _core.simulate(light._handle, replications=0)
