"""What a second Python does for `onnx_elsewhere`: it loads a saved model, and converts it.

python -m unifml.adapters.keras.onnx_worker FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from unifml.adapters.keras import engine
from unifml.core.exported import Port


def main(folder: Path) -> None:
    """Read the model and the job in a folder, and write the graph there."""
    engine.load()
    import keras
    import onnx

    from unifml.adapters.keras.onnx_elsewhere import GRAPH, JOB, MODEL
    from unifml.adapters.keras.onnx_own import imported
    from unifml.adapters.keras.onnx_tensorflow import convert

    job = json.loads((folder / JOB).read_text())
    ports = [Port(**port | {"shape": tuple(port["shape"])}) for port in job["ports"]]
    own = imported(job["own"])
    model = keras.saving.load_model(folder / MODEL, custom_objects=own, compile=False)
    onnx.save(convert(model, ports, job["named"], job["opset"]), folder / GRAPH)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
