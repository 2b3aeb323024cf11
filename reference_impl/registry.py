"""The methods by name, and their presets; a method's code is imported only when it is asked for."""

import difflib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

from reference_impl.engine import Preset, TrainConfig


@dataclass(frozen=True)
class Entry:
    """A method: its paper, and the module that implements it.

    The module has `PRESETS` (name -> `Preset`) and `build(config, spec, device)`, which returns what the engine can
    train.
    """

    name: str
    title: str
    arxiv: str
    module: str

    def load(self) -> ModuleType:
        """Import the method's module."""
        return importlib.import_module(self.module)


METHODS = {
    entry.name: entry
    for entry in [
        Entry("gan", "Generative Adversarial Networks", "1406.2661", "reference_impl.gan.gan"),
        Entry(
            "dcgan",
            "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
            "1511.06434",
            "reference_impl.gan.dcgan",
        ),
        Entry("wgan_gp", "Improved Training of Wasserstein GANs", "1704.00028", "reference_impl.gan.wgan_gp"),
        Entry(
            "r3gan",
            "The GAN is dead; long live the GAN! A Modern GAN Baseline",
            "2501.05441",
            "reference_impl.gan.r3gan",
        ),
        Entry("vae", "Auto-Encoding Variational Bayes", "1312.6114", "reference_impl.vae.vae"),
        Entry("vq_vae", "Neural Discrete Representation Learning", "1711.00937", "reference_impl.vae.vq_vae"),
        Entry(
            "encoder_decoder",
            "Attention Is All You Need",
            "1706.03762",
            "reference_impl.transformer.encoder_decoder",
        ),
        Entry(
            "gpt",
            "LLaMA: Open and Efficient Foundation Language Models",
            "2302.13971",
            "reference_impl.transformer.gpt",
        ),
        Entry("ddpm", "Denoising Diffusion Probabilistic Models", "2006.11239", "reference_impl.diffusion.ddpm"),
        Entry(
            "improved_ddpm",
            "Improved Denoising Diffusion Probabilistic Models",
            "2102.09672",
            "reference_impl.diffusion.improved_ddpm",
        ),
        Entry("guidance", "Classifier-Free Diffusion Guidance", "2207.12598", "reference_impl.diffusion.guidance"),
        Entry(
            "edm",
            "Elucidating the Design Space of Diffusion-Based Generative Models",
            "2206.00364",
            "reference_impl.diffusion.edm",
        ),
        Entry(
            "flow_matching",
            "Flow Matching for Generative Modeling",
            "2210.02747",
            "reference_impl.diffusion.flow_matching",
        ),
        Entry(
            "reflow",
            "Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow",
            "2209.03003",
            "reference_impl.diffusion.reflow",
        ),
        Entry(
            "mean_flow",
            "Mean Flows for One-step Generative Modeling",
            "2505.13447",
            "reference_impl.diffusion.mean_flow",
        ),
        Entry(
            "latent_diffusion",
            "High-Resolution Image Synthesis with Latent Diffusion Models",
            "2112.10752",
            "reference_impl.diffusion.latent_diffusion",
        ),
    ]
}


def pick(kind: str, name: str, known: Iterable[str]) -> str:
    """The name, if it is known.

    Raises:
        ValueError: It is not; the message suggests the nearest known name and lists them all.
    """
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{kind} {name!r} is unknown.{hint} Expected one of: {', '.join(names)}")


def override(preset: Preset, settings: Iterable[str]) -> Preset:
    """A preset with some fields set from text: `["lr=1e-3", "beta=1e-4,0.02"]`.

    Raises:
        ValueError: A setting is not `field=value`, the field is unknown, or the value is not of its type or range.
    """
    parts: dict[str, Any] = {"train": preset.train, "config": preset.config}
    owner = {f.name: part for part, held in parts.items() for f in fields(held)}
    values: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"setting {setting!r} has no '='; expected field=value, as in lr=1e-3")
        name = pick("field", name.strip(), owner)
        held = parts[owner[name]]
        values[owner[name]][name] = read(name, text.strip(), get_type_hints(type(held))[name])
    changed = {part: replace(held, **values[part]) for part, held in parts.items() if values[part]}
    return replace(preset, **changed)


def read(name: str, text: str, kind: Any) -> Any:
    """A field's value from text, by the field's type."""
    expected = {int: "an integer", float: "a number", bool: "true or false"}.get(kind, "text")
    try:
        if get_origin(kind) is tuple:
            items, parts = get_args(kind), text.split(",")
            expected = f"{len(items)} numbers with commas between them"
            return tuple(item(part) for item, part in zip(items, parts, strict=True))
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text) if kind in (int, float) else text
    except (ValueError, KeyError):
        raise ValueError(f"{name} is {text!r}; expected {expected}") from None


def restore(settings: dict[str, Any], method: Entry) -> Preset:
    """The preset that a checkpoint's or a record's settings describe.

    Raises:
        ValueError: The settings are not those of the method.
    """
    some = next(iter(method.load().PRESETS.values()))
    parts = {}
    for part, kind in (("train", TrainConfig), ("config", type(some.config))):
        names = [f.name for f in fields(kind)]
        if missing := [name for name in names if name not in settings]:
            raise ValueError(f"the settings lack {', '.join(missing)}; expected those of {method.name} in this version")
        held = {name: settings[name] for name in names}
        parts[part] = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in held.items()})
    return Preset(**parts)
