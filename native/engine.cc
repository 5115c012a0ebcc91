#include "engine.h"

#include <algorithm>
#include <chrono>
#include <new>

#include <pthread.h>
#include <signal.h>

#include "error.h"

namespace inferward {

const Kernels& pick_kernels(const std::string& isa) {
  const Kernels* avx2 = kernels_avx2();
  if (isa == "scalar" || (isa == "auto" && avx2 == nullptr)) return kernels_scalar;
  if (isa == "auto" || (isa == "avx2" && avx2 != nullptr)) return *avx2;
  throw EngineError("OPTION_INVALID", isa == "avx2" ? "isa avx2: this CPU or build has no AVX2, FMA and F16C" : "isa " + isa + ": unknown");
}

Engine::Engine(const EngineOptions& options, Listener listener)
    : options_(options), listener_(std::move(listener)), kernels_(&pick_kernels(options.isa)) {
  if (options.max_batch < 1 || options.max_batch > 4096) throw EngineError("OPTION_INVALID", "max_batch must be 1 to 4096");
  if (options.max_queue < 0 || options.max_queue > 1 << 20) throw EngineError("OPTION_INVALID", "max_queue must be 0 to 1048576");
  if (options.step_tokens < options.max_batch || options.step_tokens > 1 << 16) {
    throw EngineError("OPTION_INVALID", "step_tokens must be at least max_batch and at most 65536");
  }
  if (options.kv_tokens < KvPool::block_tokens || options.kv_tokens > int64_t(1) << 30) {
    throw EngineError("OPTION_INVALID", "kv_tokens must be at least 16");
  }
  if (!options.telemetry_path.empty()) telemetry_ = std::make_unique<Telemetry>(options.telemetry_path);
  try {
    mapped_ = std::make_unique<MappedFile>(options.model_path);
    gguf_ = std::make_unique<Gguf>(*mapped_);
    config_ = read_config(*gguf_);
    weights_ = read_weights(*gguf_, config_);
    int threads = options.threads;
    if (threads <= 0) threads = std::max(1, int(std::thread::hardware_concurrency()) - 1);
    workers_ = std::make_unique<Workers>(std::min(threads, 256));
    pool_ = std::make_unique<KvPool>(config_.layers, config_.cache_width(), options.kv_tokens);
    model_ = std::make_unique<Model>(config_, weights_, *kernels_, *workers_, *pool_, options.step_tokens, options.max_batch);
    rows_.reserve(size_t(options.step_tokens));
    running_.reserve(size_t(options.max_batch));
  } catch (const std::bad_alloc&) {
    throw EngineError("OUT_OF_MEMORY", options.model_path + ": not enough memory for the model's working buffers");
  }
  publish();
  if (!listener_) return;
  if (telemetry_) {
    telemetry_->set(Counter::weight_bytes, weights_.bytes);
    telemetry_->state(EngineState::serving);
  }
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { loop(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Engine::~Engine() { stop(); }

Verdict Engine::submit(EngineRequest request) {
  const auto length = int64_t(request.tokens.size());
  // The pool must be able to hold this request alone, or it could never finish.
  const int64_t room = std::min(config_.context, pool_->total_blocks() * KvPool::block_tokens);
  std::lock_guard lock(mutex_);
  if (stop_) return Verdict::stopping;
  if (length < 1 || length >= room) return Verdict::too_long;
  if (queued_ >= options_.max_queue + std::max<int64_t>(0, options_.max_batch - stats_.running)) return Verdict::queue_full;
  auto live = std::make_unique<Live>();
  request.max_tokens = std::min(request.max_tokens, room - length);
  live->tokens = request.tokens;
  live->random = Random(request.seed);
  if (request.deadline_ms > 0) live->deadline_ns = monotonic_ns() + uint64_t(request.deadline_ms) * 1000000;
  live->request = std::move(request);
  incoming_.push_back(std::move(live));
  queued_++;
  if (telemetry_) telemetry_->set(Counter::waiting, uint64_t(queued_));
  wake_.notify_one();
  return Verdict::accepted;
}

void Engine::cancel(int64_t id) {
  std::lock_guard lock(mutex_);
  cancels_.push_back(id);
  wake_.notify_one();
}

EngineStats Engine::stats() const {
  std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.waiting = queued_;
  return stats;
}

void Engine::stop() {
  // Two callers at once: the second waits here and then finds nothing to join.
  std::lock_guard ending(ending_);
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_one();
  }
  if (!thread_.joinable()) return;
  if (telemetry_) telemetry_->state(EngineState::stopping);
  thread_.join();
  if (telemetry_) telemetry_->state(EngineState::stopped);
}

void Engine::loop() {
  pthread_setname_np(pthread_self(), "engine-loop");
  for (;;) {
    StepReport report;
    auto& events = report.events;
    bool stopping;
    {
      std::unique_lock lock(mutex_);
      // An idle engine still beats ten times a second: silence means that this thread is stuck or the process is stopped.
      if (incoming_.empty() && cancels_.empty() && !stop_ && waiting_.empty() && running_.empty()) {
        wake_.wait_for(lock, std::chrono::milliseconds(100));
      }
      stopping = stop_;
      take_incoming();
    }
    if (telemetry_) telemetry_->heartbeat();
    if (stopping) {
      for (auto& live : running_) finish(*live, Finish::cancelled, "", events);
      for (auto& live : waiting_) finish(*live, Finish::cancelled, "", events);
      running_.clear();
      waiting_.clear();
    } else {
      expire(events);
      admit();
      try {
        report.batch = step(events);
      } catch (const std::bad_alloc&) {
        // No memory for this step: its requests end with words, the engine goes on.
        for (auto& live : running_) finish(*live, Finish::failed, "out of memory", events);
        running_.clear();
      }
    }
    publish();
    if (report.batch > 0 || !events.empty()) listener_(std::move(report));
    if (stopping) return;
  }
}

void Engine::take_incoming() {
  for (auto& live : incoming_) waiting_.push_back(std::move(live));
  incoming_.clear();
  for (const int64_t id : cancels_) {
    for (auto& live : running_) live->cancelled |= live->request.id == id;
    for (auto& live : waiting_) live->cancelled |= live->request.id == id;
  }
  cancels_.clear();
}

void Engine::expire(std::vector<StepEvent>& events) {
  const uint64_t now = monotonic_ns();
  const auto over = [&](std::unique_ptr<Live>& live) {
    if (live->cancelled) {
      finish(*live, Finish::cancelled, "", events);
    } else if (live->deadline_ns != 0 && now >= live->deadline_ns) {
      finish(*live, Finish::deadline, "", events);
    } else {
      return false;
    }
    return true;
  };
  running_.erase(std::remove_if(running_.begin(), running_.end(), over), running_.end());
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), over), waiting_.end());
}

