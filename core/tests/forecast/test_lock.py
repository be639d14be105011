from __future__ import annotations

import dataclasses
import warnings

import pytest
import torch

from anemoi.core import plugins
from anemoi.core.checkpoint import DifferentVersionWarning, build_model, compare, lock, targets
from anemoi.core.errors import CheckpointError


def changed(make_checkpoint, **changes):
    checkpoint = make_checkpoint()
    entries = tuple(
        dataclasses.replace(entry, **changes) if entry.role == "model.processor" else entry
        for entry in checkpoint.lock
    )
    return make_checkpoint(lock=entries)


def test_the_lock_says_what_each_component_is(tiny_plugin, configuration):
    entries = {entry.role: entry for entry in lock(configuration)}
    parts = ["model.encoder", "model.processor", "model.decoder"]
    forcings = [f"forcings.{name}" for name in configuration["forcings"]]
    needed = ["model", *parts, "objective", "transforms.normaliser", *forcings]
    assert [role for role, entry in entries.items() if entry.needed] == needed
    assert set(entries) == {*needed, "data"}
    assert entries["model.encoder"].kind == "mapper"
    assert entries["model.encoder"].requirement == "anemoi-plugin-tiny==0.1.0"
    own = {role for role, entry in entries.items() if entry.distribution == "anemoi-plugin-tiny"}
    assert own == {*parts, "data"}
    assert {entries[role].distribution for role in needed if role not in parts} == {"anemoi-core"}
    assert entries["data"].hash == plugins.lock("source", "tiny")["hash"]


def test_what_is_installed_as_it_was_goes_without_a_word(make_checkpoint):
    assert compare(make_checkpoint().lock) == ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_model(make_checkpoint())


def test_an_absent_plugin_is_named_with_the_command_that_installs_it(make_checkpoint, tiny_site, monkeypatch):
    checkpoint = make_checkpoint()
    monkeypatch.setattr(plugins, "components", lambda kind=None: [])
    with pytest.raises(CheckpointError) as caught:
        build_model(checkpoint, allow_different_versions=True)
    assert "processor 'tiny' of anemoi-plugin-tiny 0.1.0 is not installed" in caught.value.what
    assert "pip install 'anemoi-plugin-tiny==0.1.0'" in caught.value.fix.splitlines()


def test_another_version_is_refused_unless_allowed(make_checkpoint):
    checkpoint = changed(make_checkpoint, version="0.2.0", accepts="==0.2.*")
    with pytest.raises(
        CheckpointError, match=r"0\.2\.0 is needed, but version 0\.1\.0 is installed"
    ) as caught:
        build_model(checkpoint)
    assert "pip install 'anemoi-plugin-tiny==0.2.0'" in caught.value.fix
    assert "--allow-different-versions" in caught.value.fix
    with pytest.warns(DifferentVersionWarning, match=r"0\.2\.0 is needed"):
        build_model(checkpoint, allow_different_versions=True)


