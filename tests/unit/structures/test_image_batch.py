import numpy as np
import pytest
import torch

from composer.structures import Boxes, ImageBatch, Instances


def record(**entries):
    return {"image": torch.zeros(3, 20, 30, dtype=torch.uint8), **entries}


def test_it_is_a_sequence_of_the_records():
    batch = ImageBatch.from_records([record(file_name="a.jpg"), record(image_id=7)])
    assert len(batch) == 2
    assert batch[1]["image_id"] == 7
    assert [one.get("file_name") for one in batch] == ["a.jpg", None]
    assert isinstance(batch[:1], ImageBatch)


def test_a_batch_is_taken_as_it_is():
    batch = ImageBatch.from_records([record()])
    assert ImageBatch.from_records(batch) is batch


def test_an_empty_batch_is_a_batch():
    batch = ImageBatch.from_records([])
    assert batch.images == batch.output_sizes == batch.instances == []
    assert batch.summary() == "0 images"


def test_later_changes_of_a_record_do_not_reach_the_batch():
    entries = record()
    batch = ImageBatch.from_records([entries])
    entries["height"] = 5
    assert batch.output_sizes == [(20, 30)]


def test_output_sizes_fall_back_to_the_images_own():
    batch = ImageBatch.from_records(
        [record(), record(height=40, width=60), record(height=np.int64(10))]
    )
    assert batch.output_sizes == [(20, 30), (40, 60), (10, 30)]


def test_ports_collect_the_values_of_all_records():
    objects = Instances((20, 30), gt_boxes=Boxes([]))
    labels = torch.zeros(20, 30, dtype=torch.long)
    batch = ImageBatch.from_records([record(instances=objects, sem_seg=labels, proposals=objects)])
    assert batch.instances == batch.proposals == [objects]
    assert batch.sem_seg[0] is labels
    assert batch.images[0].shape == (3, 20, 30)


@pytest.mark.parametrize("port", ["instances", "proposals", "sem_seg"])
def test_a_port_names_the_record_that_lacks_it(port):
    complete = {
        "instances": Instances((20, 30)),
        "proposals": Instances((20, 30)),
        "sem_seg": torch.zeros(20, 30, dtype=torch.long),
    }
    batch = ImageBatch.from_records([record(**complete), record(height=3)])
    with pytest.raises(ValueError, match=f"Record 1 has no '{port}'; it has 'image', 'height'"):
        getattr(batch, port)


def test_a_port_refuses_a_value_of_another_kind():
    batch = ImageBatch.from_records([record(instances=[])])
    with pytest.raises(ValueError, match="Record 0: 'instances' must be Instances, but is a list"):
        batch.instances  # noqa: B018


@pytest.mark.parametrize(
    ("records", "error", "message"),
    [
        ({"image": 1}, TypeError, "put this dict into a list"),
        (torch.zeros(1, 3, 4, 4), TypeError, "not a Tensor"),
        ("photo.jpg", TypeError, "not a str"),
        (["photo.jpg"], TypeError, "Record 0 is a str"),
        ([{"file_name": "a"}], ValueError, "Record 0 has no 'image'; it has 'file_name'"),
        ([{}], ValueError, "it has no keys"),
        ([{"image": np.zeros((4, 5, 3))}], TypeError, r"transpose\(2, 0, 1\)"),
        ([{"image": "a.jpg"}], TypeError, "'image' must be a tensor, but is a str"),
        (
            [{"image": torch.zeros(8, 9, 1)}],
            ValueError,
            r"with image\.permute\(2, 0, 1\)\.expand\(3, -1, -1\)\.",
        ),
        ([{"image": torch.zeros(4, 5)}], ValueError, r"C x H x W, but its shape is \(4, 5\)"),
        ([{"image": torch.zeros(3, 0, 5)}], ValueError, "no pixels"),
        ([record(height="20")], TypeError, "'height' must be an int, but is a str"),
        ([record(width=True)], TypeError, "'width' must be an int"),
        ([record(width=0)], ValueError, "'width' must be positive"),
    ],
)
def test_a_bad_record_is_refused_with_its_index_and_key(records, error, message):
    with pytest.raises(error, match=message):
        ImageBatch.from_records(records)


def test_all_bad_records_are_named_at_once():
    with pytest.raises(ValueError, match="Record 0") as caught:
        ImageBatch.from_records([{}, record(), record(width=-1, height=-1)])
    assert len(str(caught.value).splitlines()) == 3


def test_it_moves_all_tensors_of_all_records():
    objects = Instances((20, 30), gt_boxes=Boxes([[0.0, 0.0, 1.0, 1.0]]))
    batch = ImageBatch.from_records([record(instances=objects, file_name="a")])
    moved = batch.to("meta")
    assert moved[0]["image"].device == torch.device("meta")
    assert moved.instances[0].gt_boxes.device == torch.device("meta")
    assert moved[0]["file_name"] == "a"
    assert [tensor.numel() for tensor in batch.tensors()] == [3 * 20 * 30, 4]


def test_it_describes_itself():
    batch = ImageBatch.from_records([record(), record()])
    assert batch.summary() == "2 images: 3x20x30, 3x20x30"
    assert ImageBatch.from_records([record()]).summary() == "1 image: 3x20x30"
    assert repr(batch) == "ImageBatch(2 images: 3x20x30, 3x20x30)"


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool])
def test_images_are_bytes_or_floating_point(dtype):
    image = torch.zeros(3, 4, 5, dtype=dtype)
    with pytest.raises(TypeError, match=f"Record 0: 'image' is {dtype}; images are torch.uint8"):
        ImageBatch.from_records([{"image": image}])
    ImageBatch.from_records([record(image=torch.zeros(3, 4, 5, dtype=torch.float16))])


@pytest.mark.parametrize(
    ("key", "meant"), [("heigth", "height"), ("instance", "instances"), ("Image_ID", "image_id")]
)
def test_a_misspelt_key_is_told(key, meant):
    with pytest.raises(ValueError, match=f"Record 0 has the key '{key}'. Did you mean '{meant}'"):
        ImageBatch.from_records([record(**{key: 7})])
    ImageBatch.from_records([record(weight=7, height=20, camera="left")])
