"""The forecast model: an encoder, a processor and a decoder, put together from whatever plugins are named."""

from .assembly import INPUT_STEPS, assemble
from .forecast_model import ForecastModel, ModelStatistics
from .sample import Sample

__all__ = ["INPUT_STEPS", "ForecastModel", "ModelStatistics", "Sample", "assemble"]
