"""The import of transformers, an extra, without its telemetry."""

import importlib
import os
import sys
from functools import lru_cache
from typing import Any

_TELEMETRY = "HF_HUB_DISABLE_TELEMETRY"
_HUB = "huggingface_hub.constants"


@lru_cache(maxsize=1)
def load_library() -> Any:
    """Imports transformers where it is used first; listing and checking forms do without.

    Raises:
        ImportError: it is not installed; the message names the extra.
    """
    os.environ[_TELEMETRY] = "1"  # read when huggingface_hub is imported
    try:
        library = importlib.import_module("transformers")
        importlib.import_module("scipy.optimize")  # of the losses, which import it when called
    except ImportError as error:
        raise ImportError(
            f"transformers cannot be imported ({error}); install it with "
            "`pip install 'detection-composer[transformers]'`"
        ) from error
    # Another package, timm for instance, may have imported huggingface_hub before.
    if (constants := sys.modules.get(_HUB)) is not None:
        setattr(constants, _TELEMETRY, True)
    return library
