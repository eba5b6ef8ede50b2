"""What the models of all parts of documents have in common."""

from pydantic import BaseModel, ConfigDict


class DocumentPart(BaseModel):
    """A part of a document: it has known keys only, values of the right types, and is immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
