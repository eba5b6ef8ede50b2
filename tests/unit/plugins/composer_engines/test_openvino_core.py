"""Models of OpenVINO go in any order and thread, and signals are handled all the same."""

import subprocess
import sys
import textwrap

import pytest

CODE = """
    import faulthandler, os, signal, sys, threading
    from pathlib import Path
    from types import SimpleNamespace

    faulthandler.enable()  # handlers have a stack of their own, as those of Python have
    import numpy
    import openvino
    from openvino import opset13

    from composer_engines.open_vino import OpenVino
    from composer_exporters.openvino_exporter import open_compiled

    folder = Path(sys.argv[1])
    given = opset13.parameter([1, 3, 8, 8], numpy.float32)
    openvino.save_model(openvino.Model([opset13.relu(given)], [given], "m"), folder / "model.xml")
    part = SimpleNamespace(outputs=[None])
    models = [open_compiled(folder / "model.xml")]
    models += [OpenVino().load(folder, part, "float32") for _ in range(2)]
    del models[0]
    del models[0]
    thread = threading.Thread(target=models.clear)
    thread.start()
    thread.join()
    signal.signal(signal.SIGCHLD, lambda *_: print("handled"))
    os.kill(os.getpid(), signal.SIGCHLD)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGCHLD")
def test_signals_are_handled_after_models_went_in_any_order(tmp_path):
    pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    command = [sys.executable, "-c", textwrap.dedent(CODE), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
