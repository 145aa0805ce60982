#pragma once

/// Every kind of model: what the visits of model_kind.cpp and model_reader.cpp choose from.
#include "models/autoregressive_tts.hpp"
#include "models/batch.hpp"
#include "models/llm.hpp"
#include "models/streaming_asr.hpp"
#include "models/synthetic.hpp"
