"""The base of the pydantic models of documents, and the type of names in them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict

SOURCE = "<source>"  # no key of a document: '<' begins the names of what is no file


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


class NamingPart(DocumentPart):
    """A part that names something that a plugin publishes, by `uses:`.

    What a bare name means depends on the document in which it is written, which settings and
    documents that are put together can make another one for each part: a part is validated with
    the key `SOURCE`, a list of the document and the place in it, and takes it off.
    """


def _to_name(value: object) -> object:
    if isinstance(value, bool) or value is None:
        written = "null" if value is None else str(value).lower()
        raise ValueError(f"{written} is no name; in quotes it is one: '{written}'")
    return str(value) if isinstance(value, (int, float)) else value


Name: TypeAlias = Annotated[str, BeforeValidator(_to_name)]  # a number is one, as it is written
