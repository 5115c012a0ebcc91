// The N-API surface of native/host/addon.ts, and nothing else. Values are checked here once; the engine behind trusts them.
#define NAPI_VERSION 8
#include <node_api.h>

#include <cmath>
#include <memory>
#include <string>

#include "engine.h"
#include "error.h"

namespace inferward {
namespace {

/// Thrown after a JavaScript exception is pending.
struct Pending {};

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, "INTERNAL", "a Node-API call failed");
  throw Pending{};
}

napi_value make_error(napi_env env, const std::string& code, const std::string& message) {
  napi_value code_value, text, error;
  napi_create_string_utf8(env, code.c_str(), code.size(), &code_value);
  napi_create_string_utf8(env, message.c_str(), message.size(), &text);
  napi_create_error(env, code_value, text, &error);
  return error;
}

napi_value get(napi_env env, napi_value object, const char* name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}
double number(napi_env env, napi_value object, const char* name) {
  double value = 0;
  if (napi_get_value_double(env, get(env, object, name), &value) != napi_ok || !std::isfinite(value)) {
    throw EngineError("OPTION_INVALID", std::string(name) + " is not a number");
  }
  return value;
}
std::string text_of(napi_env env, napi_value value, const char* name) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    throw EngineError("OPTION_INVALID", std::string(name) + " is not a text");
  }
  std::string out(length, '\0');
  napi_get_value_string_utf8(env, value, out.data(), length + 1, &length);
  return out;
}
std::vector<int32_t> tokens_of(napi_env env, napi_value value, const char* name) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array) {
    throw EngineError("OPTION_INVALID", std::string(name) + " is not an Int32Array");
  }
  const auto* at = static_cast<const int32_t*>(data);
  return std::vector<int32_t>(at, at + length);
}

napi_value of(napi_env env, double value) {
  napi_value out;
  check(env, napi_create_double(env, value, &out));
  return out;
}
napi_value of(napi_env env, const std::string& value) {
  napi_value out;
  check(env, napi_create_string_utf8(env, value.c_str(), value.size(), &out));
  return out;
}
napi_value null_of(napi_env env) {
  napi_value out;
  check(env, napi_get_null(env, &out));
  return out;
}
napi_value boolean_of(napi_env env, bool value) {
  napi_value out;
  check(env, napi_get_boolean(env, value, &out));
  return out;
}
void put(napi_env env, napi_value object, const char* name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value));
}
napi_value object_of(napi_env env) {
  napi_value out;
  check(env, napi_create_object(env, &out));
  return out;
}
napi_value texts_of(napi_env env, const std::vector<std::string>* values) {
  napi_value out;
  check(env, napi_create_array(env, &out));
  if (values == nullptr) return out;
  for (size_t i = 0; i < values->size(); i++) check(env, napi_set_element(env, out, uint32_t(i), of(env, (*values)[i])));
  return out;
}

EngineOptions options_of(napi_env env, napi_value object) {
  EngineOptions o;
  o.model_path = text_of(env, get(env, object, "modelPath"), "modelPath");
  o.threads = int(number(env, object, "threads"));
  o.isa = text_of(env, get(env, object, "isa"), "isa");
  o.max_batch = int64_t(number(env, object, "maxBatch"));
  o.max_queue = int64_t(number(env, object, "maxQueue"));
  o.kv_tokens = int64_t(number(env, object, "kvTokens"));
  o.step_tokens = int64_t(number(env, object, "stepTokens"));
  o.telemetry_path = text_of(env, get(env, object, "telemetryPath"), "telemetryPath");
  return o;
}

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

/// Runs on the main thread, once a step.
void deliver(napi_env env, napi_value callback, void*, void* data) {
  std::unique_ptr<std::vector<StepEvent>> events(static_cast<std::vector<StepEvent>*>(data));
  if (env == nullptr) return;  // the environment is going down
  try {
    napi_value list, self, result;
    check(env, napi_create_array_with_length(env, events->size(), &list));
    for (size_t i = 0; i < events->size(); i++) check(env, napi_set_element(env, list, uint32_t(i), event_of(env, (*events)[i])));
    check(env, napi_get_undefined(env, &self));
    check(env, napi_call_function(env, self, callback, 1, &list, &result));
  } catch (const Pending&) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
}

struct Handle {
  std::unique_ptr<Engine> engine;
  napi_threadsafe_function deliver = nullptr;
};

/// One asynchronous call: work on a pool thread, then a promise settled on the main thread.
struct Job {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  EngineOptions options;
  std::unique_ptr<Handle> handle;
  Handle* stopping = nullptr;
  std::vector<int32_t> tokens;
  bool one_by_one = false;
  std::vector<float> logits;
  std::string code, message;
  void (*run)(Job&) = nullptr;
  napi_value (*result)(napi_env, Job&) = nullptr;
};

