"""A scenario for the pods of a cluster: those with a known model as services of it, the others as stand-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core import Error, ScenarioError, usual_llm_preset
from .._errors import fail
from ..scenario.profiles import Model, model
from ..scenario.scenario import Scenario
from ..study.simulation import simulate
from .demand import Cards, Tenant

__all__ = ["INPUT_TOKENS", "OUTPUT_TOKENS", "document_of"]

#: What a request of a language model is taken to be, and how long a stand-in's step lasts on a whole GPU.
INPUT_TOKENS, OUTPUT_TOKENS, STEP_S = 1000, 200, 0.05
#: Of a process of which no memory was measured, bytes.
_MEMORY_BYTES = 4e9
_DURATION_S = 300
#: Rates are found until the GPU is this near to as busy as was measured; no server is held to be busier than the most.
_NEAR, _MOST, _TRIES = 0.02, 0.95, 8


def document_of(
    tenants: Sequence[Tenant], cards: Cards, name: str, known: Mapping[str, Scenario]
) -> dict[str, Any]:
    """The document; what is assumed of each tenant goes to its notes. `known` are scenarios of some of them.

    Raises
    ------
    ScenarioError
        For a scenario of a service that is not there, and for one of several.
    """
    kind = next(iter(cards.counts))
    services: dict[str, Any] = {}
    traffic = []
    objectives: dict[str, Any] = {}
    names = [tenant.name for tenant in tenants]
    for unknown in (one for one in known if one not in names):
        raise fail(
            ScenarioError, unknown, f"no service of the cluster has this name; it has {', '.join(names)}"
        )
    for tenant in tenants:
        if tenant.name in known:
            service, entry, kept = _own(tenant, known[tenant.name])
            objectives |= kept
        else:
            service, entry = _described(tenant, kind) or _stand_in(tenant)
        services[tenant.name] = service
        traffic.append({"name": tenant.name, "pipeline": tenant.name, "kind": "open", **entry})
    return {
        "name": name,
        "description": "Made from files of a cluster: see what was assumed.",
        "seed": 1,
        "gpu": kind,
        "duration_s": min([one.duration_s for one in known.values() if one.duration_s > 0] or [_DURATION_S]),
        **({"objectives": objectives} if objectives else {}),
        "services": services,
        "pipelines": {name: {"stages": [{"name": name, "service": name}]} for name in services},
        "traffic": traffic,
    }


def _poisson(rate: float) -> dict[str, Any]:
    return {"kind": "poisson", "rate_per_s": rate}


def _stand_in(tenant: Tenant) -> tuple[dict[str, Any], dict[str, Any]]:
    busy = min(tenant.busy, _MOST)
    work: dict[str, Any] = {"kind": "synthetic", "gpu_s": STEP_S}
    work["memory_bytes"] = tenant.memory_bytes if tenant.memory_bytes is not None else _MEMORY_BYTES
    if tenant.memory_bytes is None:
        tenant.notes.append(f"memory was not measured: {_MEMORY_BYTES / 1e9:g} GB")
    if tenant.busy > 0 and tenant.sms is not None:
        work["sm_share"] = round(min(1.0, max(tenant.sms / tenant.busy, 0.01)), 4)
    else:
        tenant.notes.append("SM activity was not measured: its steps fill all SMs")
    if tenant.busy > 0 and tenant.bandwidth is not None:
        work["bandwidth_share"] = round(min(1.0, tenant.bandwidth / tenant.busy), 4)
    servers = tenant.copies * tenant.ranks
    tenant.notes.append(
        f"a stand-in: steps of {1000 * STEP_S:g} ms that keep a GPU {100 * busy:.0f} % busy, in each of {servers}"
    )
    rate = max(servers * busy / STEP_S, 1e-3)
    return {"model": work}, {"arrivals": _poisson(round(rate, 4))}


def _own(tenant: Tenant, scenario: Scenario) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Service, traffic and objectives of a scenario that has one of each, under the tenant's name."""
    document = scenario.document
    services, traffic = document["services"], document["traffic"]
    if len(services) != 1 or len(traffic) != 1:
        raise fail(
            ScenarioError,
            scenario.name,
            f"stands for the pods of {tenant.name} with one service and one entry of traffic; found "
            f"{len(services)} and {len(traffic)}",
        )
    ((name, service),) = services.items()
    service = {key: value for key, value in service.items() if key != "replicas"}
    if tenant.ranks > 1:
        service["tensor_parallel"] = tenant.ranks
    entry = {key: value for key, value in traffic[0].items() if key not in ("name", "pipeline")}
    objectives = {
        f"{tenant.name}.{figure.removeprefix(name + '.')}": bound
        for figure, bound in document.get("objectives", {}).items()
        if figure.startswith(name + ".")
    }
    together = f", which are of all {tenant.copies} copies together" if tenant.copies > 1 else ""
    tenant.notes.append(f"model, engine and requests are those of {scenario.name}{together}")
    tenant.model = f"as in {scenario.name}"
    return service, entry, objectives


