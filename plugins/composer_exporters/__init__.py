"""Formats of exported models: `.onnx`, `.pt2`, `.xml` (OpenVINO), `.safetensors` and `.pth`."""
