"""The base of the pydantic models of documents."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class DocumentPart(BaseModel):
    """A part of a document: it has known keys only, values of the right types, and is immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def list_options(cls, uses: str, written_in: str) -> list[str]:
        """The keys that may stand below `with:`, in parts that have it.

        Args:
            uses: what the part names by `uses:`.
            written_in: the document in which that is written.
        """
        del uses, written_in
        return []