def _described(tenant: Tenant, kind: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """As a service of its model; None where no language model of that name is described."""
    if not tenant.model:
        return None
    try:
        described = model(tenant.model.removeprefix("REPLACE-ME/"))
    except Error as error:
        tenant.notes.append(f"its model {tenant.model} is not described here ({error})")
        return None
    if described.kind != "llm":
        tenant.notes.append(
            f"its model {described.name} is a {described.kind}: what its requests ask for is not measured"
        )
        return None
    engine = {"kind": "continuous-batching", "preset": usual_llm_preset()}
    service: dict[str, Any] = {"model": described.name, "engine": engine}
    if tenant.ranks > 1:
        service["tensor_parallel"] = tenant.ranks
    _fit_weights(tenant, described, service)
    try:
        rate = _rate_for(service, kind, min(tenant.busy, _MOST))
    except Error as error:
        tenant.notes.append(f"its model {described.name} does not run on a {kind} ({error})")
        return None
    tenant.notes.append(
        f"{described.name} under vLLM with prompts of {INPUT_TOKENS:,} and replies of {OUTPUT_TOKENS} tokens: "
        f"{rate:.2g} requests "
        f"a second keep each server {100 * min(tenant.busy, _MOST):.0f} % busy"
    )
    sizes = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
    return service, {"arrivals": _poisson(round(rate * tenant.copies, 4)), "sizes": sizes}


def _fit_weights(tenant: Tenant, described: Model, service: dict[str, Any]) -> None:
    """Takes a smaller format of the weights where those in fp16 are more than what a process holds."""
    held = tenant.memory_bytes
    formats = {one["name"]: one["weight_bytes"] / tenant.ranks for one in described.figures["formats"]}
    if held is None or formats.get("fp16", 0.0) <= held:
        return
    by_size = sorted(formats, key=lambda name: -formats[name])
    service["precision"] = next((name for name in by_size if formats[name] <= held), by_size[-1])
    tenant.notes.append(
        f"it holds {held / 1e9:.1f} GB, less than the {formats['fp16'] / 1e9:.1f} GB of {described.name} in fp16: "
        f"taken to be in {service['precision']} ({formats[service['precision']] / 1e9:.1f} GB)"
    )


def _rate_for(service: dict[str, Any], kind: str, busy: float) -> float:
    """Requests a second that keep one server on whole GPUs as busy as was measured."""
    rate = 0.5
    for _ in range(_TRIES):
        scenario = Scenario.from_dict(
            {
                "name": "one server",
                "gpu": kind,
                "duration_s": _DURATION_S,
                "services": {"llm": service},
                "pipelines": {"llm": {"stages": [{"name": "llm", "service": "llm"}]}},
                "traffic": [
                    {
                        "kind": "open",
                        "arrivals": _poisson(rate),
                        "sizes": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
                    }
                ],
            }
        )
        run = simulate(scenario, seed=1, record_requests=False).runs[0]
        found = float(run.summary["partitions"][0]["busy"])
        if abs(found - busy) < _NEAR:
            break
        # The busy share grows less than in proportion, as sequences join each other.
        rate *= _odds(busy) / _odds(found) if 0 < found < 1 else 0.5 if found else 4.0
    return max(rate, 1e-3)


def _odds(share: float) -> float:
    return max(share, 1e-3) / (1 - min(share, 0.999))
