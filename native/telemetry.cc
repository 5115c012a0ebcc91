#include "telemetry.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "error.h"

namespace inferward {
namespace {

constexpr size_t page_bytes = 4096;
/// The page that signal handlers write to; one engine per process.
std::atomic<uint8_t*> fatal_page{nullptr};

constexpr size_t probe_bytes = 1 << 20;

/// What memory ran out for often ends in a wild pointer inside somebody's library, or in an abort: the dying process asks the kernel itself. Only a
/// system call, so that a signal handler may do it.
void note_exhaustion() {
  void* room = ::mmap(nullptr, probe_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED && errno == ENOMEM) Telemetry::fatal(FatalReason::out_of_memory);
}

void note_signal(int signal) {
  note_exhaustion();
  if (uint8_t* page = fatal_page.load()) {
    reinterpret_cast<std::atomic<uint64_t>*>(page + 48)->store(uint64_t(signal));
  }
  // Die of the same signal, so that the parent sees the true cause.
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void note_out_of_memory() {
  Telemetry::fatal(FatalReason::out_of_memory);
  throw std::bad_alloc();
}

}  // namespace

uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000000000ull + uint64_t(now.tv_nsec);
}

Telemetry::Telemetry(const std::string& path) {
  ::unlink(path.c_str());  // a reader of the last life keeps its page
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) throw EngineError("OPTION_INVALID", "telemetry file " + path + ": " + std::strerror(errno));
  // With room on the disk: a page that has none ends in SIGBUS at its first write.
  int fault = ::posix_fallocate(descriptor, 0, page_bytes);
  void* mapped = MAP_FAILED;
  if (fault == 0) {
    mapped = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    fault = errno;
  }
  ::close(descriptor);
  if (mapped == MAP_FAILED) throw EngineError("OPTION_INVALID", "telemetry file " + path + ": " + std::strerror(fault));
  page_ = static_cast<uint8_t*>(mapped);
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const uint32_t version = 1, size = page_bytes;
  std::memcpy(page_ + 8, &version, 4);
  std::memcpy(page_ + 12, &size, 4);
  slot(16).store(uint64_t(::getpid()));
  slot(32).store(uint64_t(now.tv_sec) * 1000 + uint64_t(now.tv_nsec) / 1000000);
  slot(64).store(256);
  slot(72).store(uint64_t(Counter::count));
  heartbeat();
  state(EngineState::loading);
  std::memcpy(page_, "IWTELEM\1", 8);  // last: a reader that sees the magic sees a whole header
  fatal_page.store(page_);
  struct sigaction action = {};
  action.sa_handler = note_signal;
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) ::sigaction(signal, &action, nullptr);
  std::set_new_handler(note_out_of_memory);
}

Telemetry::~Telemetry() {
  fatal_page.store(nullptr);
  ::munmap(page_, page_bytes);
}

void Telemetry::state(EngineState state) { slot(24).store(uint64_t(state)); }
void Telemetry::heartbeat() { slot(40).store(monotonic_ns(), std::memory_order_relaxed); }

void Telemetry::fatal(FatalReason reason) {
  if (uint8_t* page = fatal_page.load()) {
    uint64_t none = 0;
    reinterpret_cast<std::atomic<uint64_t>*>(page + 56)->compare_exchange_strong(none, uint64_t(reason));
  }
}

}  // namespace inferward
