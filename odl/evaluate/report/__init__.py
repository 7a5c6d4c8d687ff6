"""The HTML page about sessions, and their summary for the terminal."""

from odl.evaluate.report.page import SessionView, write_report
from odl.evaluate.report.sentences import headline
from odl.evaluate.report.summary import summary_text

__all__ = ["SessionView", "headline", "summary_text", "write_report"]
