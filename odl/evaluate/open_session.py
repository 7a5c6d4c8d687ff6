"""Open a session: scaling, seeds, settings, and the Start of its recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import odl
from odl.core.config import Config
from odl.core.fixed_point import Scaling, input_scaling
from odl.core.ground_truth import TruthTrack
from odl.core.image import Image
from odl.core.rng import seed_of
from odl.core.session import Session
from odl.data.streams import Channels, Stream
from odl.evaluate.load_kernels import Progress, load_kernels
from odl.evaluate.options import Options
from odl.evaluate.own_parts import OwnParts
from odl.labels.oracle import Oracle, Truths
from odl.wire import Start


@dataclass(frozen=True)
class OpenedSession:
    """A session that has not run yet, and its description for the recording.

    Attributes
    ----------
    session : Session
    about : dict
        Subject, rate, channels and options, as plain values.
    """

    session: Session
    about: dict[str, Any]

    def start(self, **more: Any) -> Start:
        """The Start of the session's recording; ``more`` is added to the description."""
        config = {"config": self.session.config.to_dict(), "session": self.about | more}
        return Start(config, self.session.image.to_bytes())


def open_session(
    image: Image,
    options: Options,
    *,
    channels: Channels | None,
    rate_hz: float | None,
    subject: str | None = None,
    windows: int = 0,
    scaling: Scaling | None = None,
    config: Config | None = None,
    asked: Iterable[int] | None = None,
    parts: OwnParts | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    learning: bool = True,
) -> OpenedSession:
    """Open a session that runs ``image`` on samples of ``channels``.

    Parameters
    ----------
    image : Image
        The model image.
    options : Options
        How the session asks and learns.
    channels : sequence of (name, unit, scale), optional
        The source's channels; None if unknown, and then ``scaling`` or ``config`` is needed.
    rate_hz : float, optional
        The source's samples per second, for the recording.
    subject : str, optional
        The person; the session's seed depends on it.
    windows : int
        Expected number of windows, for a budget over the whole session.
    scaling : Scaling, optional
        From the source's counts to the model's input; default: computed from ``channels``.
    config : Config, optional
        Settings of a recorded session, used in place of ``options``.
    asked : iterable of int, optional
        Windows to ask about, in place of the policy's choice (see `odl.core.session.Session`).
    parts : OwnParts, optional
        A learner or policy of the caller's own, host-only.
    about : mapping, optional
        Further entries for the recording's Start, such as the dataset's name.
    progress : callable, optional
        Called with a short sentence about each step.
    learning : bool
        Whether to load the kernels that learn, too; otherwise the caller does so before the first answer.

    Raises
    ------
    ConfigError
        If options do not fit together, or channels or kinds of unit differ from the model's.

    Examples
    --------
    >>> from odl.data.streams import load_model
    >>> image = load_model("shoulder")
    >>> channels = tuple((c.name, c.unit, c.scale) for c in image.channels)
    >>> opened = open_session(image, Options(budget="12/h"), channels=channels, rate_hz=50.0, subject="P3")
    >>> opened.session.config.allowed, opened.start().config["session"]["subject"]
    (12, 'P3')
    """
    if config is None:
        if scaling is None:
            wanted = [(c.name, c.unit, c.scale) for c in image.channels]
            scaling = input_scaling(channels or (), wanted, image.zeros)
        seed = seed_of(options.seed, *(subject or "").encode())
        config = options.config(image.rate_hz, windows, seed, scaling)
    load_kernels(image, progress or (lambda sentence: None), learning)
    session = Session(image, config, asked=asked, **(parts or OwnParts()).for_session())
    return OpenedSession(
        session,
        {
            "odl": odl.__version__, "options": options.to_dict(), "rate_hz": rate_hz,
            "channels": None if channels is None else [list(c) for c in channels],
            **({} if subject is None else {"subject": subject}),
            **({"host_only": list(session.host_only)} if session.host_only else {}), **(about or {}),
        },
    )  # fmt: skip


def open_stream(
    stream: Stream,
    image: Image,
    options: Options,
    *,
    scaling: Scaling | None = None,
    config: Config | None = None,
    asked: Iterable[int] | None = None,
    parts: OwnParts | None = None,
    progress: Progress | None = None,
    learning: bool = True,
    windows: int | None = None,
) -> OpenedSession:
    """Open a session for a recorded person's stream; see `open_session` for the keywords.

    ``windows`` is its length where the session does not take the whole stream.

    Raises
    ------
    ConfigError
        If the stream's rate, channels or units differ from the model's.
    """
    if scaling is None and config is None:
        scaling = stream.scaling(image)
    return open_session(
        image, options, channels=stream.channels, rate_hz=stream.rate_hz, subject=stream.subject,
        windows=stream.windows(image) if windows is None else windows, scaling=scaling, config=config,
        asked=asked, parts=parts, about=stream.about, progress=progress, learning=learning,
    )  # fmt: skip


def open_oracle(stream: Stream, image: Image, options: Options, truth: Truths | None = None) -> Oracle:
    """An oracle with the truth of ``stream`` and the delay, skips and errors of ``options``.

    ``truth`` replaces the stream's own truth if that is only known while the stream is played.
    """
    return Oracle(
        TruthTrack(stream.truths) if truth is None else truth,
        image.window,
        stream.classes,
        delay=round(options.delay * image.rate_hz),
        refuse=options.refuse,
        error=options.error,
        seed=seed_of(options.seed, 1, *stream.subject.encode()),
        homes=homes_of(image),
    )


def homes_of(image: Image) -> dict[str, int]:
    """The class above each class in the training's task tree, classes held out of training included.

    A group that the image has as one class is above its classes too. A class whose group is not in the
    image belongs to the root task and is not among them.
    """
    tree = image.card.get("tree")
    if not isinstance(tree, dict):
        return {}
    ids = {name: cls for cls, name in image.names.items()}
    return {
        str(leaf): ids[group]
        for group, leaves in tree.items()
        if isinstance(leaves, list | tuple) and group in ids
        for leaf in leaves
    }
