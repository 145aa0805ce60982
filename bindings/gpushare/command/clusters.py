"""The subcommand ``gpushare cluster``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import files
from ..charts.look import finished
from ..frames.render import wrap
from ..frames.sections import joined
from .deciding import add_objectives, exit_code
from .pairs import pairs
from .pictures import add_plot, check_plot
from .progress import Progress
from .written import TABLES, can_write

if TYPE_CHECKING:
    from ..scenario.origin import Origin

__all__ = ["add_cluster"]

#: A larger one was meant to be per cent.
_LARGEST_SHARE = 10


class _Policies:
    """Their names and meanings, asked for when a help is printed."""

    def __str__(self) -> str:
        from .. import _core

        return "; ".join(f"{name}: {meaning}" for name, meaning in _core.packing_policies())


def add_cluster(subparsers: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = add(
        subparsers,
        "cluster",
        "pack pods on the nodes of a cluster, and say how much of its GPUs they fill",
        cluster,
        "gpushare cluster nodes.csv pods.csv --policy fgd,gpushare",
        "gpushare cluster nodes.csv pods.csv --policy fgd --seeds 10 --arrive 1.3 --json",
        "gpushare cluster nodes.csv pods.csv --sharing mig --mig G2=a100 --policy mig-aware",
        "gpushare cluster nodes.csv pods.csv --timed --quota team-a=40 --out series.csv",
        "gpushare cluster nodes.csv pods.csv --policy gpushare --workload scenario.json --at 09:00 --window 1h",
    )
    parser.add_argument("nodes", metavar="NODES.csv", help="sn,cpu_milli,memory_mib,gpu,model,...")
    parser.add_argument(
        "pods", metavar="PODS.csv", help="name,cpu_milli,memory_mib,num_gpu,gpu_milli,... of OpenB's form"
    )
    policy = parser.add_argument(
        "--policy", metavar="NAME,...", default="fgd", help="by default fgd. %(policies)s"
    )
    vars(policy)["policies"] = _Policies()
    _add_arrivals(parser)
    _add_timed(parser)
    _add_window(parser)
    parser.add_argument(
        "--sharing",
        choices=("time-slicing", "mps", "mig"),
        default="time-slicing",
        help="how shares are held: as asked, or by the smallest MIG instance with as much; by default as asked",
    )
    parser.add_argument(
        "--mig",
        metavar="MODEL=PROFILE,...",
        default="",
        help="which GPU a model of the nodes is, under --sharing mig",
    )
    parser.add_argument(
        "--order-seed",
        type=int,
        default=1,
        metavar="N",
        help="of the order of nodes, in which ties are broken",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="runs at a time; by default one a core")
    parser.add_argument("-o", "--out", metavar=TABLES, help="write the curves, or with --timed the series")
    add_plot(parser, "the GPUs allocated")


def _add_arrivals(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pods that arrive one after another and never leave")
    group.add_argument("--seeds", type=int, metavar="N", help="shuffles; by default 10")
    group.add_argument(
        "--arrive", metavar="SHARE", help="of the GPUs asked for, such as 1.3 or 130%%; by default 1.3"
    )
    group.add_argument(
        "--at",
        metavar="SHARE,...",
        help="where to look too, such as 0.5,0.9 or 50%%,90%%; with --workload the time at which the window begins, "
        "such as 09:00",
    )


def _add_timed(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pods that come, wait, run and leave")
    group.add_argument("--timed", action="store_true", help="at the times of the file")
    group.add_argument(
        "--no-backfill", action="store_true", help="nobody passes a pod that fits nowhere at the moment"
    )
    group.add_argument(
        "--quota", metavar="GROUP=GPUS,...", default="", help="GPUs that a group's pods hold at most"
    )
    group.add_argument(
        "--sample", type=float, metavar="SECONDS", help="between rows of --out; by default at most an hour"
    )


def _add_window(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "services in a window",
        'pods whose "service" is one of a scenario\'s, simulated where the packing put them',
    )
    group.add_argument(
        "--workload",
        metavar="SCENARIO",
        help="name or file of a scenario: services, traffic, objectives; pods wait and leave then, as with --timed",
    )
    group.add_argument(
        "--window", metavar="LENGTH", help="how long the window is, such as 1h or 90min; by default 1h"
    )
    group.add_argument(
        "--gpu",
        metavar="MODEL=PROFILE,...",
        default="",
        help="which GPU a model of the nodes is, where its name does not say",
    )
    group.add_argument(
        "--ready", type=float, metavar="SECONDS", help="from a pod's start until it serves; by default 60"
    )
    group.add_argument(
        "--others",
        choices=("idle", "busy"),
        help="what pods without a service do on GPUs that they share with services; by default idle, which is nothing",
    )
    group.add_argument(
        "--replications",
        type=int,
        metavar="N",
        help="runs of the window at least; by default 1, with objectives 4",
    )
    group.add_argument(
        "--seed", type=int, metavar="N", help="of the window's runs; by default the scenario's"
    )
    add_objectives(group)


def cluster(options: argparse.Namespace) -> int:
    """``gpushare cluster``."""
    from ..clusters.data import Cluster
    from ..frames.table_files import write_table

    _check_options(options)
    options.timed = options.timed or options.workload is not None
    can_write(options.out)
    check_plot(options)
    found = Cluster(options.nodes, options.pods)
    with Progress(f"{len(found.pods):,} pods on {len(found.nodes):,} nodes") as progress:
        result = (_timed if options.timed else _arrivals)(options, found, progress)
    windows = _windows(options, result) if options.workload is not None else []
    if options.out is not None:
        write_table(result.series if options.timed else result.curves, options.out)
    if options.plot is not None:
        finished(result.plot(), options.plot)
    if options.json:
        told = {"windows": [one.to_dict() for one in windows]} if windows else {}
        print(files.plain_json(result.to_dict() | told | {"origin": _origin(options).to_dict()}))
    else:
        about = wrap(_origin(options).line, indent="  ")
        print(joined([str(result), *(one.text() for one in windows), about]))
    met = [one.meets for one in windows if one.asked]
    return exit_code(False if False in met else None if None in met else True)


def _origin(options: argparse.Namespace) -> Origin:
    """Of the files, and of what is simulated in the windows; without windows the seed is that of the nodes' order."""
    from ..scenario.origin import origin_of, origin_of_files
    from ..scenario.scenario import Scenario

    read = [options.nodes, options.pods]
    if options.workload is None:
        return origin_of_files(read, options.order_seed)
    return origin_of(Scenario.load(options.workload), options.seed).beside(read)


