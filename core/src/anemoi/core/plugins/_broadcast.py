"""Broadcast events to the hooks of the plugins, and switch off a hook that fails or is slow."""

from __future__ import annotations

import copy
import logging
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pluggy

from ..interfaces import hooks
from ._exit_guard import ExitGuard

log = logging.getLogger("anemoi")

ALLOWANCE = 10.0
"""Seconds that a hook may take in all before its share of the run is looked at."""

SHARE = 0.1
"""The share of the time since the run began that a hook may take, on top of the allowance."""


class Broadcast:
    """Sends events to every hook, in order of distribution and name.

    A hook that raises is reported once, with its distribution, and is called no more; so is one
    that has taken more than ``allowance`` seconds and the ``share`` of the time since the start.
    (A hook runs in the thread of the run: one that never returns cannot be interrupted.)

    Each hook is given mappings and lists of its own, and arrays that it cannot write to, so that what it does
    to them reaches neither the other hooks nor whoever sent the event. A process that a hook forked and that
    comes back from the hook ends there: the run goes on once. A hook that calls ``os._exit`` has raised; see
    :class:`~anemoi.core.plugins._exit_guard.ExitGuard`.

    Parameters
    ----------
    watchers
        The modules, objects and classes that hold hooks, by the names to report them under, such as
        ``The hook distribution:name``.
    allowance, share
        How much time a hook may take, in seconds and as a part of the run.
    """

    def __init__(
        self, watchers: Mapping[str, Any], *, allowance: float = ALLOWANCE, share: float = SHARE
    ) -> None:
        self._manager = _manager()
        self._allowance, self._share = allowance, share
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._began = time.monotonic()
        # Pluggy calls last what was registered first.
        for name in sorted(watchers, reverse=True):
            self._start(name, watchers[name])

    def send(self, event: str, **values: Any) -> None:
        """Tell every hook of ``event``, one of those in :mod:`anemoi.core.interfaces.hooks`.

        Raises
        ------
        TypeError
            If there is no such event, or its values are not those that its specification names:
            a mistake of the caller's, never of a hook's.
        """
        caller = getattr(self._manager.hook, event, None)
        if caller is None or set(caller.spec.argnames) != set(values):
            raise TypeError(
                f"Event {event!r} with values {sorted(values)} is not in anemoi.core.interfaces.hooks."
            )
        for hook in reversed(caller.get_hookimpls()):
            self._call(hook, event, values)

    def _start(self, name: str, watcher: Any) -> None:
        try:
            with ExitGuard():
                started = watcher() if isinstance(watcher, type) else watcher
            self._manager.register(started, name)
        except (Exception, SystemExit) as error:
            self._switch_off(name, f"could not be started: {type(error).__name__}: {error}")

    def _call(self, hook: pluggy.HookImpl, event: str, values: Mapping[str, Any]) -> None:
        process, own = os.getpid(), [_unshared(values[name]) for name in hook.argnames]
        began = time.monotonic()
        try:
            try:
                with ExitGuard():
                    hook.function(*own)
            finally:
                if os.getpid() != process:
                    os._exit(1)
        except (Exception, SystemExit) as error:
            self._switch_off(hook.plugin_name, f"raised {type(error).__name__} in {event}: {error}")
            return
        now = time.monotonic()
        self._spent[hook.plugin_name] += now - began
        spent, run = self._spent[hook.plugin_name], now - self._began
        if spent > self._allowance + self._share * run:
            took = f"is slow: it took {spent:.1f} s of a run of {run:.1f} s, the last of it in {event}"
            self._switch_off(hook.plugin_name, took)

    def _switch_off(self, name: str, reason: str) -> None:
        log.warning("%s %s. It is switched off; the run goes on.", name, reason)
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)


def _unshared(value: Any) -> Any:
    """What a hook may be given for ``value``: whatever can be changed is a copy, or cannot be written to.

    Arrays are not copied, for a state of a forecast may fill much of the memory. What is none of mappings,
    sequences, sets, arrays and dataclasses is given as it is.
    """
    if isinstance(value, Mapping):
        return {key: _unshared(one) for key, one in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(map(_unshared, value))
    if hasattr(value, "setflags") and value.ndim:  # An array, for which numpy is not imported.
        view = value.view()
        view.setflags(write=False)
        return view
    if is_dataclass(value) and not isinstance(value, type):
        copied = copy.copy(value)  # It may be frozen, and have been expensive to make.
        for field in fields(value):
            object.__setattr__(copied, field.name, _unshared(getattr(value, field.name)))
        return copied
    return value


def hook_fault(found: Any) -> str:
    """Why ``found`` does not hold hooks that can be called; empty if it does."""
    manager = _manager()
    try:
        manager.register(found, "it")
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        return " ".join(str(error).split())
    callers = manager.get_hookcallers(found) or []
    if not callers:
        return "it marks no function with anemoi.core.interfaces.hookimpl"
    if any(hook.hookwrapper or hook.wrapper for caller in callers for hook in caller.get_hookimpls()):
        return "a hook only watches, it cannot wrap others"
    return ""


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    return manager