@pytest.mark.parametrize(
    ("version", "accepts"), [("0.1.7", "==0.1.*"), ("0.1.0a1", "==0.1.*"), ("0.0.9", ">=0.0.9,<1")]
)
def test_a_release_that_the_lock_accepts_will_do_without_a_word(make_checkpoint, version, accepts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_model(changed(make_checkpoint, version=version, accepts=accepts))


@pytest.mark.parametrize("accepts", ["", "==0.2.*", "soon"])
def test_any_other_release_will_not(make_checkpoint, accepts):
    with pytest.raises(CheckpointError, match=r"0\.1\.7 is needed, but version 0\.1\.0 is installed"):
        build_model(changed(make_checkpoint, version="0.1.7", accepts=accepts))


def test_a_lock_accepts_patch_releases(make_checkpoint):
    assert {
        entry.accepts for entry in make_checkpoint().lock if entry.distribution == "anemoi-plugin-tiny"
    } == {"==0.1.*"}


@pytest.fixture
def declares(tiny_plugin, monkeypatch):
    """Have the tiny processor say which versions' checkpoints it reads."""

    def say(versions):
        monkeypatch.setattr(plugins.load("processor", "tiny"), "reads_checkpoints", versions, raising=False)

    return say


@pytest.mark.parametrize("says", [">=0.0.3,<0.2", "==0.0.*", ">=0"])
def test_a_component_may_read_checkpoints_of_other_minor_releases(make_checkpoint, declares, says):
    """Made with 0.0.9, which accepts 0.0 alone, and read with 0.1.0: a minor release stops nothing."""
    checkpoint = changed(make_checkpoint, version="0.0.9", accepts="==0.0.*")
    with pytest.raises(CheckpointError, match=r"does not say that it reads checkpoints of 0\.0\.9"):
        build_model(checkpoint)
    declares(says)
    assert compare(checkpoint.lock) == ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_model(checkpoint)


@pytest.mark.parametrize("version", ["0.1.7", "0.0.9"])
def test_only_what_is_outside_of_what_it_says_is_refused(make_checkpoint, declares, version):
    """Even of its own minor release: what it says goes before the default."""
    declares(">=0.0.3,<0.0.5")
    with pytest.raises(CheckpointError, match=r"reads checkpoints of >=0\.0\.3,<0\.0\.5 alone") as caught:
        build_model(changed(make_checkpoint, version=version, accepts="==0.1.*"))
    assert f"pip install 'anemoi-plugin-tiny=={version}'" in caught.value.fix
    build_model(changed(make_checkpoint, version="0.0.4", accepts=""))
    build_model(make_checkpoint())  # its own version


@pytest.mark.parametrize("says", ["soon", 3, None])
def test_a_range_that_is_none_is_a_broken_component(make_checkpoint, declares, says):
    declares(says)
    with pytest.raises(CheckpointError, match="is no range of versions") as caught:
        build_model(changed(make_checkpoint, version="0.1.7"), allow_different_versions=True)
    assert "processor 'tiny' of anemoi-plugin-tiny 0.1.0 is broken" in caught.value.what


def test_a_lock_keeps_what_was_used_and_not_what_reads_it(make_checkpoint, declares, configuration):
    declares(">=0.0.3,<0.2")
    entry = next(entry for entry in lock(configuration) if entry.role == "model.processor")
    assert (entry.version, entry.accepts) == ("0.1.0", "==0.1.*")
    assert entry.requirement == "anemoi-plugin-tiny==0.1.0"


def test_nothing_is_imported_of_what_a_training_alone_used(make_checkpoint, monkeypatch):
    entries = tuple(
        dataclasses.replace(entry, version="0.0.9", accepts="==0.0.*") if entry.role == "data" else entry
        for entry in make_checkpoint().lock
    )
    monkeypatch.setattr(plugins, "load", lambda *named: pytest.fail(f"{named} is loaded"))
    assert [(mismatch.entry.role, mismatch.severity) for mismatch in compare(entries)] == [
        ("data", "version")
    ]


@pytest.mark.parametrize("version", ["0.1.0", "0.1.7", "0.2.0"])
@pytest.mark.parametrize("allow", [True, False])
def test_an_incompatible_plugin_is_reported_as_that_once(
    make_checkpoint, tmp_path, monkeypatch, version, allow
):
    """Whatever version the checkpoint asks for: one sentence and one fix, which is no other version."""
    entries = tuple(
        dataclasses.replace(entry, version=version) if "tiny" in entry.distribution else entry
        for entry in make_checkpoint().lock
    )
    info = tmp_path / "anemoi_plugin_tiny-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: anemoi-plugin-tiny\nVersion: 0.1.0\n"
        "Requires-Dist: anemoi-core<0.2,>=0.1\n"
    )
    points = "[anemoi.core.{}s]\ntiny = anemoi_plugin_tiny:{}\n"
    text = points.format("mapper", "TinyMapper") + points.format("processor", "TinyProcessor")
    (info / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(CheckpointError) as caught:
        build_model(make_checkpoint(lock=entries), allow_different_versions=allow)
    (said,) = caught.value.what.splitlines()
    assert said.startswith("anemoi-plugin-tiny 0.1.0, which the checkpoint needs, is incompatible here: ")
    assert "requires anemoi-core<0.2,>=0.1, but" in said
    assert caught.value.fix == "pip install --upgrade anemoi-plugin-tiny"


def test_other_files_of_the_same_version_are_warned_about(make_checkpoint):
    with pytest.warns(DifferentVersionWarning, match="not the same files"):
        build_model(changed(make_checkpoint, hash="0" * 64))


def test_a_blocked_plugin_says_what_blocks_it(make_checkpoint, monkeypatch, tmp_path):
    checkpoint = make_checkpoint()
    real = plugins.components
    blocked = [
        dataclasses.replace(
            component, state="blocked", reason="blocked by me", fix="anemoi plugins allow tiny"
        )
        for component in real()
    ]

    def components(kind=None):
        return [component for component in blocked if kind in (None, component.kind)]

    monkeypatch.setattr(plugins, "components", components)
    monkeypatch.setattr("anemoi.core.plugins._load.components", components)
    with pytest.raises(CheckpointError, match="blocked by me") as caught:
        build_model(checkpoint, allow_different_versions=True)
    assert "anemoi plugins allow tiny" in caught.value.fix


def test_a_rival_of_the_same_name_is_not_taken_for_it(make_checkpoint, tmp_path, monkeypatch):
    checkpoint = make_checkpoint()
    info = tmp_path / "anemoi_plugin_rival-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: anemoi-plugin-rival\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[anemoi.core.processors]\ntiny = nowhere:Nothing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {component.state for component in plugins.components("processor") if component.name == "tiny"} == {
        "conflict"
    }
    assert type(build_model(checkpoint).network.processor).__name__ == "TinyProcessor"


