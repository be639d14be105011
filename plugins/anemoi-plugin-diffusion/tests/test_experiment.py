"""The experiment ``gencast``, on a small grid."""

from anemoi.core.config import compose
from anemoi_plugin_training import prepare

TINY = (
    "data.grid=15deg",
    "graph.refinement=1",
    "model.channels=16",
    "model.processor.num_layers=2",
    "model.processor.num_chunks=1",
    "training.steps=2",
    "training.device=cpu",
)


def test_gencast_takes_a_step(tmp_path):
    training = prepare(compose("train", ["+experiment=gencast", *TINY]))
    losses = []
    training.run(tmp_path / "run", on_step=lambda step, loss: losses.append(loss))
    assert len(losses) == 2
    assert all(loss > 0 for loss in losses)
    domain = training.data["data"].domain
    assert (len(domain.prognostic), domain.diagnostic) == (83, ("tp",))
    # 83 variables at two times; 84 noised ones, two constants and eight computed ones once.
    assert training.model.network.inputs["data"].channels == 2 * 83 + 84 + 2 + 8


def test_gencast_samples_as_published():
    objective = prepare(compose("train", ["+experiment=gencast", *TINY])).model.objective
    assert type(objective.sampler).__name__ == "SingleStep"
    assert vars(objective.sampler.churn) == {
        "amount": 2.5,
        "minimum": 0.75,
        "maximum": float("inf"),
        "inflation": 1.05,
    }
    levels = objective.levels.spaced(20)
    assert (round(levels[0], 6), round(levels[-1], 6)) == (80.0, 0.03)
