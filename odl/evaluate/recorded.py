"""Open a recording for replay: read and check its image, settings and stream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odl.core.config import Config, ConfigError
from odl.core.events import NO_CLASS, Adopt, Gap, Query, Samples, Truth
from odl.core.image import Image
from odl.data.streams import Channels, Stream, damage_of
from odl.evaluate.options import Options
from odl.recording import Reader, Recording, RecordingError, inputs, read
from odl.recording.format_1 import LEARNER, is_converted


@dataclass(frozen=True)
class RecordedSession:
    """A recording with its checked image, settings, options and stream."""

    recording: Recording
    image: Image
    config: Config
    options: Options
    stream: Stream
    damage: str  # one sentence about lost data, empty if the file is whole

    @property
    def trace(self) -> str | None:
        """The recorded trace, None if it cannot be compared (see `untraced`)."""
        return None if self.untraced else self.recording.trace_sha256

    @property
    def host_only(self) -> tuple[str, ...]:
        """Names of the recorded session's host-only parts, which the recording does not contain."""
        parts = self.recording.start.config.get("session", {}).get("host_only", [])
        return tuple(map(str, parts)) if isinstance(parts, list) else ()

    @property
    def anew(self) -> str:
        """What a person has to know before this session is run again, as a sentence; empty if nothing."""
        if not is_converted(self.recording.start):
            return ""
        return (
            f"{LEARNER}; it is run anew with the learner of this version, "
            "so its trace is not compared with the recorded one"
        )

    @property
    def untraced(self) -> str:
        """Why the recorded trace cannot be compared, as a clause; empty if it can."""
        session = self.recording.start.config.get("session", {})
        redacted = session.get("redacted", {})
        if self.anew:
            return self.anew
        if self.damage:
            return "the recording is damaged: its trace is not compared"
        if not self.recording.has_outputs:
            return "the recording holds no outputs, so it has no trace to compare"
        if isinstance(redacted, dict) and redacted.get("same_trace", True) is False:
            return "data that the recording's trace depends on were removed: it is not compared"
        return ""


def open_recording(path: str | Path, model: Image | None = None, *, outputs: bool = True) -> RecordedSession:
    """Read a recording, its model image and its settings; its outputs too unless ``outputs`` is False.

    ``model`` is used if the recording contains no image; then channels without names or units get the
    model's.

    Raises
    ------
    RecordingError, ImageError, ConfigError
        If the recording cannot be used; the message names the file and the problem.
    """
    path = Path(path)
    try:
        with Reader(path) as reader:
            outputs = outputs or is_converted(reader.start)  # its questions are asked again
        recording = read(path, outputs=outputs)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None
    never_run = {} if recording.start.image else {"config": Config().to_dict()}
    settings = (never_run | recording.start.config).get("config")
    session = recording.start.config.get("session", {})
    if not isinstance(settings, dict) or not isinstance(session, dict):
        raise RecordingError(f"{path}: its Start holds no settings, so it cannot be replayed")
    if recording.start.image:
        image = Image.from_bytes(recording.start.image, f"{path}: its model image")
    elif model is None:
        raise ConfigError(f"{path}: it holds no model image; 'odl replay' runs one on it, named by `model`")
    else:
        image = model
    try:
        config = Config.from_dict(settings)
        options = Options.from_dict(session.get("options", {}))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    steps = list(inputs(recording))
    stretches = [0]
    for event in steps:
        if isinstance(event, Samples):
            stretches[-1] += len(event.block)
        elif isinstance(event, Gap | Adopt):
            stretches.append(0)
    classes = sorted({event.name for event in steps if isinstance(event, Truth)})
    if len(classes) > NO_CLASS:
        raise RecordingError(
            f"{path}: its truths have {len(classes)} different names, but a session tells at most {NO_CLASS} "
            "classes apart; give stretches of one class one name"
        )
    rate = session.get("rate_hz")
    about = _about(session)
    if is_converted(recording.start) and config.policy != "none":  # else its answers would be about nothing
        about.setdefault("asked", [e.window for e in recording.events if isinstance(e, Query)])
    channels, notes = _channels(session.get("channels")), tuple[str, ...]()
    if channels is not None and not recording.start.image:
        channels, notes = _as_model(channels, image)
    stream = Stream(
        subject=str(session.get("subject", path.stem)),
        inputs=lambda: steps,
        stretches=tuple(stretches),
        classes=tuple(classes),
        channels=channels,
        rate_hz=float(rate) if isinstance(rate, int | float) and abs(rate) < 2**63 else None,
        name=path.name,
        about=about,
        notes=notes,
    )
    return RecordedSession(recording, image, config, options, stream, damage_of(path, recording))


def _about(session: dict[str, Any]) -> dict[str, Any]:
    """The entries of the description that a replay copies: dataset, and the questions to ask."""
    kinds = {"dataset": str, "relabelled": dict, "asked": list}
    about = {name: session[name] for name, kind in kinds.items() if isinstance(session.get(name), kind)}
    if not all(isinstance(window, int) for window in about.get("asked", ())):
        del about["asked"]
    return about


def _channels(written: object) -> Channels | None:
    """The channels in a recording's Start; None if they are missing or invalid."""
    if not isinstance(written, list) or not written:
        return None
    channels = []
    for one in written:
        match one:
            case [str(name), str(unit), float() | int() as scale] if (
                abs(scale) < 2**63 and (name + unit).isprintable()
            ):
                channels.append((name, unit, float(scale)))
            case _:
                return None
    return tuple(channels)


def _as_model(channels: Channels, image: Image) -> tuple[Channels, tuple[str, ...]]:
    """``channels`` with missing names and units from the model, and notes about these."""
    if len(channels) != len(image.channels):
        return channels, ()
    notes = []
    if all(name.isdecimal() for name, _, _ in channels):
        notes.append("the columns have no names, so they are taken in the model's order: "
                     + ", ".join(c.name for c in image.channels))  # fmt: skip
    elif any(name != c.name for (name, _, _), c in zip(channels, image.channels, strict=True)):
        return channels, ()
    if any(not unit for _, unit, _ in channels):
        units = ", ".join(f"{c.name} in {c.unit}" for c in image.channels)
        notes.append(f"the recording does not say its units, so they are taken as the model's: {units}")
    pairs = zip(channels, image.channels, strict=True)
    return tuple((c.name, unit or c.unit, scale) for (_, unit, scale), c in pairs), tuple(notes)
