"""Datasets, their samples, and batches of those."""

from typing import TYPE_CHECKING

from composer.lazy_face import lazy_face

if TYPE_CHECKING:
    from composer.data.augmentations.augmentation import AugmentationCall, can_mirror
    from composer.data.catalog import (
        CatalogMetadata,
        DatasetCatalog,
        MetadataCatalog,
        register_coco_instances,
    )
    from composer.data.data_file import (
        DATASETS_PREFIX,
        DataFile,
        DatasetDocument,
        DatasetName,
        Selection,
        find_data,
        find_data_file,
        open_datasets,
        open_each,
        read_data_file,
        recognise_data,
    )
    from composer.data.dataset import (
        Dataset,
        concatenate_datasets,
        describe_untrainable,
        require_datasets,
    )
    from composer.data.faults import Fault, FaultPolicy, count_faults, describe_faults
    from composer.data.formats.data_path import DataPath
    from composer.data.formats.recognition import Recognition
    from composer.data.image_size import ImageSize, choose_size, with_size
    from composer.data.images import (
        find_images,
        make_record,
        read_image,
        read_images,
    )
    from composer.data.inspection import inspect_dataset
    from composer.data.json_file import read_entries
    from composer.data.json_values import (
        are_numbers,
        as_integer,
        describe_missing_id,
        show_value,
        to_flag,
        to_id,
        to_number,
    )
    from composer.data.label_images import write_segment_ids
    from composer.data.loading import InferenceBatches, LoadingOptions, TrainingBatches
    from composer.data.mapper import Mapper
    from composer.data.metadata import Metadata, describe_unknown_flips
    from composer.data.plugin_call import PluginCall
    from composer.data.readers.annotation_forms import is_empty, to_run_lengths, to_segmentation
    from composer.data.record_drawing import Layer, choose_layer, draw_record, draw_sample
    from composer.data.records import Annotation, Proposals, Record, Segment
    from composer.data.rotated_targets import make_rotated_boxes
    from composer.data.sample_reading import (
        MaskFormat,
        peek_size,
        read_instance_ids,
        read_panoptic,
        read_pixels,
        read_sample,
        read_sem_seg,
        to_outline,
    )
    from composer.data.samplers import SamplerSettings
    from composer.data.samples import Sample
    from composer.data.toy_cells import write_cell_dataset
    from composer.data.toy_dataset import write_shape_dataset
    from composer.data.transforms.resizing import resize_image

__all__ = [
    "DATASETS_PREFIX",
    "Annotation",
    "AugmentationCall",
    "CatalogMetadata",
    "DataFile",
    "DataPath",
    "Dataset",
    "DatasetCatalog",
    "DatasetDocument",
    "DatasetName",
    "Fault",
    "FaultPolicy",
    "ImageSize",
    "InferenceBatches",
    "Layer",
    "LoadingOptions",
    "Mapper",
    "MaskFormat",
    "Metadata",
    "MetadataCatalog",
    "PluginCall",
    "Proposals",
    "Recognition",
    "Record",
    "Sample",
    "SamplerSettings",
    "Segment",
    "Selection",
    "TrainingBatches",
    "are_numbers",
    "as_integer",
    "can_mirror",
    "choose_layer",
    "choose_size",
    "concatenate_datasets",
    "count_faults",
    "describe_faults",
    "describe_missing_id",
    "describe_unknown_flips",
    "describe_untrainable",
    "draw_record",
    "draw_sample",
    "find_data",
    "find_data_file",
    "find_images",
    "inspect_dataset",
    "is_empty",
    "make_record",
    "make_rotated_boxes",
    "open_datasets",
    "open_each",
    "peek_size",
    "read_data_file",
    "read_entries",
    "read_image",
    "read_images",
    "read_instance_ids",
    "read_panoptic",
    "read_pixels",
    "read_sample",
    "read_sem_seg",
    "recognise_data",
    "register_coco_instances",
    "require_datasets",
    "resize_image",
    "show_value",
    "to_flag",
    "to_id",
    "to_number",
    "to_outline",
    "to_run_lengths",
    "to_segmentation",
    "with_size",
    "write_cell_dataset",
    "write_segment_ids",
    "write_shape_dataset",
]

__getattr__, __dir__ = lazy_face(__name__)
