"""Flags of vLLM and configurations of Triton that a plan's engines stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .._core import Error
from .._errors import fail
from ..scenario.engines import engine_preset
from .fleet import SHARE, Fleet, Replica, Service
from .parts import Export, ExportError, Naming, yaml_file
from .tables import Found, check

__all__ = ["export_triton", "export_vllm", "read_triton", "read_vllm", "vllm_arguments", "vllm_options"]

#: vLLM takes other limits from here on, but not on an A100 (vllm/engine/arg_utils.py, get_batch_defaults).
_LARGE_CARD_BYTES = 70 * 2**30
#: Of vllm serve, read from --config files; what else such a file holds is not about sharing.
_VLLM_TABLE = {
    "model": "text",
    "served-model-name": ("text", ["text"]),
    "max-num-seqs": "int",
    "max-num-batched-tokens": "int",
    "max-model-len": "int",
    "gpu-memory-utilization": "number",
    "tensor-parallel-size": "int",
    "block-size": "int",
    "enable-prefix-caching": "bool",
    "enable-chunked-prefill": "bool",
    "*": "any",
}


def _engine(service: Service) -> dict[str, Any]:
    """The options of its engine: those of its preset where the document does not say them."""
    own = dict(service.engine)
    preset = own.pop("preset", "")
    given = {"kind": "continuous-batching", **engine_preset(preset).engine} if preset else {}
    return given | {"preset": preset} | own


def _is_vllm(service: Service) -> bool:
    preset = str(service.engine.get("preset", "vllm"))
    return service.engine.get("kind") == "continuous-batching" and preset.startswith("vllm")


def vllm_options(fleet: Fleet, replica: Replica) -> dict[str, Any]:
    """What ``vllm serve --config`` takes for a replica; empty where its engine is not vLLM's."""
    service = fleet.services[replica.service]
    if not _is_vllm(service):
        return {}
    engine = _engine(service)
    card, part, _ = replica.ranks[0]
    large = part.memory_bytes >= _LARGE_CARD_BYTES and "A100" not in card.product
    found: dict[str, Any] = {
        "model": f"REPLACE-ME/{service.model}",
        "served-model-name": service.model.rpartition("/")[2].removesuffix(".json"),
        "tensor-parallel-size": service.tensor_parallel,
    }
    for key in ("max_num_seqs", "max_num_batched_tokens"):
        value = engine.get(key)
        if large and key not in service.engine:
            value = engine.get(f"large_card_{key}") or value
        if value:
            found[key.replace("_", "-")] = int(value)
    if engine.get("max_model_len"):
        found["max-model-len"] = int(engine["max_model_len"])
    share = (replica.ranks[0][2].memory_bytes or SHARE * part.memory_bytes) / part.memory_bytes
    found["gpu-memory-utilization"] = round(float(share), 3)
    if engine.get("block_size"):
        found["block-size"] = int(engine["block_size"])
    for key, name in (
        ("prefix_caching", "enable-prefix-caching"),
        ("chunked_prefill", "enable-chunked-prefill"),
    ):
        if key in engine:
            found[name] = bool(engine[key])
    return found


def vllm_arguments(fleet: Fleet, replica: Replica) -> list[str]:
    """The same as words of a command line."""
    return [
        f"--{name}={value}" if not isinstance(value, bool) else f"--{name}" if value else f"--no-{name}"
        for name, value in vllm_options(fleet, replica).items()
    ]


def export_vllm(fleet: Fleet, naming: Naming) -> Export:
    """A configuration file of vLLM for each service that it serves, and for each way in which it is placed.

    Raises
    ------
    ExportError
        Where no service has an engine of vLLM.
    """
    files: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for replica in fleet.replicas:
        options = vllm_options(fleet, replica)
        key = replica.service, repr(options)
        if options and key not in seen:
            first = f"vllm-{fleet.called[replica.service]}.yaml"
            name = first if first not in files else f"vllm-{fleet.name_of(replica)}.yaml"
            files[name] = yaml_file([options], "vllm serve --config THIS", fleet)
            seen.add(key)
    if not files:
        raise ExportError(
            "no service here has an engine of vLLM (continuous-batching, with a preset of vllm or none)", ""
        )
    notes = [
        f"{service.name} has {service.precision}: what vLLM calls it (--quantization, --dtype) depends on the "
        "checkpoint"
        for service in fleet.services.values()
        if _is_vllm(service) and service.precision != "fp16"
    ]
    return Export(
        files=files,
        steps=["put your model where it says REPLACE-ME", *(f"vllm serve --config {name}" for name in files)],
        notes=["what is left out is vLLM's default", *notes],
        undo=["stop the servers"],
    )