def test_what_the_training_alone_used_is_not_needed(make_checkpoint):
    checkpoint = make_checkpoint()
    entries = tuple(
        entry if entry.needed else dataclasses.replace(entry, distribution="gone")
        for entry in checkpoint.lock
    )
    assert [mismatch.entry.role for mismatch in compare(entries)] == ["data"]
    build_model(make_checkpoint(lock=entries))


def test_code_outside_plugins_runs_only_if_trusted(make_checkpoint, configuration):
    import anemoi_plugin_tiny  # the module, found as any on the path

    trusted = {
        **configuration,
        "model": {**configuration["model"], "processor": {"_target_": "anemoi_plugin_tiny.TinyProcessor"}},
    }
    entries = tuple(entry for entry in make_checkpoint().lock if entry.role != "model.processor")
    checkpoint = make_checkpoint(configuration=trusted, lock=entries)
    assert list(targets(trusted)) == ["anemoi_plugin_tiny.TinyProcessor"]
    assert {entry.role for entry in lock(trusted)} == {entry.role for entry in entries}
    with pytest.raises(CheckpointError, match=r"anemoi_plugin_tiny\.TinyProcessor") as caught:
        build_model(checkpoint)
    assert "--trust-code" in caught.value.fix
    processor = build_model(checkpoint, trust_code=True).network.processor
    assert isinstance(processor, anemoi_plugin_tiny.TinyProcessor)


def test_code_hidden_deep_in_options_is_found():
    assert list(targets({"a": [{"b": {"_target_": "os.system"}}], "c": ({"_target_": "x.y"},)})) == [
        "os.system",
        "x.y",
    ]


def test_a_layer_may_know_the_names_that_its_weights_had_before(make_checkpoint, monkeypatch):
    """As modules of torch do; what nobody knows is refused, and so is what has another shape."""
    processor = plugins.load("processor", "tiny")
    real = processor._load_from_state_dict

    def renamed(self, state_dict, prefix, *arguments):
        for end in ("weight", "bias"):
            if (old := f"{prefix}within.{end}") in state_dict:
                state_dict[f"{prefix}inner.{end}"] = state_dict.pop(old)
        real(self, state_dict, prefix, *arguments)

    weights = {name.replace("inner", "within"): weight for name, weight in make_checkpoint().weights.items()}
    with pytest.raises(CheckpointError, match=r"missing: network\.processor\.inner\.weight"):
        build_model(make_checkpoint(weights=weights))
    monkeypatch.setattr(processor, "_load_from_state_dict", renamed)
    model = build_model(make_checkpoint(weights=weights))
    for name, weight in make_checkpoint().weights.items():
        assert torch.equal(model.state_dict()[name], weight)
    for change in (
        {"network.processor.within.bias": torch.zeros(9)},
        {"network.processor.without": torch.zeros(3)},
    ):
        with pytest.raises(CheckpointError, match="are not those of the model") as caught:
            build_model(make_checkpoint(weights={**weights, **change}))
        assert next(iter(change)).rpartition("with")[0] in caught.value.what
