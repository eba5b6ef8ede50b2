"""Small streets in the form of Cityscapes, drawn from a seed, and what a model might find."""

import numpy as np
import torch
from PIL import Image

from composer.data.cityscapes_classes import CLASSES, THINGS
from composer.structures import Boxes, Instances

SIZE = (120, 200)


def draw_streets(folder, num_images=4, seed=3):
    """Writes images, instance ids and training ids of a validation set; returns the ids."""
    draw = np.random.default_rng(seed)
    images, labels = folder / "leftImg8bit/val/ulm", folder / "gtFine/val/ulm"
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    drawn = []
    for number in range(num_images):
        ids = _draw_ids(draw)
        stem = f"ulm_{number:06}_000019"
        Image.new("RGB", SIZE[::-1]).save(images / f"{stem}_leftImg8bit.png")
        Image.fromarray(ids.astype(np.uint16)).save(labels / f"{stem}_gtFine_instanceIds.png")
        own = np.where(ids >= 1000, ids // 1000, ids)
        Image.fromarray(own.astype(np.uint8)).save(labels / f"{stem}_gtFine_labelIds.png")
        training = np.full(SIZE, 255, np.uint8)
        for place, label in enumerate(CLASSES.values()):
            training[own == label] = place
        Image.fromarray(training).save(labels / f"{stem}_gtFine_labelTrainIds.png")
        drawn.append(ids)
    return drawn


def find_objects(ids, seed):
    """What an imperfect model finds: moved, doubled and invented objects of any class."""
    draw = np.random.default_rng(seed)
    masks, classes, scores = [], [], []
    for own in np.unique(ids).tolist():
        label = own // 1000 if own >= 1000 else own
        name = next((name for name in THINGS if CLASSES[name] == label), None)
        for _ in range(int(draw.integers(1, 4))) if name else ():
            shift = tuple(draw.integers(-3, 4, 2))
            masks.append(np.roll(ids == own, shift, (0, 1)))
            wrong = draw.random() < 0.15
            classes.append(int(draw.integers(8)) if wrong else THINGS.index(name))
            scores.append(round(float(draw.random()), 1))
    for _ in range(3):
        masks.append(_draw_box(draw, 40))
        classes.append(int(draw.integers(8)))
        scores.append(round(float(draw.random()), 1))
    return Instances(
        SIZE,
        pred_boxes=Boxes(torch.zeros(len(masks), 4)),
        pred_classes=torch.tensor(classes),
        scores=torch.tensor(scores),
        pred_masks=torch.from_numpy(np.stack(masks)),
    )


def find_pixels(ids, seed):
    """Scores of the 19 classes: those of the truth, moved, with patches of other classes."""
    draw = np.random.default_rng(seed)
    own = np.where(ids >= 1000, ids // 1000, ids)
    classes = np.zeros(SIZE, np.int64)
    for place, label in enumerate(CLASSES.values()):
        classes[own == label] = place
    classes = np.roll(classes, (2, -3), (0, 1))
    for _ in range(6):
        classes[_draw_box(draw, 50)] = draw.integers(19)
    return torch.nn.functional.one_hot(torch.from_numpy(classes), 19).permute(2, 0, 1).float()


def _draw_ids(draw):
    ids = np.full(SIZE, 7)
    ids[:40], ids[40:60], ids[110:] = 23, 11, 4
    ids[:, :10] = 21
    for number in range(14):
        label = CLASSES[THINGS[int(draw.integers(8))]]
        side = int(draw.choice([6, 20, 45]))
        ids[_draw_box(draw, side)] = label if draw.random() < 0.2 else label * 1000 + number
    ids[_draw_box(draw, 30)] = 29001  # a caravan, which is not evaluated
    return ids


def _draw_box(draw, side):
    top, left = int(draw.integers(SIZE[0] - 5)), int(draw.integers(SIZE[1] - 5))
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side + int(draw.integers(5))] = True
    return mask
