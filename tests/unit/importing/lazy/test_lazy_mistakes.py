"""What a lazy configuration cannot say is an error at its place; nothing in a file is run."""

import pytest

from composer import SpecError, import_config
from composer.importing import read_import
from unit.importing import lazy_models as models


@pytest.fixture
def refuse(write):
    """The message about a configuration, on one line."""

    def import_text(text):
        with pytest.raises(SpecError) as caught:
            import_config(write(text))
        return " ".join(str(caught.value).split())

    return import_text


@pytest.fixture
def refuse_value(refuse):
    """The message about a Mask R-CNN with another value at a path."""

    def import_changed(path, value):
        model = models.mask_rcnn()
        *around, last = path.split(".")
        part = model
        for name in around:
            part = part[name]
        if value is ...:
            del part[last]
        else:
            part[last] = value
        return refuse(models.write_yaml(model))

    return import_changed


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("roi_heads.batch_size_per_image", ..., "StandardROIHeads needs 'batch_size_per_image'"),
        ("proposal_generator.nms_tresh", 0.5, "RPN has no argument 'nms_tresh'"),
        ("proposal_generator.nms_tresh", 0.5, "Did you mean 'nms_thresh'?"),
        ("proposal_generator.nms_thresh", "high", "nms_thresh = 'high': a number was expected"),
        ("proposal_generator.nms_thresh", True, "nms_thresh = True: a number was expected"),
        ("proposal_generator.pre_nms_topk", [1000], "a number for training and one for inference"),
        ("proposal_generator.in_features", ["p2", "p9"], "there is no level 'p9'; there are p2"),
        ("proposal_generator.loss_weight", {"loss": 1.0}, "the losses are loss_rpn_cls and"),
        ("proposal_generator.head.num_anchors", 9, "num_anchors = 9: 3 was expected"),
        ("proposal_generator.head.in_channels", 8, "in_channels = 8: 256 was expected"),
        ("proposal_generator.anchor_matcher.labels", [0, 1], "3 were expected, one more than"),
        ("proposal_generator.anchor_matcher.labels", ..., "Matcher needs 'labels'"),
        (
            "proposal_generator.anchor_matcher.allow_low_quality_matches",
            False,
            "only True can be expressed",
        ),
        ("proposal_generator.anchor_generator.strides", [8] * 5, "the strides of the levels"),
        ("proposal_generator.anchor_generator.sizes", [[32], [64]], "one list for each, or one"),
        ("backbone.out_channels", 0, "out_channels = 0: a whole number above 0 was expected"),
        ("backbone.out_channels", "${.nothing}", "there is no 'nothing' in model.backbone"),
        ("backbone.out_channels", "${.out_channels}", "it leads back to itself"),
        ("backbone.out_channels", "${oc.env:HOME}", "worked out when a program runs"),
        ("backbone.out_channels", "${........a}", "there is nothing 8 levels above"),
        ("backbone.out_channels", "${a.${b}}", "interpolations within interpolations"),
        ("backbone.norm", "XN", "model.backbone.norm = 'XN': only '' or 'BN'"),
        ("backbone.fuse_type", "max", "only 'sum' or 'avg' can be expressed"),
        ("backbone.bottom_up.stages.depth", 51, "depth = 51: only 18 or 34 or 50"),
        ("backbone.bottom_up.stages.norm", "BN", "the stem has 'FrozenBN'"),
        ("backbone.bottom_up.stem.in_channels", 4, "in_channels = 4: only 3 can be expressed"),
        ("backbone.bottom_up.num_classes", 1000, "only None can be expressed"),
        (
            "backbone.bottom_up._target_",
            "detectron2.modeling.VoVNet",
            "only detectron2's ResNet or RegNet or SwinTransformer or MViT can be expressed",
        ),
        ("roi_heads._target_", "mine.MyHeads", "model.roi_heads._target_ = 'mine.MyHeads'"),
        ("roi_heads.box_head.input_shape.channels", 8, "256 channels were expected"),
        ("roi_heads.box_head.fc_dims", [], "without conv_dims, the head has no layer"),
        ("roi_heads.box_predictor.input_shape.channels", 8, "1024 values were expected"),
        ("roi_heads.box_predictor.num_classes", 3, "num_classes = 3: 80 was expected"),
        ("roi_heads.box_predictor.use_fed_loss", True, "the federated loss judges each class"),
        ("roi_heads.box_pooler.pooler_type", "ROIWarp", "only 'ROIAlignV2' or 'ROIAlign' or"),
        ("roi_heads.box_pooler.scales", [1.0], "one over the stride of each level"),
        ("roi_heads.mask_head.conv_dims", [], "the last one is of the upsampling"),
        ("roi_heads.mask_in_features", ["p2"], "all heads look at the same levels"),
        ("roi_heads.box_predictor.box2box_transform.weights", [1.0], "a box has 4 offsets"),
        ("roi_heads.mask_pooler", None, "a head without a pooler cannot be expressed"),
        ("pixel_std", [1.0], "pixel_mean has another number of channels"),
        ("input_format", "L", "only 'BGR' or 'RGB' can be expressed"),
        ("roi_heads", ..., "GeneralizedRCNN needs 'roi_heads'"),
    ],
)
def test_what_cannot_be_expressed_is_an_error_that_names_the_key(
    refuse_value, path, value, message
):
    assert message in refuse_value(path, value)


