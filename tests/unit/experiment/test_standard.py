"""A model and images alone are enough to train."""

import pytest
import yaml

from composer.data import find_data, write_shape_dataset
from composer.errors import InputError, SpecError
from composer.experiment import load_experiment, standard_experiment
from composer.experiment.datasets import open_experiment_data
from composer.experiment.sections import find_spec
from composer.language import load_spec
from composer.model_source import find_model_source
from unit.experiment.small_experiment import EXPERIMENT

SPEC = {
    "composer": 1,
    "extends": "rpn_r50_fpn",
    "set": yaml.safe_load(EXPERIMENT)["set"]["model"],
    "inputs": {"batch": {"image": {"shortest_edge": 60, "longest_edge": 90}}},
}


@pytest.fixture
def spec(tmp_path):
    write_shape_dataset(tmp_path / "shapes", num_images=10, size=48)
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(SPEC))
    return file


def datasets_of(folder, *names, **more):
    """The shapes under several names, as a data file has them."""
    call = {
        "uses": "coco",
        "with": {"annotations": "shapes/instances.json", "images": "shapes/images"},
    }
    document = {"composer_data": 1, "datasets": dict.fromkeys(names, call | more)}
    (folder / "data.yaml").write_text(yaml.safe_dump(document))
    return folder / "data.yaml"


def test_one_dataset_is_divided(spec, tmp_path):
    shapes = tmp_path / "shapes"
    datasets = find_data(shapes / "instances.json", shapes / "images")
    images = open_experiment_data(standard_experiment(spec, datasets))
    learnt, measured = (
        {record.image_id for record in images.by_name[name].records}
        for name in ("train", "validation")
    )
    assert (len(learnt), len(measured)) == (8, 2)
    assert not learnt & measured


def test_rotated_boxes_are_learnt_from_and_measured(spec, tmp_path):
    datasets = datasets_of(tmp_path, "train", "validation")
    document = standard_experiment(spec, datasets, set=["*.rotated_boxes=true"]).document
    assert document.train.rotated_boxes
    assert document.validation.rotated_boxes


def test_a_selection_is_learnt_from_as_a_whole(spec, tmp_path):
    datasets = datasets_of(tmp_path, "some", select={"first": 3})
    experiment = standard_experiment(spec, datasets)
    assert len(open_experiment_data(experiment).by_name["train"].records) == 3
    assert experiment.document.validation is None


def test_named_datasets_are_taken_by_their_names(spec, tmp_path):
    datasets = datasets_of(tmp_path, "other", "validation", "train")
    experiment = standard_experiment(spec, datasets)
    assert set(experiment.datasets) == {"train", "validation"}
    alone = standard_experiment(spec, datasets_of(tmp_path, "train"))
    assert alone.document.evaluation is None


def test_a_test_set_stays_unseen(spec, tmp_path):
    whole = open_experiment_data(standard_experiment(spec, datasets_of(tmp_path, "some")))
    experiment = standard_experiment(spec, datasets_of(tmp_path, "train", "test"))
    assert set(experiment.datasets) == {"train", "validation"}
    divided = open_experiment_data(experiment)
    for name in ("train", "validation"):
        files = [[r.file_name for r in data.by_name[name].records] for data in (divided, whole)]
        assert files[0] == files[1]


def test_what_is_measured_on_may_be_called_val(spec, tmp_path):
    datasets = datasets_of(tmp_path, "val", "train")
    assert set(standard_experiment(spec, datasets).datasets) == {"train", "validation"}


@pytest.mark.parametrize("names", [("left", "right"), ("right", "train")])
def test_names_that_say_nothing_are_refused(spec, tmp_path, names):
    with pytest.raises(InputError, match=f"{', '.join(names)}: call the training set 'train'"):
        standard_experiment(spec, datasets_of(tmp_path, *names))


def test_an_address_of_the_data_file_is_told_as_the_experiments(spec, tmp_path):
    datasets = datasets_of(tmp_path, "train", "validation")
    with pytest.raises(SpecError, match=r"Did you mean 'datasets\.train\.annotations'"):
        standard_experiment(spec, datasets, set=["train.with.annotations=x.json"])


def test_images_have_the_size_that_the_model_wants(spec, tmp_path):
    experiment = standard_experiment(spec, datasets_of(tmp_path, "train"))
    resizing = experiment.document.train.augmentations[-1]
    assert resizing.configuration["shortest_edge"] == [48, 60]
    assert resizing.configuration["longest_edge"] == 90


