"""What `check` finds: a text for people, with what it is about and what to do as fields."""

from typing import Literal, Self, TypeAlias

Kind: TypeAlias = Literal[
    "blob-missing",
    "blob-short",
    "combination-left-behind",
    "copy-unfinished",
    "event-in-several-journals",
    "event-misindexed",
    "index-entries-void",
    "index-entry-damaged",
    "journal-disordered",
    "journal-replaced-in-part",
    "journal-unburied",
    "ledger-entry-damaged",
    "manifest-damaged",
    "manifest-missing",
    "object-strange",
    "store-damaged",
]


class Finding(str):  # noqa: SLOT000  the text that it has always been
    """A text that says what is wrong and what to do."""

    kind: Kind
    """What kind of damage it is."""
    remedy: str
    """What to do."""
    by_repair: bool
    """Whether `repair` does it."""
    journal_id: str | None
    """The journal that it is about."""
    key: str | None
    """The object that is missing or damaged, without the root prefix."""
    event_id: str | None
    """The event that it is about."""

    @classmethod
    def of(  # noqa: PLR0913  what it is about, by name
        cls,
        kind: Kind,
        problem: str,
        remedy: str,
        *,
        by_repair: bool = False,
        journal_id: str | None = None,
        key: str | None = None,
        event_id: str | None = None,
    ) -> Self:
        """Say a problem and, unless it says so itself, its remedy."""
        self = cls(problem if remedy in problem else f"{problem}; {remedy}")
        self.kind, self.remedy, self.by_repair = kind, remedy, by_repair
        self.journal_id, self.key, self.event_id = journal_id, key, event_id
        return self

    @classmethod
    def of_text(cls, kind: Kind, text: str, key: str | None = None) -> Self:
        """Take a text that says after its last semicolon what to do."""
        return cls.of(kind, text, text.rpartition("; ")[2], key=key)

    def record(self) -> dict[str, object]:
        """Give the text and all fields, as JSON has them."""
        fields = ("kind", "journal_id", "key", "event_id", "remedy", "by_repair")
        return {"finding": str(self), **{name: getattr(self, name) for name in fields}}