napi_value start(napi_env env, std::unique_ptr<Job> job) {
  napi_value promise, name;
  check(env, napi_create_promise(env, &job->deferred, &promise));
  check(env, napi_create_string_utf8(env, "inferward", NAPI_AUTO_LENGTH, &name));
  const auto execute = [](napi_env, void* data) {
    auto& job = *static_cast<Job*>(data);
    try {
      job.run(job);
    } catch (const EngineError& error) {
      job.code = error.code();
      job.message = error.what();
    } catch (const std::bad_alloc&) {
      job.code = "OUT_OF_MEMORY";
      job.message = job.options.model_path + ": not enough memory";
    }
  };
  const auto complete = [](napi_env env, napi_status, void* data) {
    std::unique_ptr<Job> job(static_cast<Job*>(data));
    try {
      if (job->code.empty()) {
        napi_resolve_deferred(env, job->deferred, job->result(env, *job));
      } else {
        if (job->handle && job->handle->deliver) napi_release_threadsafe_function(job->handle->deliver, napi_tsfn_abort);
        napi_reject_deferred(env, job->deferred, make_error(env, job->code, job->message));
      }
    } catch (const Pending&) {
      napi_value error;
      napi_get_and_clear_last_exception(env, &error);
      napi_reject_deferred(env, job->deferred, error);
    }
    napi_delete_async_work(env, job->work);
  };
  check(env, napi_create_async_work(env, nullptr, name, execute, complete, job.get(), &job->work));
  check(env, napi_queue_async_work(env, job->work));
  job.release();
  return promise;
}

/// Wraps a call: C++ faults become JavaScript errors with a code.
template <napi_value (*Body)(napi_env, napi_callback_info)>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return Body(env, info);
  } catch (const Pending&) {
  } catch (const EngineError& error) {
    napi_throw(env, make_error(env, error.code(), error.what()));
  } catch (const std::bad_alloc&) {
    napi_throw(env, make_error(env, "OUT_OF_MEMORY", "not enough memory"));
  }
  return nullptr;
}

struct Arguments {
  napi_value values[4] = {};
  napi_value self = nullptr;
  Handle* handle = nullptr;
};
Arguments arguments(napi_env env, napi_callback_info info, bool bound) {
  Arguments a;
  size_t count = 4;
  check(env, napi_get_cb_info(env, info, &count, a.values, &a.self, nullptr));
  if (bound) check(env, napi_unwrap(env, a.self, reinterpret_cast<void**>(&a.handle)));
  return a;
}

napi_value submit(napi_env env, napi_callback_info info) {
  const Arguments a = arguments(env, info, true);
  napi_value object = a.values[0];
  EngineRequest r;
  r.id = int64_t(number(env, object, "id"));
  r.tokens = tokens_of(env, get(env, object, "tokens"), "tokens");
  for (const int32_t token : r.tokens) {
    if (token < 0 || token >= a.handle->engine->config().vocabulary) {
      throw EngineError("OPTION_INVALID", "token " + std::to_string(token) + " is outside the vocabulary");
    }
  }
  r.max_tokens = int64_t(number(env, object, "maxTokens"));
  r.sampling.temperature = float(number(env, object, "temperature"));
  r.sampling.top_k = int32_t(number(env, object, "topK"));
  r.sampling.top_p = float(number(env, object, "topP"));
  r.sampling.top_logprobs = int32_t(number(env, object, "topLogprobs"));
  r.seed = uint64_t(int64_t(number(env, object, "seed")));
  r.stop_tokens = tokens_of(env, get(env, object, "stopTokens"), "stopTokens");
  r.deadline_ms = int64_t(number(env, object, "deadlineMs"));
  switch (a.handle->engine->submit(std::move(r))) {
    case Verdict::accepted: return of(env, std::string("accepted"));
    case Verdict::queue_full: return of(env, std::string("queue_full"));
    case Verdict::too_long: return of(env, std::string("too_long"));
    case Verdict::stopping: break;
  }
  return of(env, std::string("stopping"));
}

napi_value cancel(napi_env env, napi_callback_info info) {
  const Arguments a = arguments(env, info, true);
  double id = -1;
  napi_get_value_double(env, a.values[0], &id);
  a.handle->engine->cancel(int64_t(id));
  return nullptr;
}

