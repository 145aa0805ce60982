"""Speech services calibrated on two rows of a table of latencies by streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...scenario.profiles import profile
from ...scenario.scenario import Scenario
from ...study.simulation import simulate
from ..documents import figure, model_document

__all__ = ["SpeechServer", "calibrate", "stream_limit"]

#: A client opens its streams one after the other (assumed).
OPENING_S = 5e-5
#: How long the recogniser's batcher waits for chunks that belong together (assumed; it must span
#: `OPENING_S` of a batch).
QUEUE_DELAY_S = 3.2e-3
#: Chunks of a recognition step at most: the batch that NVIDIA's recognisers prefer.
RECOGNITION_BATCH = 64
#: Utterances of the recognition client: whole chunks, and long, so that the streams stay together.
SPEECH_S = 19.2
#: Sentences of the synthesis client, LJSpeech: 6.57 s on average (of 13,100 clips).
SENTENCE = {"kind": "lognormal", "mean": 657, "sigma": 0.4, "min": 150, "max": 1010}
#: Of a token that stands for 10 ms of speech in these runs.
TOKEN_S = 0.01
ROUNDS = 8
#: A real-time factor below this share of the card's own means that the host is what limits it.
LAUNCH_BOUND = 0.85


@dataclass
class SpeechServer:
    """A speech service on a whole GPU, and what its calibration changes.

    Attributes
    ----------
    model : dict
        Model document.
    engine : dict
        Engine of the service.
    gpu : str
        Profile name.
    """

    model: dict[str, Any]
    engine: dict[str, Any]
    gpu: str

    @property
    def recognises(self) -> bool:
        """Whether it is streaming recognition; synthesis otherwise."""
        return bool(self.model["kind"] == "streaming-asr")

    def run(self, streams: int) -> dict[str, float]:
        """Averages with so many streams: seconds by metric, and ``rtfx``."""
        seconds = SPEECH_S if self.recognises else max(30.0, 240.0 / streams)
        document = self._document(streams, seconds)
        summary = simulate(Scenario.from_dict(document), record_requests=False, threads=1).summary()
        if self.recognises:
            return {
                "chunk_latency": summary["service.chunk_latency_mean_s"],
                "chunk_latency_p99": summary["service.chunk_latency_p99_s"],
            }
        return {
            "first_audio": summary["service.first_chunk_mean_s"],
            "inter_chunk": summary["service.inter_chunk_mean_s"],
            "rtfx": summary["output_token_throughput"] * TOKEN_S,
        }

    def _document(self, streams: int, seconds: float) -> dict[str, Any]:
        stage: dict[str, Any] = {"name": "speech", "service": "service"}
        sizes: dict[str, Any] = {"speech_s": SPEECH_S}
        if not self.recognises:
            stage["audio_s_per_token"] = TOKEN_S
            sizes = {"output_tokens": SENTENCE}
        return {
            "name": "speech-table",
            "gpu": self.gpu,
            "warmup_s": 0 if self.recognises else 0.2 * seconds,
            "duration_s": seconds,
            "services": {"service": {"model": self.model, "engine": self.engine}},
            "pipelines": {"speech": {"stages": [stage]}},
            "traffic": [
                {
                    "name": "streams",
                    "pipeline": "speech",
                    "kind": "closed",
                    "users": streams,
                    "ramp_up_s": OPENING_S * streams,
                    "hold_s": seconds,
                    "sizes": sizes,
                }
            ],
        }

    def value(self, name: str) -> float:
        """A figure of the model; 0 where it has none."""
        return float(self.model[name]["value"]) if name in self.model else 0.0

    def shift(self, name: str, amount: float, least: float = 0.0) -> None:
        """Adds to a figure of the model, not below `least`."""
        self.model[name] = figure(
            max(least, self.value(name) + amount), "calibrated on a table of latencies by streams"
        )


def server(model: str, gpu: str, chunk_s: float | None) -> SpeechServer:
    """The service as its model file has it."""
    document = model_document(model)
    engine: dict[str, Any]
    if document["kind"] == "autoregressive-tts":
        # What a stream adds to a frame is fitted, its codec included: the codec runs beside the launches of
        # a frame.
        for part in ("vocoder_floor_s", "vocoder_bytes_per_frame"):
            document[part] = figure(0.0, "counted with the frame")
    if document["kind"] == "streaming-asr":
        engine = {
            "kind": "stream-batching",
            "max_batch": RECOGNITION_BATCH,
            "chunk_s": chunk_s,
            "max_queue_delay_s": QUEUE_DELAY_S,
            "overlap_decoding": True,
        }
    else:
        engine = {
            "kind": "autoregressive-slots",
            "slots": document["batch_profiles"][-1]["batch"],
            "first_chunk_frames": 8.0,
            "chunk_frames": 2.5,
            "chunk_growth": 0.0,
            "request_overhead_s": 0.024,
        }
    return SpeechServer(document, engine, gpu)


def calibrate(
    model: str, gpu: str, rows: Mapping[int, Mapping[str, float]], chunk_s: float | None = None
) -> SpeechServer:
    """Fits a speech service to its rows with the fewest and the most streams.

    Recognition: the time of a step without streams, and what a stream adds. Synthesis: the time of a frame
    with one
    stream and what each further one adds (from the real-time factor), frames of a chunk and their growth
    with streams (from the time between chunks), and frames and host time before the first audio.

    Parameters
    ----------
    model, gpu : str
        Names of a model and a profile.
    rows : mapping of int to mapping of str to float
        By streams: ``chunk_latency``, or ``first_audio``, ``inter_chunk`` (seconds) and ``rtfx``. Rows
        between the
        first and the last are not looked at.
    chunk_s : float, optional
        Audio of a chunk of recognition.

    Returns
    -------
    SpeechServer
    """
    fitted = server(model, gpu, chunk_s)
    few, many = min(rows), max(rows)
    if not fitted.recognises:
        _tell_launches(fitted, few, rows[few]["rtfx"])
    for _ in range(ROUNDS):
        if fitted.recognises:
            _fit_recognition(fitted, few, many, rows)
        else:
            _fit_synthesis(fitted, few, many, rows)
    return fitted


def _clock(gpu: str) -> float:
    """Latency-bound seconds as models state them, those of an A100, in one second on this card."""
    return float(profile(gpu).clock_hz / profile("a100").clock_hz)


def _fit_recognition(
    fitted: SpeechServer, few: int, many: int, rows: Mapping[int, Mapping[str, float]]
) -> None:
    late = rows[few]["chunk_latency"] - fitted.run(few)["chunk_latency"]
    fitted.shift("floor_s", late * _clock(fitted.gpu))
    late = rows[many]["chunk_latency"] - fitted.run(many)["chunk_latency"]
    # Chunks of one moment are served batch after batch: on average each waits for half of the others, and
    # for its own.
    batches = -(-many // RECOGNITION_BATCH)
    waited = min(many, RECOGNITION_BATCH) * (batches + 1) / 2
    audio_s = fitted.engine["chunk_s"] + fitted.value("padding_s")
    flop_s = audio_s * fitted.value("flop_per_audio_s") / profile(fitted.gpu).flop_per_s["fp16"]
    stream_s = flop_s / fitted.value("flop_efficiency")
    efficiency = min(1.0, flop_s / max(0.2 * stream_s, stream_s + late / waited))
    fitted.model["flop_efficiency"] = figure(efficiency, "calibrated on a table of latencies by streams")


def _fit_synthesis(
    fitted: SpeechServer, few: int, many: int, rows: Mapping[int, Mapping[str, float]]
) -> None:
    one, all_ = fitted.run(few), fitted.run(many)
    _fit_frames(fitted, few, rows[few]["rtfx"], one["rtfx"])
    late = many / fitted.value("frames_per_s") * (1 / rows[many]["rtfx"] - 1 / all_["rtfx"])
    bandwidth = profile(fitted.gpu).bandwidth_bytes_per_s * fitted.value("bandwidth_efficiency")
    fitted.shift("frame_bytes", late / many * bandwidth)
    _fit_chunks(
        fitted.engine,
        many,
        one["inter_chunk"] / rows[few]["inter_chunk"],
        all_["inter_chunk"] / rows[many]["inter_chunk"],
    )
    _fit_first_audio(
        fitted.engine,
        one["first_audio"],
        all_["first_audio"],
        rows[few]["first_audio"],
        rows[many]["first_audio"],
    )


def _tell_launches(fitted: SpeechServer, streams: int, measured: float) -> None:
    """A frame much slower than this card explains is bound by the host's launches, beside the GPU."""
    if measured < LAUNCH_BOUND * fitted.run(streams)["rtfx"]:
        frame_s = streams / fitted.value("frames_per_s") / measured
        fitted.shift("frame_launch_s", frame_s - fitted.value("host_per_step_s"))


