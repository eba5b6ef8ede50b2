"""A region proposal network that learns coloured shapes, for tests of experiments."""

from composer.data import write_shape_dataset

EXPERIMENT = """\
composer_experiment: 1
name: shapes
params: {data: shapes}
spec: rpn_r50_fpn
set:
  model:
    depth: 18
    stem_out_channels: 8
    res2_out_channels: 8
    fpn_channels: 8
    rpn_batch_size_per_image: 4096
    rpn_post_nms_topk_training: 20
datasets:
  shapes:
    uses: coco
    with: {annotations: "${data}/instances.json", images: "${data}/images"}
train:
  datasets: [shapes]
  num_workers: 0
  augmentations:
    - {uses: random_flip}
validation: {datasets: [shapes], augmentations: [], num_workers: 0}
training:
  iterations: 4
  optimizer: {uses: SGD, lr: 0.01, with: {momentum: 0.9}}
  checkpoint: {every: 2}
  log_every: 1
evaluation: {metrics: [], losses: true}
from_scratch: true
"""


def write_experiment(folder, text=EXPERIMENT, num_images=8):
    """Writes the experiment, and its data beside it; the file of the experiment."""
    if not (folder / "shapes").exists():
        write_shape_dataset(folder / "shapes", num_images=num_images, size=48)
    file = folder / "experiment.yaml"
    file.write_text(text)
    return file
