"""Whole messages about specs: all problems at once, each with its place and a way out."""

from spec_folder import marked

MESSAGES = """\
--set size=seven: 'output_size': should be a whole number or a list, not 'seven'
    It goes to 'roi_heads.box_pooler.output_size'.
spec.yaml:15:45: node 'roi_heads.box_pooler': input 'boxes' expects Boxes or RotatedBoxes per
    image, but 'features' (backbone) returns Features.
      15 |         inputs: {features: features, boxes: features}
                                                       ^^^^^^^^
    The value comes from spec.yaml:11:24.
    No node returns Boxes or RotatedBoxes per image.
spec.yaml:16:70: node 'roi_heads.box_pooler': configuration 'pooler_type': should be
    'ROIAlignV2', 'ROIAlign' or 'ROIPool', not 'ROIAlignV3'
      16 |         with: {output_size: ${size}, sampling_ratio: 0, pooler_type: "${kind}"}
                                                                                ^^^^^^^^^
    The value comes from spec.yaml:20:25.
    Did you mean 'ROIAlignV2'?
spec.yaml:18:15: unknown node type 'mask_hed'. Did you mean 'mask_head' (detection-composer)?
      18 |         uses: mask_hed
                         ^^^^^^^^
4 problems."""


def test_problems_of_all_kinds_are_told_at_once_and_in_order(spec_folder):
    spec_folder.write("inner.yaml", "composer: 1\nparams: {k: 1}\ninputs: {x: any}\nnodes: {\n")
    problems = spec_folder.problems(
        """\
        composer: 1
        nmae: typo
        params: {k: 1, k: 2, c: three}
        inputs: {x: any, y: Nothing}
        nodes:
          a: {spec: inner.yaml, inputs: {x: x}}
          b: {uses: scal, inputs: {x: x}}
          c: {uses: scale, inputs: {x: zz}}
          d: {uses: count, inputs: {boxes: f}}
          e: {uses: scale, input: {x: x}}
          f: {uses: features, inputs: {x: x}}
          g: {uses: shift, inputs: {x: h}, with: {by: "${q}"}}
          h: {uses: shift, inputs: {x: i}, with: {by: 1.0}}
          i: {uses: shift, inputs: {x: h}}
          j: {}
          k: {uses: source, inputs: {x: x}, with: {channels: "${c}"}}
          l: {uses: linear, inputs: {x: k}}
          m: {uses: source, inputs: {x: x}, with: {channels: 2}}
          n: {uses: linear, inputs: {x: m}, with: {out: -3}}
          o: {uses: !!int 3}
        outputs: {y: a, z: zzz}
        weights: {zzzz: w.pth}
        """,
        set=["p"],
    )
    found = [(problem.place.line, marked(problem)) for problem in problems if problem.place.line]
    assert [str(problem.place) for problem in problems[:2]] == ["--set p", "inner.yaml:5:1"]
    assert found[1:] == [
        (2, "nmae"),
        (3, "k"),
        (4, "Nothing"),
        (7, "scal"),
        (8, "zz"),
        (9, "f"),
        (10, "input"),
        (12, '"${q}"'),
        (13, "h"),
        (15, "j"),
        (16, '"${c}"'),
        (19, "-3"),
        (20, "!!int 3"),
        (21, "zzz"),
        (22, "zzzz"),
    ]


def test_whole_messages_read_well(spec_folder):
    text = spec_folder.complain(
        """\
        composer: 1
        inputs: {batch: ImageBatch}
        nodes:
          preprocess:
            uses: preprocess
            inputs: {batch: batch}
          backbone:
            uses: resnet
            inputs: {images: preprocess}
          roi_heads:
            inputs: {features: backbone}
            nodes:
              box_pooler:
                uses: roi_pooler
                inputs: {features: features, boxes: features}
                with: {output_size: ${size}, sampling_ratio: 0, pooler_type: "${kind}"}
              mask_head:
                uses: mask_hed
                inputs: {x: box_pooler}
        params: {size: 7, kind: ROIAlignV3}
        """,
        set=["size=seven"],
    )
    assert text == MESSAGES