void Engine::admit() {
  while (!waiting_.empty() && int64_t(running_.size()) < options_.max_batch) {
    const auto need = (int64_t(waiting_.front()->tokens.size()) + KvPool::block_tokens) / KvPool::block_tokens;
    // Room for the whole prompt and one token, unless nobody else runs: then it must be tried.
    if (need > pool_->free_blocks() && !running_.empty()) return;
    auto live = std::move(waiting_.front());
    waiting_.pop_front();
    if (live->started_ns == 0) live->started_ns = monotonic_ns();
    running_.push_back(std::move(live));
  }
}

bool Engine::reserve(Live& live, int64_t positions) {
  const auto need = size_t((positions + KvPool::block_tokens - 1) / KvPool::block_tokens);
  while (live.blocks.size() < need) {
    const int32_t block = pool_->allocate();
    if (block < 0) return false;
    live.blocks.push_back(block);
  }
  return true;
}

void Engine::release(Live& live) {
  for (const int32_t block : live.blocks) pool_->release(block);
  live.blocks.clear();
}

/// Gives the blocks back; everything is computed again when there is room. The choice already made stays made.
void Engine::preempt(Live& live) {
  release(live);
  live.computed = 0;
  totals_.preemptions++;
  if (telemetry_) telemetry_->add(Counter::preemptions, 1);
}

