"""Scenario documents: load, change, put into another mode or on another placement."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import _core
from .._core import ScenarioError
from .._errors import fail
from ..yaml_documents import document_text, in_yaml_lines
from .all_errors import all_errors, document_reader, together
from .builders import Load, document_of
from .changes import Changes, to_json
from .files_read import FilesRead
from .inputs import Inputs
from .other_documents import check_text, path_of, scenario_of_plan, what_it_is
from .placement import Placement
from .read_scenario import ReadScenario
from .recipe import Recipe

__all__ = ["Scenario", "scenario_names"]

ModeLike = str | _core.Layout


def mode_text(mode: Any) -> str:
    """The mode's name; a layout means MIG cut that way."""
    if isinstance(mode, _core.Layout):
        return f"mig:{mode}"
    if not isinstance(mode, str) or not mode.strip():
        raise fail(
            ScenarioError,
            "mode",
            f"found {mode!r:.60}; a mode is a text such as dedicated, mps, time-slicing or mig:...",
        )
    return mode


def scenario_names() -> list[str]:
    """Names of the scenarios that come with the package, ascending.

    Examples
    --------
    >>> import gpushare as gs
    >>> gs.scenario_names()[-1]
    'voice-light'
    """
    return _core.scenario_names()


class Scenario(ReadScenario):
    """GPUs, services, pipelines, traffic, horizon and seed: one document, read and checked.

    Immutable; `with_mode`, `with_placement` and `replace` give changed copies. It travels between processes as its
    document, with what was handed over beside it; the files that it names must be there, and hold the same.
    """

    __slots__ = ("_files", "_recipe")

    def __init__(
        self,
        document: str,
        mode: str = "",
        source: str = "",
        folder: str = "",
        inputs: Inputs | None = None,
    ) -> None:
        """Reads JSON text; prefer `load` and `from_dict`.

        Parameters
        ----------
        document : str
            JSON text.
        mode : str
            A mode as in `load`; empty keeps the document's own placement.
        source, folder : str
            File name for messages, and where relative paths in the document start.
        inputs : Inputs, optional
            Traces and calls that the document names.

        Raises
        ------
        ScenarioError, ModelError, ProfileError, LayoutError, TraceError
            With the JSON pointer, what was found and what is legal.
        """
        check_text(document)
        self._recipe = Recipe(document, mode, source, folder, inputs if inputs is not None else Inputs())
        parsed = _core.ScenarioDocument.parse(document, mode, source, folder)
        self._files = FilesRead().with_document(parsed)
        self._handle = self._recipe.inputs.read(parsed)

    @classmethod
    def _made(cls, recipe: Recipe, handle: _core.Scenario, files: FilesRead) -> Scenario:
        scenario = cls.__new__(cls)
        scenario._recipe = recipe
        scenario._handle = handle
        scenario._files = files
        return scenario

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str], mode: ModeLike | None = None) -> Scenario:
        """Reads a scenario by file path, or by name such as ``"voice-heavy"``.

        Parameters
        ----------
        path_or_name : str or path
            File in JSON or YAML, or one of `scenario_names`; of a plan that was saved its scenario, as it was placed.
        mode : str or Layout, optional
            A mode of the document, or ``"dedicated"``, ``"time-slicing[:REPLICAS|:WEIGHT/WEIGHT...]"``,
            ``"mps[:xREPLICAS|:PERCENT%|:PERCENT/PERCENT...]"``,
            ``"mig:LAYOUT[/time-slicing[:PROCESSES]|/mps[:xPROCESSES|:PERCENT%]]"``; by default the document's own
            placement.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError, ModelError, ProfileError, LayoutError, TraceError
            With file and JSON pointer, what was found and what is legal.

        Examples
        --------
        >>> import gpushare as gs
        >>> gs.Scenario.load("voice-heavy", mode="mig:3g.40gb+3g.40gb").mode
        'mig:3g.40gb+3g.40gb'
        """
        name = path_of(path_or_name)
        written_mode = mode_text(mode) if mode is not None else ""
        try:
            document = _core.ScenarioDocument.load(name)
            recipe = Recipe(document.text, written_mode, name)
            chosen = document.in_mode(recipe.mode) if mode is not None else document
            files = FilesRead().with_document(chosen)
            return cls._made(recipe, recipe.inputs.read(chosen), files)
        except _core.Error as error:
            text = document_text(name) or ""
            if planned := scenario_of_plan(text, name):
                return cls.from_dict(planned, mode, folder=os.path.dirname(name))
            if other := what_it_is(text, name):
                raise fail(ScenarioError, name, other) from None
            read = document_reader(written_mode, name, os.path.dirname(name))
            errors = all_errors(error, text, name, read)
            raise together([in_yaml_lines(one, ScenarioError) for one in errors]) from None

    @classmethod
    def from_dict(
        cls,
        document: Mapping[str, Any],
        mode: ModeLike | None = None,
        folder: str | os.PathLike[str] = "",
        *,
        traces: Mapping[str, Any] | None = None,
        calls: Mapping[str, Any] | None = None,
    ) -> Scenario:
        """Reads a scenario from a dictionary of the same shape as the JSON document.

        Parameters
        ----------
        document : mapping
            Names, numbers, lists and mappings.
        mode : str or Layout, optional
            As in `load`.
        folder : str or path
            Where relative paths in the document start.
        traces : mapping of str to Trace, mapping of columns or data frame, optional
            What traffic replays that names neither a file nor a recipe: ``traces={"chat": trace}`` for
            ``{"kind": "trace", "name": "chat"}``. A `Trace` is not copied; columns are read by `traces.from_columns`.
        calls : mapping of str to Table, optional
            Likewise for traffic of kind ``"calls"``: turns as `traffic.voice_calls` makes them.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError, ModelError, ProfileError, LayoutError, TraceError
            With the JSON pointer, what was found and what is legal.

        Examples
        --------
        >>> import gpushare as gs
        >>> scenario = gs.Scenario.from_dict(
        ...     {"name": "mine", "services": {"llm": {"model": "llama-3.1-8b"}},
        ...      "pipelines": {"chat": {"stages": [{"name": "llm", "service": "llm"}]}},
        ...      "traffic": [{"kind": "trace", "name": "chat"}]},
        ...     traces={"chat": {"arrival_s": [0, 1], "input_tokens": [900, 80], "output_tokens": [20, 30]}})
        >>> gs.simulate(scenario).summary()["completed"]
        2
        """
        inputs = Inputs(traces, calls)
        inputs.check_used(document)
        text, written_mode = to_json(document), mode_text(mode) if mode is not None else ""
        try:
            return cls(text, written_mode, "", os.fspath(folder), inputs)
        except _core.Error as error:
            raise together(
                all_errors(error, text, "", document_reader(written_mode, "", os.fspath(folder), inputs))
            ) from None

    @classmethod
    def of(
        cls, *loads: Load, gpu: str | os.PathLike[str] = "a100", mode: ModeLike | None = None, **document: Any
    ) -> Scenario:
        """A scenario of services with their load.

        Parameters
        ----------
        loads : Load
            From `llm`, `asr`, `tts`, `embedding` and `voice`.
        gpu : str or path
            The kind of all GPUs.
        mode : str or Layout, optional
            As in `load`; by default a GPU for each replica. Services that are no language models share where modes do.
        document
            Other parts of the document: ``name``, ``duration_s`` (600), ``price_per_gpu_hour``, ...

        Examples
        --------
        >>> import gpushare as gs
        >>> gs.Scenario.of(gs.llm("llama-3.1-8b", rate=3), gs.tts(rate=1), gpu="h100", duration_s=120).services
        ['llm', 'tts']
        """
        made, traces = document_of(loads, gpu, document)
        return cls.from_dict(made, mode, traces=traces)

    def with_mode(self, mode: ModeLike) -> Scenario:
        """The same scenario in another mode, as in `load`; ScenarioError or LayoutError for one that does not suit."""
        recipe = replace(self._recipe, mode=mode_text(mode), placement=None, label="", faults="")
        document = self._handle.original.in_mode(recipe.mode)
        files = self._files.with_document(document)
        return self._made(recipe, recipe.inputs.read(document, like=self._handle), files)

    def with_placement(self, placement: Placement, label: str = "custom") -> Scenario:
        """The same scenario on another placement.

        Parameters
        ----------
        placement : Placement
            From `place`, `Placement.from_dict` or another scenario that has services of these names.
        label : str
            What tables call it, in place of a mode.

        Raises
        ------
        ScenarioError
            When the placement cannot be this scenario's: see `fits`, which also tells whether memory suffices.
        """
        handle = _core.with_placement(self._handle, placement._handle, label)
        return self._made(replace(self._recipe, placement=placement, label=label), handle, self._files)

    def with_faults(self, faults: Sequence[Mapping[str, Any]]) -> Scenario:
        """The same scenario on its placement with other faults; in another mode it has the document's again.

        Parameters
        ----------
        faults : sequence of mapping
            The member ``"faults"`` of a document: see docs/failures.md.

        Raises
        ------
        ScenarioError
            With the JSON pointer: for what the placement does not have, or a fault that contradicts itself.

        Examples
        --------
        >>> import gpushare as gs
        >>> scenario = gs.Scenario.load("voice-light", "mps").with_faults([{"gpu": 1, "at_s": 60, "repair_s": 30}])
        >>> gs.simulate(scenario, record_requests=False).summary()["faults"]
        1
        """
        text = to_json(list(faults))
        handle = self._handle.with_faults(text)
        return self._made(replace(self._recipe, faults=text), handle, self._files)

    def with_objectives(self, objectives: Mapping[str, Any]) -> Scenario:
        """The same scenario with other objectives, in its own placement and in every mode of its document.

        Parameters
        ----------
        objectives : mapping
            The member ``"objectives"`` of a document: bounds by figure, each a number or a text such as ``"500ms"``
            (of the worse side), or ``{"at_most": ..., "at_least": ...}``; ``"isolation"``, a list of
            ``{"between": [service, ...], "level": "hardware" or "process"}``; ``"memory_headroom"``, the share of every
            partition's memory that stays free; ``"tolerate"``, ``"node"``, ``"gpu"`` or ``"instance"``, one of which
            may fail.

        Raises
        ------
        ScenarioError
            With the JSON pointer: for a figure that its runs do not have, with the nearest; or bounds that contradict.

        Examples
        --------
        >>> import gpushare as gs
        >>> scenario = gs.Scenario.load("voice-light").with_objectives({"llm.ttft_p95": "500ms", "goodput": "95%"})
        >>> scenario.objectives
        {'llm.ttft_p95_s': 0.5, 'goodput': 0.95}
        """
        handle = self._handle.with_objectives(to_json(objectives))
        return self._made(replace(self._recipe, document=handle.original.given), handle, self._files)

    def replace(self, *texts: str, **changes: Any) -> Scenario:
        """A copy with parts of the document changed; the mode is applied to the changed document.

        Parameters
        ----------
        *texts : str
            As the command line has them: ``"services.llm.replicas=2"``, ``"users=20"``.
        **changes
            ``users`` and ``rate_per_s`` change the only traffic entry of that kind, ``mode`` and ``layout``
            the mode; any other name is a member of the document: ``duration_s=60``, or a path such as
            ``**{"/services/tts/engine/slots": 32}`` or ``**{"services.tts.engine.slots": 32}``.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            When a path does not exist, with the nearest, or the changed document is not valid.

        Examples
        --------
        >>> import gpushare as gs
        >>> more = gs.Scenario.load("voice-light").replace(users=9, **{"services.tts.engine.slots": 8})
        >>> more.document["traffic"][0]["users"]
        9
        """
        recipe, how = self._recipe, Changes(texts, changes)
        text = to_json(how.applied(json.loads(recipe.document)))
        mode = how.mode(recipe.mode)
        written_mode = mode_text(mode) if mode != "" else ""
        made = Scenario(text, written_mode, recipe.source, recipe.folder, recipe.inputs)
        made._recipe = replace(made._recipe, changed=(*recipe.changed, *how.told))
        if recipe.placement is not None and not how.places:
            made = made.with_placement(recipe.placement, recipe.label)
        return made.with_faults(json.loads(recipe.faults)) if recipe.faults and not how.fails else made

    @property
    def traces(self) -> dict[str, _core.Trace]:
        """Those that were handed over beside the document, by the name of their traffic."""
        return self._recipe.inputs.traces

    def check_memory(self) -> None:
        """Raises OutOfMemoryError with the sum when the processes of a partition do not fit it."""
        self._handle.check_memory()

    def digest(self) -> str:
        """What its figures depend on, in 64 digits: document, mode, placement, inputs, bytes of every file it names.

        Raises
        ------
        ScenarioError
            When one of the files changed since it was read.
        """
        text = json.dumps([*self._recipe.key(), self._files.digest(self._handle)])
        return hashlib.sha256(text.encode()).hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._recipe, self._files.digest(self._handle))

    def __copy__(self) -> Scenario:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Scenario:
        return self

    def __eq__(self, other: object) -> bool:
        return self._recipe.key() == other._recipe.key() if isinstance(other, Scenario) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._recipe.key())


def _restore(recipe: Recipe, files: str) -> Scenario:
    scenario = Scenario(recipe.document, recipe.mode, recipe.source, recipe.folder, recipe.inputs)
    if recipe.placement is not None:
        scenario = scenario.with_placement(recipe.placement, recipe.label)
    if recipe.faults:
        scenario = scenario.with_faults(json.loads(recipe.faults))
    if scenario._files.digest(scenario._handle) != files:
        raise fail(ScenarioError, scenario.name, "the files that it names differ from those it was read from")
    return scenario


#: What functions take that need a scenario: one, its name or path, or its document.
ScenarioLike = Scenario | str | os.PathLike[str] | Mapping[str, Any] | Load | Sequence[Load]
