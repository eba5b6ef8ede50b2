"""Engines: torch's inductor, onnxruntime and OpenVINO run dense nodes in place of PyTorch."""
