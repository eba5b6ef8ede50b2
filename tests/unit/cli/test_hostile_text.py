"""Hostile content of settings, experiments and annotations is told in one line, and escaped."""

import os

import pytest

BOMB = "{a0: &a0 [1], " + ", ".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)
)
SETTINGS = {
    "depth=\x1b[31mred": r"the character U+001B may not stand in YAML",
    "\x1b[31mdepth=1": r"'\x1b[31mdepth' is no address",
    "dep\u202eth=1": r"'dep\u202eth' is no address",
    "depth=\ud800": "the character U+D800 may not stand in YAML",
    'depth="\\ud800"': "the character U+D800 may not stand in YAML",
    "dep\udcffth=1": r"'dep\xffth' is no address",
    f"depth={'9' * 6000}": "this number is too large",
    "depth=1e999": "",
    f"depth={'[' * 5000}{']' * 5000}": "the document is too large, too deep",
    f"depth={BOMB}}}": "the document is too large, too deep",
    f"{'a.' * 3000}a=1": "",
    "depth={": "not valid YAML",
    "=1": "'' is no address",
    "": "a setting is ADDRESS=VALUE",
}


def check_told(result, message):
    text = result.out + result.err
    assert result.code == 1, text
    assert "Traceback" not in text
    assert message in " ".join(text.split())
    assert not {character for character in text if not character.isprintable()} - {"\n"}
    assert max(map(len, text.splitlines())) < 1000


@pytest.mark.parametrize("setting", SETTINGS, ids=range(len(SETTINGS)))
def test_settings(folder, cli, setting):
    check_told(cli("check", "small.yaml", "--set", setting), SETTINGS[setting])


CONTENTS = {
    "escape": (b"composer_experiment: 1\nname: \x1b[31m\n", "U+001B"),
    "hidden escape": (b'composer_experiment: 1\n"\\e[31mname": a\n', ""),
    "surrogate": (b'composer_experiment: 1\nname: "\\ud800"\n', "U+D800"),
    "other encoding": (b"composer_experiment: 1\nname: \xff\xfe\xfa\n", "it is not UTF-8 text"),
    "bomb": (f"composer_experiment: 1\nname: {BOMB}}}\n".encode(), "too large, too deep"),
    "number": (b"composer_experiment: " + b"9" * 6000, "this number is too large"),
    "depth": (b"composer_experiment: " + b"[" * 50000, ""),
    "tag": (b"composer_experiment: !!python/object/apply:os.system [true]\n", ""),
    "empty": (b"", ""),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_experiments(folder, cli, name):
    content, message = CONTENTS[name]
    (folder / "a.yaml").write_bytes(content)
    check_told(cli("train", "--experiment", "a.yaml"), message)


@pytest.mark.parametrize("name", CONTENTS)
def test_data_files(folder, cli, name):
    content, message = CONTENTS[name]
    (folder / "a.yaml").write_bytes(content.replace(b"_experiment", b"_data"))
    check_told(cli("data", "check", "a.yaml"), message)


@pytest.mark.parametrize("end", ["json", "csv", "xml", "txt", "yaml", "parquet", ""])
@pytest.mark.parametrize("command", [("data", "check"), ("train", "--experiment"), ("check",)])
def test_pipes_are_named(folder, cli, command, end):
    os.mkfifo(folder / f"a.{end}")
    check_told(cli(*command, f"a.{end}"), "is a pipe")


@pytest.mark.parametrize("command", [("data", "check"), ("train", "--experiment"), ("check",)])
def test_folders_and_devices_are_named(folder, cli, command):
    (folder / "inner").mkdir()
    check_told(cli(*command, "inner"), "")
    (folder / "zero.yaml").symlink_to("/dev/zero")
    check_told(cli(*command, "zero.yaml"), "is a device")


@pytest.mark.parametrize("end", ["json", "csv", "xml", "txt", "yaml"])
def test_pipes_in_folders_of_data_are_not_waited_for(folder, cli, end):
    (folder / "data").mkdir()
    os.mkfifo(folder / "data" / f"labels.{end}")
    check_told(cli("data", "check", "data"), "")


@pytest.mark.parametrize("name", ["a\x1b[31m.json", "a\u202eb.json", "a\udcff.json", "a\n.json"])
def test_names_of_files_are_escaped(folder, cli, name):
    check_told(cli("data", "check", name), "there is no such file or folder")
