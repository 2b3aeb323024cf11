"""What a trained language model must show: short runs on Python's documentation."""

from dataclasses import replace

import pytest
import torch

from reference_impl import datasets, engine
from reference_impl.data import Data


@pytest.fixture(scope="module")
def docs():
    return datasets.DATA["docs"]()


def pair_counts(data: Data) -> float:
    """Nats for each held-out character by the frequencies of neighbours in the training text, each counted once more.

    It is the best that a model can do that looks at one character alone.
    """
    text = torch.cat([data.train[:, 0], data.train[-1, 1:]])
    V = data.levels
    counts = (text[:-1] * V + text[1:]).bincount(minlength=V * V).reshape(V, V) + 0.1
    law = counts / counts.sum(dim=1, keepdim=True)
    return -law[data.held_out[:-1], data.held_out[1:]].log().mean().item()


def test_in_400_steps_a_small_model_knows_more_than_pairs_of_characters(gpt, docs, tmp_path):
    held = gpt.PRESETS["docs"]
    preset = replace(held, train=replace(held.train, steps=400), config=replace(held.config, d_model=64))
    torch.manual_seed(0)
    method = gpt.build(preset.config, docs.spec, torch.device("cpu"))
    losses = engine.train(method, docs, preset, seed=0, out=tmp_path, label="gpt")["loss"]
    assert sum(losses[-20:]) < 0.6 * sum(losses[:20])
    samples = method.sample(4, None, engine.generator(0, "samples"))
    numbers = method.evaluate(docs, samples, None, engine.generator(0, "evaluate"))
    assert numbers["held_out_loss"] < pair_counts(docs) - 0.1
    assert numbers["unknown_words"] < 0.9
    # with the whole context it predicts better than without: the memory is used
    alone = gpt.text_loss(method.model, docs.held_out, 2)
    assert numbers["held_out_loss"] < alone - 0.2