def read_vllm(found: Found) -> dict[str, Any]:
    """The options of a configuration file; Error with place and key where a value is of the wrong kind."""
    check(found, _VLLM_TABLE)
    return {key: value for key, value in found.value.items() if key in _VLLM_TABLE}


def export_triton(fleet: Fleet, naming: Naming) -> Export:
    """A ``config.pbtxt`` for each service with a dynamic batcher, or with instances that take one request at a time.

    Raises
    ------
    ExportError
        Where there is no such service.
    """
    files = {
        f"{fleet.called[service.name]}/config.pbtxt": _triton_text(service, fleet.called[service.name])
        for service in fleet.services.values()
        if service.engine["kind"] in ("dynamic-batching", "fifo") and service.kind != "synthetic"
    }
    if not files:
        kinds = ", ".join(
            sorted(
                {
                    "stand-ins" if one.kind == "synthetic" else one.engine["kind"]
                    for one in fleet.services.values()
                }
            )
        )
        raise ExportError(
            f"Triton's batcher stands for engines of dynamic-batching and fifo; here are {kinds}", ""
        )
    return Export(
        files=files,
        steps=[
            "copy each config.pbtxt beside its model in the model repository, and add its inputs and outputs"
        ],
        notes=["platform, backend, inputs and outputs are the model's own and are not known here"],
        undo=["put the former config.pbtxt back"],
    )


def _triton_text(service: Service, name: str) -> str:
    engine = service.engine
    batched = engine.get("kind") == "dynamic-batching"
    lines = [
        f'name: "{name}"',
        f"max_batch_size: {engine.get('max_batch', 4) if batched else 0}",
    ]
    if batched:
        inner = []
        if preferred := engine.get("preferred_batch"):
            sizes = preferred if isinstance(preferred, list) else [preferred]
            inner.append(f"  preferred_batch_size: [ {', '.join(map(str, sizes))} ]")
        if delay := engine.get("max_queue_delay_s"):
            inner.append(f"  max_queue_delay_microseconds: {round(1e6 * delay)}")
        lines += ["dynamic_batching {", *inner, "}"]
    lines += [
        "instance_group [",
        "  {",
        f"    count: {engine.get('concurrency', 1)}",
        "    kind: KIND_GPU",
        "  }",
        "]",
    ]
    return "\n".join(lines) + "\n"


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9.eE+-]*|[{}\[\]:,]|#[^\n]*|\s+|.')


def read_triton(text: str, source: str) -> dict[str, Any]:
    """A ``config.pbtxt`` as a dictionary; members that stand several times become lists.

    Raises
    ------
    Error
        With file and line.
    """
    tokens = _Tokens(text, source)
    value = tokens.message("")
    return value


class _Tokens:
    """Words of a text in the format of protocol buffers."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.tokens: Iterator[tuple[str, int]] = self._words(text)
        self.token, self.line = next(self.tokens, ("", 1))

    def _words(self, text: str) -> Iterator[tuple[str, int]]:
        line = 1
        for found in _TOKEN.finditer(text):
            word = found[0]
            if not word.isspace() and not word.startswith("#"):
                yield word, line
            line += word.count("\n")
        while True:
            yield "", line

    def _next(self) -> str:
        token = self.token
        self.token, self.line = next(self.tokens)
        return token

    def _fault(self, needed: str) -> Error:
        return fail(Error, f"{self.source}:{self.line}", f'found "{self.token}"; {needed} is needed')

    def message(self, end: str, depth: int = 0) -> dict[str, Any]:
        """Members up to the end of a message."""
        found: dict[str, Any] = {}
        while self.token != end:
            if not re.fullmatch(r"[A-Za-z_]\w*", self.token):
                raise self._fault("a name")
            key = self._next()
            if self.token == ":":
                self._next()
            elif self.token not in ("{", "["):
                raise self._fault('":" or "{"')
            value = self._value(depth + 1)
            found[key] = (
                [*([found[key]] if not isinstance(found[key], list) else found[key]), value]
                if key in found
                else value
            )
            if self.token == ",":
                self._next()
        self._next()
        return found

    def _value(self, depth: int) -> Any:
        if depth > 50:
            raise self._fault("an end of messages within each other")
        if self.token == "{":
            self._next()
            return self.message("}", depth)
        if self.token == "[":
            return self._list(depth)
        token = self._next()
        if token.startswith('"'):
            return token[1:-1]
        if re.fullmatch(r"-?[0-9]+", token):
            return int(token)
        if re.fullmatch(r"[A-Za-z_]\w*", token):
            return {"true": True, "false": False}.get(token, token)
        try:
            return float(token)
        except ValueError:
            raise self._fault("a value") from None

    def _list(self, depth: int) -> list[Any]:
        self._next()
        found = []
        while self.token != "]":
            found.append(self._value(depth + 1))
            if self.token == ",":
                self._next()
        self._next()
        return found
