// The N-API surface of native/host/addon.ts, and nothing else: calls, promises and the callback of steps. Records are in addon_records.cc.
#include <cmath>
#include <memory>
#include <string>

#include "addon_kernel.h"
#include "addon_records.h"
#include "engine.h"
#include "error.h"

namespace inferward {
namespace {

/// Runs on the main thread, once a step.
void deliver(napi_env env, napi_value callback, void*, void* data) {
  std::unique_ptr<StepReport> report(static_cast<StepReport*>(data));
  const auto& events = report->events;
  if (env == nullptr) return;  // the environment is going down
  try {
    napi_value list, self, result;
    check(env, napi_create_array_with_length(env, events.size(), &list));
    for (size_t i = 0; i < events.size(); i++) check(env, napi_set_element(env, list, uint32_t(i), event_of(env, events[i])));
    check(env, napi_get_undefined(env, &self));
    const napi_value arguments[] = {list, of(env, report->batch)};
    check(env, napi_call_function(env, self, callback, std::size(arguments), arguments, &result));
  } catch (const Pending&) {
    napi_value error;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
}

struct Handle {
  std::unique_ptr<Engine> engine;
  napi_threadsafe_function deliver = nullptr;

  /// For an engine that nobody will ever see: its loop ends before the function that it calls goes away.
  void abandon() {
    engine.reset();
    if (deliver != nullptr) napi_release_threadsafe_function(deliver, napi_tsfn_abort);
    deliver = nullptr;
  }
};

/// One asynchronous call: work on a pool thread, then a promise settled on the main thread.
struct Job {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  EngineOptions options;
  std::unique_ptr<Handle> handle;
  Handle* stopping = nullptr;
  /// Keeps the handle's object alive while a call on it runs.
  napi_ref self = nullptr;
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
    } catch (const std::exception& error) {
      // The system refused a thread or the like.
      job.code = "OUT_OF_MEMORY";
      job.message = job.options.model_path + ": " + error.what();
    }
  };
  const auto complete = [](napi_env env, napi_status, void* data) {
    std::unique_ptr<Job> job(static_cast<Job*>(data));
    napi_value error = nullptr;
    try {
      if (!job->code.empty()) {
        error = make_error(env, job->code, job->message);
      } else {
        napi_resolve_deferred(env, job->deferred, job->result(env, *job));
      }
    } catch (const Pending&) {
      napi_get_and_clear_last_exception(env, &error);
    } catch (const EngineError& fault) {
      // The model is loaded, but what it says of its tokenizer cannot be told.
      error = make_error(env, fault.code(), fault.what());
    }
    if (error != nullptr) {
      if (job->handle) job->handle->abandon();
      napi_reject_deferred(env, job->deferred, error);
    }
    if (job->self != nullptr) napi_delete_reference(env, job->self);
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
  EngineRequest r = request_of(env, a.values[0], a.handle->engine->config().vocabulary);
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
  return stats_of(env, a.handle->engine->stats());
}

napi_value stop(napi_env env, napi_callback_info info) {
  const Arguments a = arguments(env, info, true);
  auto job = std::make_unique<Job>();
  job->stopping = a.handle;
  check(env, napi_create_reference(env, a.self, 1, &job->self));
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
    job.handle->engine = std::make_unique<Engine>(job.options, [target](StepReport report) {
      auto* copy = new StepReport(std::move(report));
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
    return floats_of(env, job.logits);
  };
  return start(env, std::move(job));
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
