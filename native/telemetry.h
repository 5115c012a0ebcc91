// The telemetry page: a file mapped in shared memory, written by the engine, read by the agent with plain read(), also after the engine is
// dead. Layout: docs/formats/telemetry-page.md. Writers are atomic stores; nothing here locks or allocates after construction.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace inferward {

enum class EngineState : uint64_t { loading = 1, serving = 2, stopping = 3, stopped = 4 };
enum class FatalReason : uint64_t { none = 0, out_of_memory = 1 };

/// Indices of the counters; the order is the format.
enum class Counter : int {
  progress, steps, prompt_tokens, generated_tokens, running, waiting, finished, failed, preemptions,
  kv_tokens_active, kv_tokens_reserved, kv_tokens_total, kv_bytes_active, kv_bytes_reserved, weight_bytes, batch,
  count
};

class Telemetry {
 public:
  /// Makes the file (mode 0600) and installs the handlers that note a fatal signal in it. Throws EngineError OPTION_INVALID.
  explicit Telemetry(const std::string& path);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  void state(EngineState state);
  void heartbeat();
  void set(Counter counter, uint64_t value) { slot(256 + 8 * int(counter)).store(value, std::memory_order_relaxed); }
  void add(Counter counter, uint64_t value) { slot(256 + 8 * int(counter)).fetch_add(value, std::memory_order_relaxed); }
  /// Notes why the process is about to die; the first reason stays. Async-signal-safe.
  static void fatal(FatalReason reason);

 private:
  std::atomic<uint64_t>& slot(int offset) { return *reinterpret_cast<std::atomic<uint64_t>*>(page_ + offset); }

  uint8_t* page_ = nullptr;
};

uint64_t monotonic_ns();

}  // namespace inferward
