"""The transformer behind the readers of free words: all-MiniLM-L6-v2."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from goldenrule.agents.readers import PACKAGE
from goldenrule.common.errors import UserError

HUB = "sentence-transformers/all-MiniLM-L6-v2"


def load_encoder(**options: Any) -> tuple[Any, Any]:
    """The tokenizer and the model of the embeddings, from the package that carries them or from the hub.

    Args:
        options: of `AutoModel.from_pretrained`.

    Raises:
        UserError: the extra `open` is not installed, or the weights cannot be had.
    """
    there = find_spec(PACKAGE)  # not imported: it would want more than its files
    folder = HUB if there is None or there.origin is None else str(Path(there.origin).parent / "model")
    try:
        from transformers import AutoModel, AutoTokenizer, logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        model: Any = AutoModel.from_pretrained(folder, **options)
        return AutoTokenizer.from_pretrained(folder), model.eval().requires_grad_(False)
    except Exception as error:  # no package, no file, no network
        line = " ".join(str(error).split())[:200]
        raise UserError(
            f"free words need the extra open ({line}); install it with: pip install 'goldenrule[open]'"
        ) from error
