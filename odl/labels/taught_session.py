"""What a person can say to a session that runs, without being asked."""

from __future__ import annotations

from odl.core.protocols import ClassEdit
from odl.labels.prompt import Prompt
from odl.labels.question import Reply


class TaughtSession:
    """Base of sessions with a prompt; any thread may call these methods, which return a sentence at once.

    A class is named. One that is new goes under the class called ``under``, which gets a task of its own
    if it has none; ``""`` is the root task. Where nothing is said, the training's tree or the only task
    decides, or the reply asks under which class. ``by`` says who gives it, as in `odl.core.events.Origin`.
    """

    prompt: Prompt

    def teach(
        self, name: str, head: int | None = None, leaf: int | None = None, by: str | None = None,
        under: str | None = None,
    ) -> Reply:  # fmt: skip
        """Say what runs now; costs nothing of the budget (`odl.labels.prompt.Prompt.teach`).

        Examples
        --------
        ::

            with open_live(emulated=True, play="shoulder", subject=8) as live:
                for event in live:
                    if live.session.position > 5000 and not live.history.taught:
                        live.teach("rowing")
        """
        return self.prompt.teach(name, head, leaf, by, under)

    def add_class(self, name: str, under: str | None = None, by: str | None = None) -> Reply:
        """Add a class. It is not shown before its first label."""
        return self.prompt.edit_classes(ClassEdit("add", name, by=by or ""), under)

    def split(self, name: str, *classes: str, by: str | None = None) -> list[Reply]:
        """Add ``classes`` under ``name``: ``session.split("walk", "level", "up", "down")``."""
        return [self.add_class(one, under=name, by=by) for one in classes]

    def rename(self, name: str, to: str, by: str | None = None) -> Reply:
        """Call class ``name`` by another name."""
        return self.prompt.edit_classes(ClassEdit("rename", name, to, by=by or ""))

    def merge(self, name: str, into: str, by: str | None = None) -> Reply:
        """Let class ``name`` count as class ``into``, which lies beside it in the tree; so do its labels."""
        return self.prompt.edit_classes(ClassEdit("merge", name, into, by=by or ""))

    def remove(self, name: str, by: str | None = None) -> Reply:
        """Show class ``name`` and what lies under it no longer; their labels do not count.

        A class of this name that is added or taught later is this one, with its labels.
        """
        return self.prompt.edit_classes(ClassEdit("remove", name, by=by or ""))

    def undo(self, by: str | None = None) -> Reply:
        """Take back the last answer, taught label, merging, renaming or removal."""
        return self.prompt.undo(by)
