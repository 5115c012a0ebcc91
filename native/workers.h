// A few threads that split a loop. The caller takes part; a thread spins a little for the next loop, then sleeps, so that an idle engine
// costs nothing on a small host. Each index goes to exactly one thread, by a static split: results never depend on timing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace inferward {

class Workers {
 public:
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int threads() const { return int(threads_.size()) + 1; }

  /// Calls body(begin, end, thread) on disjoint parts of [0, n); returns when all are done. `grain`: least indices worth a thread.
  template <typename Body>
  void split(int64_t n, int64_t grain, Body&& body) {
    int64_t parts = threads();
    if (n < grain * 2 || parts == 1) {
      if (n > 0) body(int64_t(0), n, 0);
      return;
    }
    if (n / grain < parts) parts = n / grain;
    auto run = [&](int thread) {
      if (thread >= parts) return;
      body(n * thread / parts, n * (thread + 1) / parts, thread);
    };
    using Run = decltype(run);
    start([](void* context, int thread) { (*static_cast<Run*>(context))(thread); }, &run);
    run(0);
    finish();
  }

 private:
  void start(void (*call)(void*, int), void* context);
  void finish();
  void loop(int thread);

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> busy_{0};
  bool stop_ = false;
  void (*call_)(void*, int) = nullptr;
  void* context_ = nullptr;
};

}  // namespace inferward