def test_a_problem_has_a_line_and_a_column(write):
    model = models.mask_rcnn()
    model["backbone"]["out_channels"] = "wide"
    path = write(models.write_yaml(model))
    lines = path.read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if line.endswith("out_channels: wide"))
    with pytest.raises(SpecError) as caught:
        import_config(path)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column) == (number, lines[number - 1].index("w") + 1)


def test_all_problems_are_reported_at_once(write):
    model = models.mask_rcnn()
    model["proposal_generator"]["nms_tresh"] = 0.5
    model["proposal_generator"]["head"]["num_anchors"] = 5
    model["roi_heads"]["mask_head"]["conv_dims"] = []
    with pytest.raises(SpecError) as caught:
        import_config(write(models.write_yaml(model)))
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: !!python/object/apply:os.system ['touch {out}']", "model._target_ = 'os.system'"),
        ("model: {{_target_: os.system, command: 'touch {out}'}}", "model._target_ = 'os.system'"),
        ("model: !!python/object/new:os.system ['touch {out}']", "model._target_ = 'os.system'"),
        ("model: !!python/module:os", "a mapping with '_target_' was expected"),
        ("model: !mine {{a: 1}}", "the tag '!mine' has no meaning in a configuration"),
        ("model: null", "a mapping with '_target_' was expected"),
        ("dataloader: {{}}", "a lazy configuration has a key 'model'"),
        ("model: {{_target_: x, _target_: y}}", "the key '_target_' occurs twice"),
        ("model: {{<<: {{_target_: x}}}}", "a key must be a plain word"),
        ("model: [", "not valid YAML"),
        ("- model: {{_target_: x}}", "a configuration is a mapping"),
        ("model: &a {{_target_: x, y: *a}}", "refers to itself"),
    ],
)
def test_a_hostile_file_is_an_error_and_is_not_run(refuse, tmp_path, text, message):
    assert message in refuse(text.format(out=tmp_path / "made"))
    assert not (tmp_path / "made").exists()


def test_a_deep_file_is_an_error(refuse):
    assert "too deep" in refuse("model: " + "[" * 3000 + "]" * 3000)


def test_aliases_that_multiply_are_an_error(refuse):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "too large" in refuse("\n".join([*lines, "model: *a11"]))


def test_interpolations_that_multiply_are_an_error(refuse):
    lines = ["b0: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for number in range(1, 12):
        below = f"'${{b{number - 1}}}'"
        lines.append(f"b{number}: [{', '.join([below] * 10)}]")
    model = {**models.mask_rcnn(), "pixel_mean": "${b11}"}
    text = "\n".join([*lines, models.write_yaml(model)])
    assert "interpolations repeat too many values" in refuse(text)


def test_a_tag_beside_the_model_stays_inert(write, tmp_path):
    around = f"optimizer: !!python/object/apply:os.system ['touch {tmp_path / 'made'}']\n"
    account = read_import(write(around + models.write_yaml(models.mask_rcnn()))).account
    assert account.not_carried_over["optimizer"] == "how the optimizer learns"
    assert not (tmp_path / "made").exists()


def test_a_configuration_in_python_is_not_run(write):
    with pytest.raises(SpecError, match="is code, which is not run"):
        import_config(write("raise SystemExit", "mask_rcnn.py"))


def test_interpolations_that_nest_too_deeply_are_an_error(refuse):
    nested = "[" * 50 + "'${c%d}'" + "]" * 50
    lines = [f"c{i}: " + nested.replace("%d", str(i + 1)) for i in range(60)]
    model = {**models.mask_rcnn(), "pixel_mean": "${c0}"}
    message = refuse("\n".join([*lines, "c60: 1", models.write_yaml(model)]))
    assert "too deep" in message or "a list, each item a number was expected" in message


@pytest.mark.parametrize("factor", [0, -1, 1e-320, float("inf"), float("nan"), 3.0])
def test_a_factor_of_a_pyramid_makes_a_power_of_two(refuse, factor):
    pyramid = models.call(
        "SimpleFeaturePyramid",
        net=models.call("ViT"),
        in_feature="last_feat",
        out_channels=256,
        scale_factors=[factor],
    )
    message = refuse(models.write_yaml(models.mask_rcnn(backbone=pyramid)))
    assert "each makes a stride that is a power of two" in message
