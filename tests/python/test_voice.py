"""Voice calls, turn by turn."""

import json
from pathlib import Path

import gpushare as gs
import numpy as np
import pytest
from gpushare import traffic


def test_the_next_turn_begins_after_playback_and_silence() -> None:
    calls = traffic.voice_calls(traffic.poisson(0.1), 3600)
    first = calls["call"] == 0
    start, speech, heard, silence = (calls[n][first] for n in ("start_s", "speech_s", "heard_s", "silence_s"))
    np.testing.assert_allclose(start[1:], (start + speech + 0.8 + heard)[:-1] + silence[1:])
    assert np.all(np.diff(calls["start_s"]) >= 0)


def test_calls_have_the_statistics_that_are_asked_for() -> None:
    calls = traffic.voice_calls(traffic.poisson(0.5), 3600, barge_in=0.1)
    turns = np.bincount(calls["call"])
    assert (turns.min(), turns.max()) == (10, 15)
    assert calls["speech_s"].mean() == pytest.approx(3.0, rel=0.03)
    assert np.mean(calls["heard_s"] < calls["audio_s"]) == pytest.approx(0.1, abs=0.01)
    assert (calls["reply_tokens"].min(), calls["reply_tokens"].max()) == (60, 120)


def test_prompts_carry_what_was_said_and_heard() -> None:
    calls = traffic.voice_calls(traffic.constant(1), 2, barge_in=1.0, seed=3)
    first = calls["call"] == 0
    user, reply, prompt = (calls[n][first] for n in ("user_tokens", "reply_tokens", "prompt_tokens"))
    heard = np.floor(reply * calls["heard_s"][first] / calls["audio_s"][first])
    np.testing.assert_array_equal(
        prompt, 300 + np.cumsum(user) + np.concatenate([[0], np.cumsum(heard)[:-1]])
    )


def test_a_calls_luck_does_not_depend_on_how_many_there_are() -> None:
    few = traffic.voice_calls(traffic.constant(0.1), 31, seed=4)
    many = traffic.voice_calls(traffic.constant(0.1), 101, seed=4)
    mine = many["call"] < 3
    np.testing.assert_array_equal(many["speech_s"][mine], few["speech_s"])


def test_calls_survive_being_saved_and_become_the_language_models_requests(tmp_path: Path) -> None:
    calls = traffic.voice_calls(traffic.poisson(0.2), 300)
    path = tmp_path / "calls.jsonl"
    traffic.save_calls(calls, path)
    back = traffic.read_calls(path)
    for name in calls.columns:
        np.testing.assert_array_equal(back[name], calls[name])
    trace = traffic.speech_trace(back)
    assert len(trace) == len(calls)
    assert int((trace.extra["parent"] < 0).sum()) == len(np.unique(calls["call"]))
    assert gs.traces.inspect(trace)["sessions"] == len(np.unique(calls["call"]))
    followed = np.flatnonzero(trace.extra["parent"] >= 0)
    assert np.all(trace.input_tokens[followed] > trace.input_tokens[trace.extra["parent"][followed]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"turn": 1}, r"calls\.jsonl:1#/turn: expected 0 of call 0, found 1"),
        ({"speech_s": -1}, r"calls\.jsonl:1#/speech_s: .*found -1"),
        ({"reply_tokens": 1.5}, r"calls\.jsonl:1#/reply_tokens: .*found 1\.5"),
        (
            {"reply_tokens": None},
            r"/reply_tokens: expected a whole number between 1 and 10000000, found null",
        ),
        ({"speach_s": 1}, r'speach_s.*did you mean "speech_s"'),
    ],
)
def test_a_broken_turn_is_refused_with_its_line(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "calls.jsonl"
    traffic.save_calls(traffic.voice_calls(traffic.constant(1), 1.5), path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(lines[0]) | change), *lines[1:]]))
    with pytest.raises(gs.TraceError, match=message):
        traffic.read_calls(path)
    path.write_text("[1]\n")
    with pytest.raises(gs.TraceError, match=r"calls\.jsonl:1: expected a JSON object"):
        traffic.read_calls(path)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="barge_in: found 2"):
        traffic.voice_calls(traffic.constant(1), 10, barge_in=2)
    with pytest.raises(ValueError, match="turns: found 5 to 3"):
        traffic.voice_calls(traffic.constant(1), 10, turns=(5, 3))
    with pytest.raises(gs.TraceError, match=r"calls: none arrives in 0\.5 s"):
        traffic.voice_calls(traffic.constant(1), 0.5)
