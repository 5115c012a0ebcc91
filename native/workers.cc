#include "workers.h"

#include <chrono>

#include <pthread.h>
#include <signal.h>

namespace inferward {
namespace {
constexpr auto spin_for = std::chrono::microseconds(20);
}

Workers::Workers(int threads) {
  // Signals belong to the main thread of the host process.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 1; i < threads; i++) threads_.emplace_back([this, i] { loop(i); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Workers::~Workers() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    generation_++;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Workers::start(void (*call)(void*, int), void* context) {
  busy_.store(int(threads_.size()), std::memory_order_relaxed);
  {
    std::lock_guard lock(mutex_);
    call_ = call;
    context_ = context;
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
}

void Workers::finish() {
  while (busy_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

void Workers::loop(int thread) {
  uint64_t seen = 0;
  for (;;) {
    const auto begin = std::chrono::steady_clock::now();
    while (generation_.load(std::memory_order_acquire) == seen && std::chrono::steady_clock::now() - begin < spin_for) {
    }
    void (*call)(void*, int);
    void* context;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
      seen = generation_.load(std::memory_order_relaxed);
      if (stop_) return;
      call = call_;
      context = context_;
    }
    call(context, thread);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace inferward