int32_t Engine::step(std::vector<StepEvent>& events) {
  if (running_.empty()) return 0;
  rows_.clear();
  int64_t budget = options_.step_tokens;
  int32_t wanted = 0;
  int64_t decoding = 0;
  struct Part {
    Live* live;
    int64_t rows;
    int32_t logits;
  };
  std::vector<Part> parts;
  parts.reserve(running_.size());

  // Those that decode first: they are never held back by a long prompt. Oldest first within each round.
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < running_.size() && budget > 0; i++) {
      Live& live = *running_[i];
      const int64_t left = int64_t(live.tokens.size()) - live.computed;
      if ((left == 1) != (round == 0)) continue;
      const int64_t count = std::min(left, budget);
      bool have = reserve(live, live.computed + count);
      while (!have) {
        // The youngest that has not been planned in this step goes back to the head of the queue.
        Live& last = *running_.back();
        if (&last == &live || std::any_of(parts.begin(), parts.end(), [&](const Part& p) { return p.live == &last; })) break;
        preempt(last);
        waiting_.push_front(std::move(running_.back()));
        running_.pop_back();
        have = reserve(live, live.computed + count);
      }
      if (!have) {
        if (running_.size() == 1) {
          finish(live, Finish::failed, "the key/value pool cannot hold this request", events);
          running_.clear();
          return 0;
        }
        continue;
      }
      const bool last = count == left;
      for (int64_t r = 0; r < count; r++) {
        const int64_t position = live.computed + r;
        rows_.push_back({live.tokens[size_t(position)], position, live.blocks.data(), last && r == count - 1 ? wanted : -1});
      }
      parts.push_back({&live, count, last ? wanted++ : -1});
      if (last) decoding++;
      budget -= count;
    }
  }
  if (parts.empty()) {
    // Everybody waits for blocks that nobody can give: the youngest steps back.
    preempt(*running_.back());
    waiting_.push_front(std::move(running_.back()));
    running_.pop_back();
    return 0;
  }

  model_->forward(rows_.data(), int64_t(rows_.size()));
  const uint64_t now = monotonic_ns();
  std::vector<Live*> ended;
  for (const Part& part : parts) {
    Live& live = *part.live;
    const int64_t prompt_left = std::max<int64_t>(0, int64_t(live.request.tokens.size()) - live.computed);
    totals_.prompt_tokens += std::min(prompt_left, part.rows);
    live.computed += part.rows;
    if (part.logits < 0) continue;
    if (live.request.max_tokens == 0) {
      finish(live, Finish::length, "", events);
      ended.push_back(&live);
      continue;
    }
    Choice choice = choose(model_->logits(part.logits), config_.vocabulary, live.request.sampling, live.random);
    if (choice.token < 0) {
      finish(live, Finish::failed, "the model gave no finite logits", events);
      ended.push_back(&live);
      continue;
    }
    const auto& stops = live.request.stop_tokens;
    if (std::find(stops.begin(), stops.end(), choice.token) != stops.end()) {
      finish(live, Finish::stop, "", events);
      ended.push_back(&live);
      continue;
    }
    live.tokens.push_back(choice.token);
    live.generated++;
    totals_.generated_tokens++;
    StepEvent event;
    event.id = live.request.id;
    event.token = choice.token;
    event.probability = choice.probability;
    event.top = std::move(choice.top);
    event.started_ns = live.started_ns;
    event.token_ns = now;
    event.batch = int32_t(parts.size());
    if (live.generated >= live.request.max_tokens) {
      event.finish = Finish::length;
      release(live);
      ended.push_back(&live);
    }
    events.push_back(std::move(event));
  }
  for (auto& event : events) {
    if (event.batch == 0) event.batch = int32_t(parts.size());
  }
  for (Live* live : ended) {
    running_.erase(std::find_if(running_.begin(), running_.end(), [&](const auto& one) { return one.get() == live; }));
  }
  totals_.steps++;
  if (telemetry_) {
    telemetry_->add(Counter::progress, uint64_t(rows_.size()));
    telemetry_->add(Counter::finished, ended.size());
    telemetry_->set(Counter::batch, parts.size());
  }
  return int32_t(parts.size());
}

