"""What an address is, which are fetched from, and what of them is printed."""

import pytest

from composer.downloads import is_address, parse_address, resolve_address
from composer.downloads.addresses import is_collapsed_address, is_loopback
from composer.errors import DownloadError


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://host/a.pth", True),
        ("HTTPS://host/a.pth", True),
        ("hf://owner/repo/a.pth", True),
        ("detectron2://COCO-Detection/a.pkl", True),
        ("s3://bucket/a.pth", True),
        ("C://folder/a.pth", False),
        ("package:name/a.pth", False),
        ("folder/a.pth", False),
        ("https:/host/a.pth", False),
        (None, False),
    ],
)
def test_an_address_has_a_scheme_of_two_letters_or_more(text, is_one):
    assert is_address(text) is is_one


def test_a_path_that_was_an_address_is_noticed():
    assert is_collapsed_address("https:/host/a.pth")
    assert not is_collapsed_address("C:/host/a.pth")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://example.com/a.pth", "http brings"),
        ("http://127.0.0.1.example.com/a.pth", "http brings"),
        ("http://localhost.example.com/a.pth", "http brings"),
        ("https://host", "names no file"),
        ("https://host/", "names no file"),
        ("https://host/folder/", "names no file"),
        ("https:///a.pth", "names no file"),
        ("https://host:port/a.pth", "damaged"),
        ("https://[::1/a.pth", "damaged"),
        ("https://host/a b.pth", "without blanks"),
        ("https://host/a\x1b.pth", "without blanks"),
        ("https://host/" + "a" * 5000, "without blanks"),
        ("https://", "names no file"),
        ("detectron2://", "detectron2:// names no file"),
        ("torchvision:///", "torchvision:/// names no file"),
        ("s3://", "s3:// names no file"),
        ("s3://bucket", "s3://bucket names no file"),
        ("gs://bucket/", "names no file"),
        ("memory://folder/", "names no file"),
        ("file:///etc/passwd", "name the file itself"),
        ("local:///etc/passwd", "name the file itself"),
        ("htps://host/a.pth", "Did you mean 'https'"),
        ("zip://a.pth::https://host/a.zip", "within addresses"),
        ("zip://a.zip/a.pth", "nothing is fetched from 'zip'"),
        ("simplecache://host/a", "nothing is fetched"),
        ("memory://a::https://host/b", "within addresses"),
        ("hf://owner/repo", "is a model; a file of it is"),
        ("hf://owner/repo/", "of it is hf://owner/repo/FILE"),
        ("hf://owner", "hf://owner/repo"),
        ("hf://../../x/a.pth", "hf://owner/repo"),
        ("hf://.owner/repo/a.pth", "hf://owner/repo"),
        ("hf://owner/re--po/a.pth", "hf://owner/repo"),
        ("hf://owner/repo@/a.pth", "hf://owner/repo"),
        ("hf://owner/repo/../../a.pth", "hf://owner/repo"),
        ("hf://datasets/owner/repo/a.pth", "hf://owner/repo"),
        ("https://host/a.pth#sha256=xyz", "digits of the"),
        ("https://host/a.pth#part", "digits of the"),
        ("https://host/a.pth#sha256=abc", "digits of the"),
    ],
)
def test_what_is_not_fetched_from_is_refused(text, message):
    with pytest.raises(DownloadError, match=message):
        resolve_address(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "LOCALHOST"])
def test_this_machine_is_known_by_its_addresses(host):
    assert is_loopback(host)


def test_secrets_are_not_shown():
    address = parse_address("https://me:secret@host:8443/a.pth?token=secret")
    assert address.shown == "https://host:8443/a.pth?..."
    assert "secret" not in address.folder_name + address.file_name


def test_a_password_does_not_change_the_place_in_the_cache():
    one, other = (parse_address(f"https://{user}host/a.pth") for user in ("me:secret@", ""))
    assert one.folder_name == other.folder_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://host/a/b%20c.pth", "b_c.pth"),
        ("https://host/a/..%2F..%2Fetc", "etc"),
        ("https://host/a/.hidden", "hidden"),
        ("https://host/a/%2E%2E", "download"),
        ("https://host/a/" + "a" * 300 + ".safetensors", "a" * 88 + ".safetensors"),
        ("https://host/model.pth?download=true", "model.pth"),
    ],
)
def test_the_name_of_the_file_is_one_that_every_file_system_takes(text, name):
    assert parse_address(text).file_name == name


def test_torchvisions_names_document_a_hash():
    address = parse_address(
        "https://download.pytorch.org/models/fcos_resnet50_fpn_coco-99b0c9b7.pth"
    )
    assert (address.sha256, address.is_documented) == ("99b0c9b7", True)


@pytest.mark.parametrize(
    "text",
    [
        "https://dl.fbaipublicfiles.com/detectron2/COCO/1/model_final_280758.pkl",
        "https://elsewhere.org/models/fcos_resnet50_fpn_coco-99b0c9b7.pth",
        "https://download.pytorch.org/models/resnet50.pth",
    ],
)
def test_digits_that_are_not_documented_are_no_hash(text):
    assert parse_address(text).sha256 == ""


def test_a_hash_can_be_pinned():
    assert parse_address("https://host/a.pth#sha256=" + "AB" * 32).sha256 == "ab" * 32
