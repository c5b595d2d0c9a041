"""HTTP serving of an ONNX file: it knows `runtime` and the file, nothing else."""