def _windows(options: argparse.Namespace, runs: Any) -> list[Any]:
    from ..windows.window import READY_S, cluster_window

    found = []
    for policy in runs.policies:
        with Progress(f"{options.workload} at {options.at} by {policy}") as progress:
            found.append(
                cluster_window(
                    runs,
                    options.workload,
                    at=options.at,
                    window=options.window or "1h",
                    policy=policy,
                    gpus=pairs("--gpu", options.gpu, "MODEL=PROFILE such as G2=a100"),
                    slo=options.slo,
                    ready_s=READY_S if options.ready is None else options.ready,
                    others=options.others or "idle",
                    seed=options.seed,
                    replications=1 if options.replications is None else options.replications,
                    threads=options.threads,
                    progress=progress.fraction,
                )
            )
    return found


def _check_options(options: argparse.Namespace) -> None:
    timed_only = {
        "--no-backfill": options.no_backfill,
        "--quota": options.quota,
        "--sample": options.sample is not None,
    }
    for name, given in timed_only.items():
        if given and not options.timed and options.workload is None:
            raise ValueError(f"{name}: is of pods that wait and leave; give --timed too")
    if options.workload is not None and options.at is None:
        raise ValueError("--workload: when does the window begin? Give --at too, such as --at 09:00")
    if options.workload is None:
        for name in ("window", "gpu", "ready", "others", "replications", "seed", "slo"):
            if getattr(options, name) not in (None, [], ""):
                raise ValueError(f"--{name}: is of a window; give --workload and --at too")
        if options.timed and options.at:
            raise ValueError(
                "--at: shares are of pods that never leave, and times of a window; give --workload too"
            )
    if options.timed or options.workload is not None:
        for name in ("seeds", "arrive"):
            if getattr(options, name) is not None:
                raise ValueError(
                    f"--{name}: is of pods that arrive shuffled and never leave; leave it or --timed (--workload) out"
                )
    if options.threads is not None and options.threads < 1:
        raise ValueError(f"--threads: found {options.threads}; expected at least 1")


def _arrivals(options: argparse.Namespace, found: Any, progress: Progress) -> Any:
    from ..clusters.packing import cluster as pack

    given: dict[str, Any] = {}
    if options.seeds is not None:
        given["seeds"] = options.seeds
    if options.arrive is not None:
        given["arrive"] = _share("--arrive", options.arrive)
    return pack(
        found,
        policy=options.policy,
        at=[_share("--at", word) for word in options.at.split(",")] if options.at else None,
        sharing=options.sharing,
        mig=pairs("--mig", options.mig, "MODEL=PROFILE such as G2=a100"),
        order_seed=options.order_seed,
        threads=options.threads,
        progress=progress.count,
        **given,
    )


def _timed(options: argparse.Namespace, found: Any, progress: Progress) -> Any:
    from ..clusters.timed import cluster_over_time

    quotas = pairs("--quota", options.quota, "GROUP=GPUS such as team-a=40")
    return cluster_over_time(
        found,
        policy=options.policy,
        backfill=not options.no_backfill,
        quotas={group: _gpus(group, text) for group, text in quotas.items()},
        sample_s=options.sample,
        sharing=options.sharing,
        mig=pairs("--mig", options.mig, "MODEL=PROFILE such as G2=a100"),
        order_seed=options.order_seed,
        threads=options.threads,
        progress=progress.count,
    )


def _share(option: str, word: str) -> float:
    try:
        share = float(word.strip().rstrip("%"))
    except ValueError:
        raise ValueError(f"{option}: found {word!r}; write shares such as 0.5 or 50%") from None
    if word.strip().endswith("%"):
        return share / 100
    if share > _LARGEST_SHARE:
        raise ValueError(f"{option}: found {word!r}, a share of the GPUs; {share:g} per cent are {share:g}%")
    return share


def _gpus(group: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--quota: found {text!r} for {group}; write a number of GPUs") from None
