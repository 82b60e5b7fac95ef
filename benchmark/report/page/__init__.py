"""One HTML file that shows everything: no server, no outside request.

``page(Page(...))`` gives its text; ``provenance.provenance`` what the page says of where every cell
is from. Nothing here writes files.
"""

from benchmark.report.page.content import Page, Picture
from benchmark.report.page.document import page

__all__ = ["Page", "Picture", "page"]
