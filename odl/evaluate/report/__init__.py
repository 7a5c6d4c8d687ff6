"""What a person looks at: one HTML page, and a summary for the terminal."""

from odl.evaluate.report.write import SessionView, headline, summary_text, write_report

__all__ = ["SessionView", "headline", "summary_text", "write_report"]