napi_value stats(napi_env env, napi_callback_info info) {
  const Arguments a = arguments(env, info, true);
  const EngineStats s = a.handle->engine->stats();
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

napi_value stop(napi_env env, napi_callback_info info) {
  const Arguments a = arguments(env, info, true);
  auto job = std::make_unique<Job>();
  job->stopping = a.handle;
  job->run = [](Job& job) { job.stopping->engine->stop(); };
  job->result = [](napi_env env, Job& job) {
    if (job.stopping->deliver != nullptr) {
      napi_release_threadsafe_function(job.stopping->deliver, napi_tsfn_release);
      job.stopping->deliver = nullptr;
    }
    napi_value undefined;
    check(env, napi_get_undefined(env, &undefined));
    return undefined;
  };
  return start(env, std::move(job));
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

napi_value wrap(napi_env env, Job& job) {
  napi_value out = object_of(env);
  const Engine& engine = *job.handle->engine;
  put(env, out, "info", info_of(env, engine));
  put(env, out, "isa", of(env, std::string(engine.kernels().name)));
  put(env, out, "threads", of(env, engine.threads()));
  const napi_property_descriptor methods[] = {
      {"submit", nullptr, guarded<submit>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"cancel", nullptr, guarded<cancel>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"stats", nullptr, guarded<stats>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"stop", nullptr, guarded<stop>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  check(env, napi_define_properties(env, out, std::size(methods), methods));
  check(env, napi_wrap(env, out, job.handle.release(), [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); }, nullptr, nullptr));
  return out;
}

napi_value load(napi_env env, napi_callback_info info) {
  const Arguments a = arguments(env, info, false);
  auto job = std::make_unique<Job>();
  job->options = options_of(env, a.values[0]);
  job->handle = std::make_unique<Handle>();
  napi_value name;
  check(env, napi_create_string_utf8(env, "inferward step", NAPI_AUTO_LENGTH, &name));
  check(env, napi_create_threadsafe_function(env, a.values[1], nullptr, name, 0, 1, nullptr, nullptr, nullptr, deliver, &job->handle->deliver));
  job->run = [](Job& job) {
    napi_threadsafe_function target = job.handle->deliver;
    job.handle->engine = std::make_unique<Engine>(job.options, [target](std::vector<StepEvent> events) {
      auto* copy = new std::vector<StepEvent>(std::move(events));
      if (napi_call_threadsafe_function(target, copy, napi_tsfn_nonblocking) != napi_ok) delete copy;
    });
  };
  job->result = wrap;
  return start(env, std::move(job));
}

napi_value logits(napi_env env, napi_callback_info info) {
  const Arguments a = arguments(env, info, false);
  auto job = std::make_unique<Job>();
  job->options = options_of(env, a.values[0]);
  job->tokens = tokens_of(env, a.values[1], "tokens");
  check(env, napi_get_value_bool(env, a.values[2], &job->one_by_one));
  job->run = [](Job& job) {
    Engine engine(job.options, nullptr);
    for (const int32_t token : job.tokens) {
      if (token < 0 || token >= engine.config().vocabulary) throw EngineError("OPTION_INVALID", "a token is outside the vocabulary");
    }
    job.logits = engine.cold_logits(job.tokens, job.one_by_one);
  };
  job->result = [](napi_env env, Job& job) {
    napi_value buffer, array;
    void* data;
    check(env, napi_create_arraybuffer(env, job.logits.size() * 4, &data, &buffer));
    std::copy(job.logits.begin(), job.logits.end(), static_cast<float*>(data));
    check(env, napi_create_typedarray(env, napi_float32_array, job.logits.size(), buffer, 0, &array));
    return array;
  };
  return start(env, std::move(job));
}

/// kernel("matmul", isa, type, rows, columns, weights: Uint8Array, x: Float32Array): one call of one kernel, for tests.
napi_value kernel(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value values[3];
  check(env, napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
  const std::string name = text_of(env, values[0], "name");
  const Kernels& kernels = pick_kernels(text_of(env, values[1], "isa"));
  const auto element = [&](uint32_t i) {
    napi_value value;
    check(env, napi_get_element(env, values[2], i, &value));
    return value;
  };
  const auto bytes = [&](uint32_t i, size_t& length) {
    void* data;
    napi_typedarray_type type;
    size_t elements;
    check(env, napi_get_typedarray_info(env, element(i), &type, &elements, &data, nullptr, nullptr));
    length = elements * (type == napi_float32_array ? 4 : 1);
    return static_cast<const uint8_t*>(data);
  };
  if (name != "matmul") throw EngineError("OPTION_INVALID", "kernel " + name + ": unknown");
  double type, rows, columns;
  check(env, napi_get_value_double(env, element(0), &type));
  check(env, napi_get_value_double(env, element(1), &rows));
  check(env, napi_get_value_double(env, element(2), &columns));
  size_t weight_bytes, x_bytes;
  const uint8_t* weights = bytes(3, weight_bytes);
  const auto* x = reinterpret_cast<const float*>(bytes(4, x_bytes));
  const auto kind = WeightType(uint32_t(type));
  const auto activations = int64_t(x_bytes / 4 / size_t(columns));
  if (int64_t(weight_bytes) != int64_t(rows) * row_bytes(kind, int64_t(columns))) {
    throw EngineError("OPTION_INVALID", "the weights have another size");
  }
  napi_value buffer, array;
  void* out;
  const auto size = size_t(rows) * size_t(activations);
  check(env, napi_create_arraybuffer(env, size * 4, &out, &buffer));
  kernels.matmul(kind, weights, int64_t(rows), int64_t(columns), x, activations, static_cast<float*>(out), int64_t(rows));
  check(env, napi_create_typedarray(env, napi_float32_array, size, buffer, 0, &array));
  return array;
}

}  // namespace
}  // namespace inferward

NAPI_MODULE_INIT() {
  using namespace inferward;
  const napi_property_descriptor exported[] = {
      {"load", nullptr, guarded<load>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"logits", nullptr, guarded<logits>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"kernel", nullptr, guarded<kernel>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, std::size(exported), exported);
  return exports;
}
