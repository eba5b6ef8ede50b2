"""Files that somebody else may have made are opened by the readers that were made for that."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A call, and the modules that may make it.
READERS = {
    "torch.load": (),
    "torch.jit.load": (),
    "torch.export.load": (),
    "torch.hub.load_state_dict_from_url": (),
    "np.load": (),
    "numpy.load": (),
    "np.fromfile": (),
    "np.memmap": (),
    "np.lib.format.open_memmap": (),
    "np.lib.format.read_array": (),
    "np.loadtxt": (),
    "np.genfromtxt": (),
    "torch.from_file": (),
    "zipfile.ZipFile": (),
    "tarfile.open": (),
    "shutil.unpack_archive": (),
    "safe_open": ("composer/checkpoint/safetensors_file.py",),
    "load_file": (),
    "safetensors.torch.load_file": (),
    "safetensors.torch.load": (),
    "pickle.load": (),
    "pickle.Unpickler": (),
    "pickle.loads": ("composer/data/loading/shared_memory.py",),  # of our own processes
    "marshal.loads": (),
    "shelve.open": (),
    "onnx.load": ("plugins/composer_exporters/onnx_safety.py",),  # without data beside it
    "yaml.load": ("composer/data/readers/plain_yaml.py",),  # of texts only
    "Image.open": (),  # `composer.images` opens images by the classes of named formats
    "PIL.Image.open": (),
    "cv2.imread": (),
    "decode_image": (),
    "torchvision.io.decode_image": (),
    "torchvision.io.read_image": (),
    "av.open": ("composer/prediction/video.py",),
    "yaml.unsafe_load": (),
    "json.load": (),
    "json.loads": (  # and nothing else, as brackets in brackets raise what nobody expects
        "composer/json_documents.py",
        "composer/checkpoint/safetensors_file.py",  # these two refuse a key twice
        "composer/storage/tensor_files.py",
        "composer/data/json_file.py",  # the readers of data, each with its own messages
        "composer/data/formats/data_path.py",
        "composer/importing/draft.py",  # what was written a moment ago
        "composer/sharded_jobs/manifest.py",
        "plugins/composer_transformers/parts.py",
        "plugins/composer_transformers/model_folder.py",
        "plugins/composer_detectron2/catalogue.py",  # a file of the package
    ),
    "eval": (),
    "exec": (),
}
SOURCES = sorted(
    path for folder in ("composer", "plugins") for path in (ROOT / folder).rglob("*.py")
)


def find_calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_sources_are_found():
    assert len(SOURCES) > 300


@pytest.mark.parametrize("reader", READERS)
def test_only_one_module_opens_files_of_a_kind(reader, calls):
    found = {path for path, name, _ in calls if name == reader}
    assert found <= set(READERS[reader]), [call for call in calls if call[1] == reader]


@pytest.fixture(scope="module")
def calls():
    return [
        (path.relative_to(ROOT).as_posix(), name, line)
        for path in SOURCES
        for name, line in find_calls(path)
        if name in READERS
    ]


def test_commands_print_json_through_one_function():
    """`json.dumps` writes NaN and Infinity, which are no JSON."""
    own = {"output.py", "schema.py", "nodes.py", "eval.py"}  # of plain values of a spec
    found = {
        path.name
        for path in (ROOT / "composer/cli").glob("*.py")
        for name, _ in find_calls(path)
        if name == "json.dumps"
    }
    assert found <= own
