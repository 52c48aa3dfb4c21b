"""TensorFlow's own formats: V2 checkpoints and SavedModels, read without TensorFlow, and V1 checkpoints."""

from reporter.readers.tensorflow.bundle_reader import BundleReader
from reporter.readers.tensorflow.savedmodel_reader import SavedModelReader
from reporter.readers.tensorflow.v1_reader import V1Reader

__all__ = ["BundleReader", "SavedModelReader", "V1Reader"]
