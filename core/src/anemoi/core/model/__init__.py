"""The forecast model: a network put together from plugins, and the transforms around it."""

from .assembly import DATA, assemble, check_condition, model_class, transforms_of
from .encoder_processor_decoder import EncoderProcessorDecoder
from .forecast_model import ForecastModel
from .sample import Sample

__all__ = [
    "DATA",
    "EncoderProcessorDecoder",
    "ForecastModel",
    "Sample",
    "assemble",
    "check_condition",
    "model_class",
    "transforms_of",
]