void Engine::finish(Live& live, Finish reason, const std::string& error, std::vector<StepEvent>& events) {
  release(live);
  if (reason == Finish::failed && telemetry_) telemetry_->add(Counter::failed, 1);
  StepEvent event;
  event.id = live.request.id;
  event.finish = reason;
  event.error = error;
  event.started_ns = live.started_ns;
  event.token_ns = monotonic_ns();
  events.push_back(std::move(event));
}

void Engine::publish() {
  std::lock_guard lock(mutex_);
  queued_ = int64_t(waiting_.size() + incoming_.size());
  totals_.running = int64_t(running_.size());
  totals_.waiting = queued_;
  const int64_t block = KvPool::block_tokens;
  totals_.kv_tokens_active = pool_->active_blocks() * block;
  totals_.kv_tokens_reserved = pool_->reserved_blocks() * block;
  totals_.kv_tokens_total = pool_->total_blocks() * block;
  totals_.kv_bytes_active = pool_->active_blocks() * pool_->block_bytes();
  totals_.kv_bytes_reserved = pool_->reserved_blocks() * pool_->block_bytes();
  totals_.weight_bytes = int64_t(weights_.bytes);
  stats_ = totals_;
  if (!telemetry_) return;
  const std::pair<Counter, int64_t> values[] = {
      {Counter::steps, totals_.steps},
      {Counter::prompt_tokens, totals_.prompt_tokens},
      {Counter::generated_tokens, totals_.generated_tokens},
      {Counter::running, totals_.running},
      {Counter::waiting, totals_.waiting},
      {Counter::kv_tokens_active, totals_.kv_tokens_active},
      {Counter::kv_tokens_reserved, totals_.kv_tokens_reserved},
      {Counter::kv_tokens_total, totals_.kv_tokens_total},
      {Counter::kv_bytes_active, totals_.kv_bytes_active},
      {Counter::kv_bytes_reserved, totals_.kv_bytes_reserved},
  };
  for (const auto& [counter, value] : values) telemetry_->set(counter, uint64_t(value));
}

std::vector<float> Engine::cold_logits(const std::vector<int32_t>& tokens, bool one_by_one) {
  const auto length = int64_t(tokens.size());
  const int64_t room = std::min(config_.context, pool_->total_blocks() * KvPool::block_tokens);
  if (length < 1 || length > room) throw EngineError("OPTION_INVALID", "between 1 and " + std::to_string(room) + " tokens");
  Live live;
  if (!reserve(live, length)) throw EngineError("OUT_OF_MEMORY", "the key/value pool is too small");
  std::vector<float> out;
  out.reserve(size_t(length * config_.vocabulary));
  const int64_t chunk = one_by_one ? 1 : std::min(options_.step_tokens, options_.max_batch);
  for (int64_t at = 0; at < length; at += chunk) {
    rows_.clear();
    for (int64_t r = at; r < std::min(length, at + chunk); r++) {
      rows_.push_back({tokens[size_t(r)], r, live.blocks.data(), int32_t(r - at)});
    }
    model_->forward(rows_.data(), int64_t(rows_.size()));
    for (size_t r = 0; r < rows_.size(); r++) {
      const float* row = model_->logits(int64_t(r));
      out.insert(out.end(), row, row + config_.vocabulary);
    }
  }
  release(live);
  return out;
}

}  // namespace inferward
