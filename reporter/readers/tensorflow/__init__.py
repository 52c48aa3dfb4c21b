"""TensorFlow's own formats, read without TensorFlow: checkpoints in V2 format, and SavedModels."""

from reporter.readers.tensorflow.bundle_reader import BundleReader
from reporter.readers.tensorflow.savedmodel_reader import SavedModelReader

__all__ = ["BundleReader", "SavedModelReader"]
