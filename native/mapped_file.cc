#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "error.h"

namespace inferward {

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw EngineError("MODEL_NOT_FOUND", path + ": " + std::strerror(errno));
  struct stat status;
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    throw EngineError("MODEL_NOT_FOUND", path + ": not a regular file");
  }
  size_ = size_t(status.st_size);
  if (size_ == 0) {
    ::close(descriptor);
    invalid(path + ": the file is empty");
  }
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int fault = errno;
  ::close(descriptor);
  if (mapped == MAP_FAILED) throw EngineError("OUT_OF_MEMORY", path + ": cannot be mapped: " + std::strerror(fault));
  data_ = static_cast<const uint8_t*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<uint8_t*>(data_), size_);
}

}  // namespace inferward
