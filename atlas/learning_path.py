"""Learning paths: ordered steps through the catalog, each with its reason and with what one can do afterwards."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictStr

from atlas.fields import Id, Minutes, Model, between, in_vocabulary
from atlas.model import Prose, Summary, Title

FOLDER = "paths"
"""Where the learning paths lie under ``catalog/``."""


class Step(Model):
    """One station of a path.

    Attributes:
        target: Id of an entry, or ``impl:…`` for an implementation of this site.
        why: Why it stands here.
        minutes: How long it takes somebody of the path's level, roughly.
        after: What that person can do then.
        run: A command of this project that belongs to the step, such as ``aigc train ddpm``.
    """

    target: Annotated[StrictStr, Field(min_length=1, max_length=100)]
    why: Prose
    minutes: Minutes
    after: Prose
    run: Annotated[StrictStr, Field(pattern=r"^aigc [a-z0-9_]+( [A-Za-z0-9_=.,/-]+)*$", max_length=200)] | None = None


class LearningPath(Model):
    """A way from one level of knowledge to another."""

    id: Id
    title: Title
    summary: Summary
    level: Annotated[StrictStr, in_vocabulary("level")]
    steps: Annotated[tuple[Step, ...], between(2, 40)]

    @property
    def minutes(self) -> int:
        """How long the whole path takes."""
        return sum(step.minutes for step in self.steps)
