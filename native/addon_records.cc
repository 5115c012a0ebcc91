#include "addon_records.h"

#include <cstdint>
#include <string>

#include "error.h"

namespace inferward {
namespace {

const char* finish_name(Finish finish) {
  switch (finish) {
    case Finish::stop: return "stop";
    case Finish::length: return "length";
    case Finish::cancelled: return "cancelled";
    case Finish::deadline: return "deadline";
    case Finish::failed: return "failed";
    case Finish::none: break;
  }
  return nullptr;
}

}  // namespace

EngineOptions options_of(napi_env env, napi_value object) {
  EngineOptions o;
  o.model_path = text_of(env, get(env, object, "modelPath"), "modelPath");
  o.threads = int(whole(env, object, "threads", 0, 256));
  o.isa = text_of(env, get(env, object, "isa"), "isa");
  o.max_batch = whole(env, object, "maxBatch", 0, int64_t(1) << 40);
  o.max_queue = whole(env, object, "maxQueue", 0, int64_t(1) << 40);
  o.kv_tokens = whole(env, object, "kvTokens", 0, int64_t(1) << 40);
  o.step_tokens = whole(env, object, "stepTokens", 0, int64_t(1) << 40);
  o.telemetry_path = text_of(env, get(env, object, "telemetryPath"), "telemetryPath");
  return o;
}

EngineRequest request_of(napi_env env, napi_value object, int64_t vocabulary) {
  constexpr int64_t large = int64_t(1) << 53;
  EngineRequest r;
  r.id = whole(env, object, "id", 0, large);
  r.tokens = tokens_of(env, get(env, object, "tokens"), "tokens");
  for (const int32_t token : r.tokens) {
    if (token < 0 || token >= vocabulary) {
      throw EngineError("OPTION_INVALID", "token " + std::to_string(token) + " is outside the vocabulary");
    }
  }
  r.max_tokens = whole(env, object, "maxTokens", 0, large);
  r.sampling.temperature = float(number(env, object, "temperature"));
  r.sampling.top_k = int32_t(whole(env, object, "topK", 0, INT32_MAX));
  r.sampling.top_p = float(number(env, object, "topP"));
  r.sampling.top_logprobs = int32_t(whole(env, object, "topLogprobs", 0, 20));
  r.seed = uint64_t(whole(env, object, "seed", -large, large));
  r.stop_tokens = tokens_of(env, get(env, object, "stopTokens"), "stopTokens");
  r.deadline_ms = whole(env, object, "deadlineMs", 0, int64_t(1) << 42);
  return r;
}

napi_value event_of(napi_env env, const StepEvent& event) {
  napi_value out = object_of(env);
  put(env, out, "id", of(env, double(event.id)));
  put(env, out, "token", of(env, event.token));
  put(env, out, "probability", of(env, event.probability));
  napi_value top = null_of(env);
  if (!event.top.empty()) {
    check(env, napi_create_array(env, &top));
    for (size_t i = 0; i < event.top.size(); i++) {
      napi_value pair;
      check(env, napi_create_array_with_length(env, 2, &pair));
      check(env, napi_set_element(env, pair, 0, of(env, event.top[i].first)));
      check(env, napi_set_element(env, pair, 1, of(env, event.top[i].second)));
      check(env, napi_set_element(env, top, uint32_t(i), pair));
    }
  }
  put(env, out, "topLogprobs", top);
  const char* finish = finish_name(event.finish);
  put(env, out, "finish", finish == nullptr ? null_of(env) : of(env, std::string(finish)));
  put(env, out, "error", event.error.empty() ? null_of(env) : of(env, event.error));
  put(env, out, "startedNs", of(env, double(event.started_ns)));
  put(env, out, "tokenNs", of(env, double(event.token_ns)));
  put(env, out, "batch", of(env, event.batch));
  return out;
}

napi_value stats_of(napi_env env, const EngineStats& s) {
  napi_value out = object_of(env);
  const std::pair<const char*, int64_t> fields[] = {
      {"running", s.running},
      {"waiting", s.waiting},
      {"steps", s.steps},
      {"promptTokens", s.prompt_tokens},
      {"generatedTokens", s.generated_tokens},
      {"preemptions", s.preemptions},
      {"kvTokensActive", s.kv_tokens_active},
      {"kvTokensReserved", s.kv_tokens_reserved},
      {"kvTokensTotal", s.kv_tokens_total},
      {"kvBytesActive", s.kv_bytes_active},
      {"kvBytesReserved", s.kv_bytes_reserved},
      {"weightBytes", s.weight_bytes},
  };
  for (const auto& [name, value] : fields) put(env, out, name, of(env, double(value)));
  return out;
}

napi_value info_of(napi_env env, const Engine& engine) {
  const ModelConfig& c = engine.config();
  const Gguf& file = engine.file();
  napi_value out = object_of(env);
  put(env, out, "architecture", of(env, std::string(c.architecture == Architecture::llama ? "llama" : "deepseek2")));
  put(env, out, "name", of(env, c.name));
  put(env, out, "parameters", of(env, double(engine.weights().parameters)));
  put(env, out, "fileBytes", of(env, double(engine.weights().bytes)));
  put(env, out, "layers", of(env, double(c.layers)));
  put(env, out, "embedding", of(env, double(c.embedding)));
  put(env, out, "vocabulary", of(env, double(c.vocabulary)));
  put(env, out, "contextTokens", of(env, double(c.context)));
  put(env, out, "weightType", of(env, engine.weights().main_type));
  napi_value t = object_of(env);
  put(env, t, "model", of(env, file.maybe_text("tokenizer.ggml.model").value_or("")));
  put(env, t, "pre", of(env, file.maybe_text("tokenizer.ggml.pre").value_or("")));
  put(env, t, "tokens", texts_of(env, file.maybe_texts("tokenizer.ggml.tokens")));
  put(env, t, "merges", texts_of(env, file.maybe_texts("tokenizer.ggml.merges")));
  const auto* types = file.maybe_numbers("tokenizer.ggml.token_type");
  const size_t count = types == nullptr ? 0 : types->size();
  napi_value buffer, array;
  void* data;
  check(env, napi_create_arraybuffer(env, count * 4, &data, &buffer));
  for (size_t i = 0; i < count; i++) static_cast<int32_t*>(data)[i] = int32_t((*types)[i]);
  check(env, napi_create_typedarray(env, napi_int32_array, count, buffer, 0, &array));
  put(env, t, "types", array);
  const auto id = [&](const char* key) {
    const auto value = file.maybe_integer(key, 0, c.vocabulary - 1);
    return value ? of(env, double(*value)) : null_of(env);
  };
  put(env, t, "bos", id("tokenizer.ggml.bos_token_id"));
  put(env, t, "eos", id("tokenizer.ggml.eos_token_id"));
  put(env, t, "addBos", boolean_of(env, file.maybe_boolean("tokenizer.ggml.add_bos_token").value_or(false)));
  const auto chat = file.maybe_text("tokenizer.chat_template");
  put(env, t, "chatTemplate", chat ? of(env, *chat) : null_of(env));
  put(env, out, "tokenizer", t);
  return out;
}

}  // namespace inferward
