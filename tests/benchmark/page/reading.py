"""A page read back: its tags, its attributes and its words, by the standard library's parser."""

from html.parser import HTMLParser

#: Elements without an end (HTML, section 13.1.2).
VOID = {"meta", "link", "img", "input", "br", "hr", "wbr"}


class Read(HTMLParser):
    """What a page consists of.

    Attributes:
        tags: Every element's name and attributes, in order.
        words: All text that is no style or script.
        scripts: Each script's text.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def places(self) -> list[str]:
        """Every id."""
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]
