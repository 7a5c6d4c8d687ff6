// The calls of LittleFS that the ESP32 and RP2040 cores share, over one file in memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

class File {
 public:
  explicit File(bool open) : open_(open), at_(0) {}
  explicit operator bool() const { return open_; }
  bool seek(uint32_t at);
  size_t read(uint8_t *bytes, size_t n);
  size_t write(const uint8_t *bytes, size_t n);
  size_t write(uint8_t byte);
  void close() { open_ = false; }

 private:
  bool open_;
  uint32_t at_;
};

class LittleFSClass {
 public:
  bool begin();
  bool exists(const char *path);
  File open(const char *path, const char *mode);
};
extern LittleFSClass LittleFS;
