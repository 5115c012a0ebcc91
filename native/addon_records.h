// The records of native/host/addon.ts, each way. Values are checked here once; the engine behind trusts them.
#pragma once

#include "engine.h"
#include "napi_values.h"

namespace inferward {

EngineOptions options_of(napi_env env, napi_value object);
EngineRequest request_of(napi_env env, napi_value object, int64_t vocabulary);
napi_value event_of(napi_env env, const StepEvent& event);
napi_value stats_of(napi_env env, const EngineStats& stats);
/// Throws EngineError for a tokenizer key of the wrong kind.
napi_value info_of(napi_env env, const Engine& engine);

}  // namespace inferward