def test_settings_take_their_places(spec, tmp_path):
    datasets = datasets_of(tmp_path, "train")
    settings = ["training.iterations=7", "lr=0.5", "train.batch_size=2"]
    document = standard_experiment(spec, datasets, set=settings).document
    assert (document.training.iterations, document.training.optimizer.lr) == (7, 0.5)
    assert document.train.batch_size == 2
    with pytest.raises(SpecError, match="learning_rate"):
        standard_experiment(spec, datasets, set=["learning_rate=1"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("evaluation.every=5", "--set evaluation.every=5: 'evaluation.every' has no effect: there"),
        ("evaluation={losses: true}", "'evaluation.losses' has no effect: there is no validation"),
        ("validation.batch_size=2", "has no effect: there is no validation set; call a dataset"),
        (
            "training.early_stopping={metric: bbox/AP, patience: 3}",
            "early_stopping' needs an 'evaluation'",
        ),
    ],
)
def test_settings_of_an_evaluation_need_a_validation_set(spec, tmp_path, setting, message):
    with pytest.raises(SpecError) as caught:
        standard_experiment(spec, datasets_of(tmp_path, "train"), set=[setting])
    assert message in " ".join(str(caught.value).split())
    data = datasets_of(tmp_path, "train", "validation")
    assert standard_experiment(spec, data, set=[setting]).document.evaluation is not None


def test_settings_of_everything_need_no_validation_set(spec, tmp_path):
    settings = ["*.num_workers=0", "evaluation=null"]
    document = standard_experiment(spec, datasets_of(tmp_path, "train"), set=settings).document
    assert (document.train.num_workers, document.validation) == (0, None)


def test_its_document_is_an_experiment(spec, tmp_path):
    shapes = tmp_path / "shapes"
    datasets = find_data(shapes / "instances.json", shapes / "images")
    plain = standard_experiment(spec, datasets).as_document()
    (tmp_path / "elsewhere.yaml").write_text(yaml.safe_dump(plain))
    again = load_experiment(tmp_path / "elsewhere.yaml")
    assert again.as_document() == plain


def test_a_model_that_ships_stays_ours_where_a_plugin_publishes_a_spec_of_its_name(
    plugin_folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plugin_folder.install("clashing", "[composer.specs]\nspecs = clashing_specs\n")
    folder = plugin_folder.path / "clashing_specs"
    folder.mkdir()
    folder.joinpath("people.yaml").write_text("composer: 1\nname: people\n")
    found, note = find_spec("people", tmp_path)
    assert found == "detection-composer/people"
    assert "clashing 1.0" in note
    assert find_model_source(found) == find_model_source("people")
    assert find_spec("clashing/people", tmp_path)[0] == "clashing/people"


def test_training_without_a_validation_set_is_told(tmp_path, spec, caplog):
    standard_experiment(spec, datasets_of(tmp_path, "train", "validation"))
    assert "validation set" not in caplog.text
    standard_experiment(spec, datasets_of(tmp_path, "train"))
    assert "no validation set, so nothing is evaluated; `composer data split" in caplog.text


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.datasets=[x]", "--set train.datasets=[x][0]: there is no dataset 'x'"),
        ("validation.datasets=[y]", "--set validation.datasets=[y][0]: there is no dataset 'y'"),
        ("datasets=3", "--set datasets=3: 'datasets' has no effect: a data file is given"),
        ("model=3", "--set model=3: 'model' is a section: name one of its settings"),
        ("train=3", "--set train=3: 'train': should be a mapping, not 3"),
        (
            "train.augmentations.1.uses=random_flip",
            "--set train.augmentations.1.uses=random_flip: unknown key 'sampling'",
        ),
    ],
)
def test_mistakes_are_told_at_the_users_own_setting(spec, tmp_path, setting, message):
    with pytest.raises(SpecError) as caught:
        standard_experiment(spec, datasets_of(tmp_path, "train", "val"), set=[setting])
    assert message in " ".join(str(caught.value).split())
    assert "<dict>" not in str(caught.value)


def test_without_a_validation_set_nothing_is_evaluated(spec, tmp_path):
    datasets = datasets_of(tmp_path, "train", "val")
    document = standard_experiment(spec, datasets, set=["validation=null"]).document
    assert (document.validation, document.evaluation) == (None, None)


@pytest.mark.parametrize("address", ["model.foo", "model.roi_heads.foo"])
def test_settings_are_suggested_and_not_nodes(tmp_path, address):
    with pytest.raises(SpecError) as caught:
        standard_experiment(
            "faster_rcnn_r50_fpn", datasets_of(tmp_path, "train"), set=[f"{address}=1"]
        )
    (problem,) = caught.value.problems
    nodes = {path for path, _ in load_spec("faster_rcnn_r50_fpn").graph.walk()}
    assert not {f"'model.{path}'" for path in nodes} & set(problem.hint.rstrip("?.").split())
