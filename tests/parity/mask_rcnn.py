"""Mask R-CNN with an FPN, its node types called by hand, at the size of the golden case."""

import torch
from torch import Tensor, nn

from composer.structures import Boxes, ImageBatch, ImageList, Instances, TensorShape
from composer_fpn.fpn import FPN
from composer_images.postprocess import postprocess
from composer_images.preprocess import Preprocess
from composer_rcnn.box_head import BoxHead
from composer_rcnn.box_predictor import BoxPredictor
from composer_rcnn.detections import Detections, detections
from composer_rcnn.instances import instances
from composer_rcnn.mask_head import MaskHead
from composer_rcnn.masks import masks
from composer_rcnn.roi_pooler import ROIPooler
from composer_resnet.resnet import ResNet
from composer_rpn.anchors import AnchorGenerator
from composer_rpn.proposals import ProposalBoxes, Proposals
from composer_rpn.rpn_head import RPNHead

REGION_LEVELS = ("p2", "p3", "p4", "p5")


class MaskRCNN(nn.Module):
    """The modules under the paths that their weights have in detectron2's checkpoints."""

    def __init__(
        self,
        *,
        stem_out_channels: int = 64,
        res2_out_channels: int = 256,
        width_per_group: int = 64,
        fpn_channels: int = 256,
        fc_dim: int = 1024,
        mask_conv_dim: int = 256,
        post_nms_topk: int = 1000,
    ) -> None:
        super().__init__()
        self.preprocess = Preprocess(size_divisibility=32)
        bottom_up = ResNet(
            images_shape=self.preprocess.output_shape,
            out_features=("res2", "res3", "res4", "res5"),
            stem_out_channels=stem_out_channels,
            res2_out_channels=res2_out_channels,
            width_per_group=width_per_group,
        )
        # The pyramid's weights live beside the bottom-up network, not below it.
        self.backbone = FPN(features_shape=bottom_up.output_shape, out_channels=fpn_channels)
        self.backbone.add_module("bottom_up", bottom_up)
        shapes = self.backbone.output_shape
        self.proposal_generator = nn.ModuleDict(
            {
                "anchors": AnchorGenerator(
                    features_shape=shapes, sizes=((32.0,), (64.0,), (128.0,), (256.0,), (512.0,))
                ),
                "rpn_head": RPNHead(features_shape=shapes),
                "proposals": Proposals(
                    pre_nms_topk_inference=1000, post_nms_topk_inference=post_nms_topk
                ),
            }
        )
        self.roi_heads = build_roi_heads(shapes, fc_dim, mask_conv_dim)
        self.eval()

    def extract(self, images: ImageList) -> dict[str, Tensor]:
        return self.backbone(self.backbone.bottom_up(images))

    def propose(self, images: ImageList, features: dict[str, Tensor]) -> ProposalBoxes:
        anchors = self.proposal_generator.anchors(features)
        predictions = self.proposal_generator.rpn_head(features)
        return self.proposal_generator.proposals(images, anchors, *predictions)

    def detect(
        self, images: ImageList, features: dict[str, Tensor], boxes: list[Boxes]
    ) -> Detections:
        pooled = self.roi_heads.box_pooler(features, boxes)
        predictions = self.roi_heads.box_predictor(self.roi_heads.box_head(pooled))
        return detections(boxes, *predictions, images)

    def segment(self, features: dict[str, Tensor], detected: Detections) -> list[Tensor]:
        pooled = self.roi_heads.mask_pooler(features, detected.boxes)
        return masks(self.roi_heads.mask_head(pooled), detected.classes)

    @torch.no_grad()
    def forward(self, batch: ImageBatch) -> list[Instances]:
        images = self.preprocess(batch).images
        features = self.extract(images)
        return self.finish(batch, images, features, self.propose(images, features).boxes)

    @torch.no_grad()
    def finish(
        self,
        batch: ImageBatch,
        images: ImageList,
        features: dict[str, Tensor],
        boxes: list[Boxes],
    ) -> list[Instances]:
        """Goes on from the proposals to the output."""
        detected = self.detect(images, features, boxes)
        found = instances(
            images,
            detected.boxes,
            detected.scores,
            detected.classes,
            self.segment(features, detected),
        )
        return postprocess(found, batch).instances


def build_roi_heads(
    shapes: dict[str, TensorShape], fc_dim: int, mask_conv_dim: int
) -> nn.ModuleDict:
    box_pooler = ROIPooler(features_shape=shapes, in_features=REGION_LEVELS, output_size=7)
    mask_pooler = ROIPooler(features_shape=shapes, in_features=REGION_LEVELS, output_size=14)
    return nn.ModuleDict(
        {
            "box_pooler": box_pooler,
            "box_head": BoxHead(x_shape=box_pooler.output_shape, fc_dims=(fc_dim, fc_dim)),
            "box_predictor": BoxPredictor(x_shape=TensorShape(channels=fc_dim), num_classes=80),
            "mask_pooler": mask_pooler,
            "mask_head": MaskHead(
                x_shape=mask_pooler.output_shape,
                conv_dims=(mask_conv_dim,) * 4,
                deconv_dim=mask_conv_dim,
                num_classes=80,
            ),
        }
    )
