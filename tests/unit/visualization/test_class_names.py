from types import SimpleNamespace

from composer.visualization import ClassNames
from composer.visualization.colors import pick_color


def test_names_and_colors_come_from_any_metadata():
    names = ClassNames.of(
        SimpleNamespace(
            thing_classes=["cat", "dog"], stuff_classes=["sky"], thing_colors=[(1, 2, 3)] * 2
        )
    )
    assert [names.name_thing(0), names.name_thing(1), names.name_stuff(0)] == ["cat", "dog", "sky"]
    assert names.color_thing(1) == (1, 2, 3)
    assert names.color_stuff(0) not in ((1, 2, 3), names.color_thing(0))


def test_numbers_without_a_name_are_written_as_they_are():
    names = ClassNames.of(None)
    assert names.name_thing(7) == names.name_stuff(7) == "class 7"
    assert names.color_thing(7) == pick_color(7)
    assert ClassNames.of(SimpleNamespace(thing_classes=("cat",))).name_thing(-1) == "class -1"


def test_connections_are_indices_or_names_of_keypoints():
    keypoints = {"keypoint_names": ("a", "b", "c")}
    by_name = SimpleNamespace(**keypoints, keypoint_connections=[("a", "c")])
    by_index = SimpleNamespace(**keypoints, keypoint_connections=[(0, 2)])
    assert ClassNames.of(by_name).connections == ClassNames.of(by_index).connections == ((0, 2),)


def test_a_person_is_connected_without_being_told():
    person = SimpleNamespace(keypoint_names=("left_hip", "left_knee", "left_ankle", "tail"))
    assert ClassNames.of(person).connections == ((0, 1), (1, 2))


def test_the_ignored_label_may_be_zero():
    assert ClassNames.of(SimpleNamespace(ignore_label=0)).ignore_label == 0
    assert ClassNames.of(SimpleNamespace()).ignore_label == 255


def test_names_stay_what_they_are():
    names = ClassNames(things=("cat",))
    assert ClassNames.of(names) is names
