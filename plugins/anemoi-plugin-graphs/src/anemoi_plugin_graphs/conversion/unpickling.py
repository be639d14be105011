"""Reading a graph of torch-geometric without running code from its file.

Such a file is a pickle, and a pickle may call anything. Here the names in it lead to plain containers and to
the few functions that put tensors and numbers back together; any other name is refused.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import torch
from anemoi.core.errors import DataError


class Container:
    """Stands for an object of torch-geometric; what the file says of it is in its ``__dict__``."""


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding}")
    return text.encode("latin1")


_STORAGES = ("HeteroData", "BaseStorage", "NodeStorage", "EdgeStorage", "EdgeAttr", "TensorAttr")
_SCALAR = np.float32(0.0).__reduce__()[0]

_KNOWN: Final = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    ("_codecs", "encode"): _encode,
}


class _RefusedError(pickle.UnpicklingError):
    """A name that is not known."""


class Unpickler(pickle.Unpickler):
    """Builds nothing but containers, tensors and numbers."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the file leads to."""
        if module.startswith("torch_geometric.data.") and name in _STORAGES:
            return Container
        if (module, name) not in _KNOWN:
            raise _RefusedError(f"{module}.{name}")
        return _KNOWN[module, name]


class _Module:
    """Stands for the module pickle, where torch is to use the unpickler above."""

    Unpickler = Unpickler

    @staticmethod
    def load(file: IO[bytes], **options: Any) -> Any:
        return Unpickler(file, **options).load()


def read_containers(path: Path) -> Container:
    """Read the object in a file that ``torch.save`` wrote.

    Raises
    ------
    DataError
        If there is no such file, it is none of ``torch.save``, truncated, or holds objects of other classes.
    """
    if not path.is_file():
        raise DataError(f"There is no graph {path}.", fix="Check the path.")
    try:
        with zipfile.ZipFile(path) as archive:
            code = [name for name in archive.namelist() if name.endswith("constants.pkl") or "/code/" in name]
        if code:
            raise DataError(f"{path} is a program of TorchScript, not a graph.")
        found = torch.load(path, map_location="cpu", pickle_module=_Module, weights_only=False)
    except _RefusedError as error:
        raise DataError(
            f"{path} asks for {error}, which a graph does not need, so that it is not read.",
            fix="Graphs of anemoi-graphs hold tensors, numbers and text alone. Save it without the rest.",
        ) from error
    except (zipfile.BadZipFile, pickle.UnpicklingError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a graph that torch.save wrote, or is truncated: {error}") from error
    except (RuntimeError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if not isinstance(found, Container):
        raise DataError(f"{path} holds no HeteroData, but something else ({type(found).__name__}).")
    return found