def _fit_frames(fitted: SpeechServer, streams: int, measured: float, found: float) -> None:
    late = streams / fitted.value("frames_per_s") * (1 / measured - 1 / found)
    if fitted.value("frame_launch_s") > 0:
        fitted.shift("frame_launch_s", late)
    else:
        fitted.shift("frame_floor_s", late * _clock(fitted.gpu))


def _fit_chunks(engine: dict[str, Any], streams: int, few: float, many: float) -> None:
    """Frames of a chunk, and their growth; `few` and `many` are times between chunks, found over measured."""
    longest = engine["chunk_frames"] * (1 + engine["chunk_growth"] * (streams - 1)) / many
    engine["chunk_frames"] = max(1.0, engine["chunk_frames"] / few)
    engine["chunk_growth"] = max(0.0, (longest / engine["chunk_frames"] - 1) / (streams - 1))


def _fit_first_audio(engine: dict[str, Any], one: float, all_: float, few: float, many: float) -> None:
    """Host time that is always there, and frames that take longer with more streams.

    Frames are whole, so that the first audio moves in jumps: every round goes half of the way.
    """
    frames, overhead = engine["first_chunk_frames"], engine["request_overhead_s"]
    wanted = frames * min(2.0, max(0.5, (many - few) / (all_ - one)))
    engine["first_chunk_frames"] = max(1.0, 0.5 * (frames + wanted))
    engine["request_overhead_s"] = max(0.0, overhead + 0.5 * (few - one))


def stream_limit(fitted: SpeechServer, highest: int = 8192) -> int:
    """Most streams of recognition whose chunks, 99 of 100 at least, are done before the next ones arrive."""
    low, high = 1, 2
    while high < highest and fitted.run(high)["chunk_latency_p99"] <= fitted.engine["chunk_s"]:
        low, high = high, 2 * high
    while high - low > max(1, low // 200):
        middle = (low + high) // 2
        if fitted.run(middle)["chunk_latency_p99"] <= fitted.engine["chunk_s"]:
            low = middle
        else:
            high = middle
    return low
