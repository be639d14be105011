import os
import signal
import threading

import pytest
from anemoi.core.errors import ConfigError

from anemoi_plugin_training.leaving import Leaving, parse_time_limit


def send(name):
    os.kill(os.getpid(), getattr(signal, name))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU"])
def test_a_signal_is_remembered_and_handled_as_before_after_the_block(name):
    before = signal.getsignal(getattr(signal, name))
    with Leaving() as leaving:
        assert leaving.reason is None
        send(name)
        assert leaving.reason == name
    assert signal.getsignal(getattr(signal, name)) is before


def interrupt_twice(leaving):
    with leaving:
        send("SIGINT")
        assert leaving.reason == "SIGINT"
        send("SIGINT")


def test_a_second_ctrl_c_leaves_at_once(capfd):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupt_twice(Leaving())
    assert "Ctrl-C again" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


def test_a_process_that_reads_samples_leaves_signals_to_the_one_that_trains():
    with Leaving() as leaving:
        reader = os.fork()
        if reader == 0:
            send("SIGTERM")
            os._exit(0 if leaving.reason is None else 1)
        assert os.waitpid(reader, 0)[1] == 0


def test_the_time_limit_counts_from_the_beginning():
    now = [1000.0]
    with Leaving(60, began=1000.0, clock=lambda: now[0]) as leaving:
        now[0] = 1059.9
        assert leaving.reason is None
        now[0] = 1060.0
        assert leaving.reason == "training.time_limit"
        send("SIGTERM")
        assert leaving.reason == "SIGTERM"


def test_a_thread_hears_of_no_signal_and_keeps_its_time():
    heard = []

    def train():
        with Leaving(0.0) as leaving:
            heard.append(leaving.reason)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert heard == ["training.time_limit"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("11h45m", 42300), ("2d", 172800), ("90m", 5400), ("1h0m30s", 3630)]
)
def test_time_limits_are_read(text, seconds):
    assert parse_time_limit(text) == seconds


@pytest.mark.parametrize("text", ["12", "0h", "h", "11h 45m", "-1h", "1h45"])
def test_what_is_no_time_limit_is_refused(text):
    with pytest.raises(ConfigError, match="11h45m"):
        parse_time_limit(text)
