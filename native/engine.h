// The engine: a loaded model, one loop thread that turns waiting requests into tokens, and the rules of admission, chunking, preemption and
// ending. Other threads submit and cancel; the loop reports once a step.
//
// Invariants: a request ends with exactly one finish event; every block it held is then free; a bad request never ends the engine.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config.h"
#include "kv_pool.h"
#include "model.h"
#include "sampler.h"
#include "telemetry.h"
#include "weights.h"

namespace inferward {

struct EngineOptions {
  std::string model_path;
  int threads = 0;
  std::string isa = "auto";
  int64_t max_batch = 32;
  int64_t max_queue = 256;
  int64_t kv_tokens = 32768;
  int64_t step_tokens = 512;
  /// Empty: no page (cold passes of tests).
  std::string telemetry_path;
};

struct EngineRequest {
  int64_t id = 0;
  std::vector<int32_t> tokens;
  int64_t max_tokens = 0;
  Sampling sampling;
  uint64_t seed = 0;
  std::vector<int32_t> stop_tokens;
  int64_t deadline_ms = 0;
};

enum class Finish { none, stop, length, cancelled, deadline, failed };
enum class Verdict { accepted, queue_full, too_long, stopping };

struct StepEvent {
  int64_t id = 0;
  int32_t token = -1;
  float probability = 0;
  std::vector<std::pair<int32_t, float>> top;
  Finish finish = Finish::none;
  std::string error;
  uint64_t started_ns = 0;
  uint64_t token_ns = 0;
  int32_t batch = 0;
};

/// What one turn of the loop gave.
struct StepReport {
  /// How many requests were computed together; 0 when nothing was computed and requests only ended.
  int32_t batch = 0;
  std::vector<StepEvent> events;
};

struct EngineStats {
  int64_t running, waiting, steps, prompt_tokens, generated_tokens, preemptions;
  int64_t kv_tokens_active, kv_tokens_reserved, kv_tokens_total, kv_bytes_active, kv_bytes_reserved, weight_bytes;
};

/// Kernels by name: `auto`, `scalar`, `avx2`. Throws OPTION_INVALID for a set this CPU does not have.
const Kernels& pick_kernels(const std::string& isa);

class Engine {
 public:
  /// Told of every step, those that give no event included, and of requests that end between steps.
  using Listener = std::function<void(StepReport)>;

  /// Loads the model on the calling thread, then starts the loop. Throws EngineError.
  Engine(const EngineOptions& options, Listener listener);
  ~Engine();

  Verdict submit(EngineRequest request);
  void cancel(int64_t id);
  EngineStats stats() const;
  /// Ends everything with `cancelled` and joins the loop. Idempotent.
  void stop();

  const Gguf& file() const { return *gguf_; }
  const ModelConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  const Kernels& kernels() const { return *kernels_; }
  int threads() const { return workers_->threads(); }

  /// Logits after every position of one cold pass: [tokens, vocabulary]. Only before any request; for tests.
  std::vector<float> cold_logits(const std::vector<int32_t>& tokens, bool one_by_one);

 private:
  struct Live {
    EngineRequest request;
    /// Prompt and what was generated: all that must be in the cache before the next choice.
    std::vector<int32_t> tokens;
    int64_t computed = 0;
    int64_t generated = 0;
    std::vector<int32_t> blocks;
    Random random{0};
    uint64_t started_ns = 0;
    uint64_t deadline_ns = 0;
    bool cancelled = false;
  };

  void loop();
  void take_incoming();
  void expire(std::vector<StepEvent>& events);
  void admit();
  /// How many requests it computed together; 0 when it computed nothing.
  int32_t step(std::vector<StepEvent>& events);
  bool reserve(Live& live, int64_t positions);
  void preempt(Live& live);
  void release(Live& live);
  void finish(Live& live, Finish reason, const std::string& error, std::vector<StepEvent>& events);
  void publish();

  EngineOptions options_;
  Listener listener_;
  const Kernels* kernels_;
  std::unique_ptr<Telemetry> telemetry_;
  std::unique_ptr<MappedFile> mapped_;
  std::unique_ptr<Gguf> gguf_;
  ModelConfig config_;
  Weights weights_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<KvPool> pool_;
  std::unique_ptr<Model> model_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Live>> incoming_;
  std::vector<int64_t> cancels_;
  bool stop_ = false;
  int64_t queued_ = 0;
  EngineStats stats_{};

  // The loop's own.
  std::deque<std::unique_ptr<Live>> waiting_;
  std::vector<std::unique_ptr<Live>> running_;
  std::vector<Row> rows_;
  /// What stats_ becomes at the end of a step.
  EngineStats totals_{};
  std::thread thread_;
  std::mutex ending_;
};

}  // namespace inferward
