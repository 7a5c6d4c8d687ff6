// The machine behind the stand-ins. The sketch is included, so that its functions are compiled with it.
#include <Arduino.h>
#include <Arduino_LSM9DS1.h>
#include <LittleFS.h>

#include <string>
#include <vector>

static uint32_t now;
static std::string to_board, from_board;
static float imu[6];
static int imu_there = 1;
static int levels[64];
static std::vector<uint8_t> file;
static bool file_there;

uint32_t micros() { return now; }
uint32_t millis() { return now / 1000; }
void pinMode(int pin, int mode) { levels[pin] = mode == INPUT_PULLUP ? HIGH : LOW; }
void digitalWrite(int pin, int level) { levels[pin] = level; }
int digitalRead(int pin) { return levels[pin]; }

SerialPort Serial;
void SerialPort::begin(unsigned long) {}
int SerialPort::available() { return (int)to_board.size(); }
int SerialPort::read() {
  if (to_board.empty()) return -1;
  int byte = (uint8_t)to_board[0];
  to_board.erase(0, 1);
  return byte;
}
size_t SerialPort::write(uint8_t byte) { return write(&byte, 1); }
size_t SerialPort::write(const uint8_t *bytes, size_t n) {
  from_board.append((const char *)bytes, n);
  return n;
}
size_t SerialPort::print(const char *text) { return write((const uint8_t *)text, strlen(text)); }
size_t SerialPort::print(char c) { return write((uint8_t)c); }
size_t SerialPort::print(float value, int digits) {
  char text[40];
  snprintf(text, sizeof text, "%.*f", digits, (double)value);
  return print(text);
}
size_t SerialPort::println(const char *text) { return print(text) + print("\r\n"); }
size_t SerialPort::println() { return print("\r\n"); }

ImuClass IMU;
int ImuClass::begin() { return imu_there; }
static int three(const float *from, float &x, float &y, float &z) {
  x = from[0], y = from[1], z = from[2];
  return imu_there;
}
int ImuClass::readAcceleration(float &x, float &y, float &z) { return three(imu, x, y, z); }
int ImuClass::readGyroscope(float &x, float &y, float &z) { return three(imu + 3, x, y, z); }

LittleFSClass LittleFS;
bool LittleFSClass::begin() { return true; }
bool LittleFSClass::exists(const char *) { return file_there; }
File LittleFSClass::open(const char *, const char *mode) {
  if (mode[0] == 'w') {
    file.clear();
    file_there = true;
  }
  return File(file_there);
}
bool File::seek(uint32_t at) {
  at_ = at;
  return at <= file.size();
}
size_t File::read(uint8_t *bytes, size_t n) {
  if (at_ + n > file.size()) return 0;
  memcpy(bytes, file.data() + at_, n);
  return n;
}
size_t File::write(const uint8_t *bytes, size_t n) {
  if (file.size() < at_ + n) file.resize(at_ + n);
  memcpy(file.data() + at_, bytes, n);
  at_ += (uint32_t)n;
  return n;
}
size_t File::write(uint8_t byte) { return write(&byte, 1); }

extern "C" {
void shim_setup() { setup(); }
void shim_loop(uint32_t at) {
  now = at;
  loop();
}
void shim_imu(const float *values, int there) {
  memcpy(imu, values, sizeof imu);
  imu_there = there;
}
void shim_send(const uint8_t *bytes, size_t n) { to_board.append((const char *)bytes, n); }
size_t shim_take(uint8_t *bytes, size_t room) {
  size_t n = from_board.size() < room ? from_board.size() : room;
  memcpy(bytes, from_board.data(), n);
  from_board.erase(0, n);
  return n;
}
void shim_press(int pin, int level) { levels[pin] = level; }
int shim_pin(int pin) { return levels[pin]; }
size_t shim_file(uint8_t *bytes, size_t room) {
  size_t n = file.size() < room ? file.size() : room;
  memcpy(bytes, file.data(), n);
  return file_there ? n : 0;
}
void shim_restore(const uint8_t *bytes, size_t n) {
  file.assign(bytes, bytes + n);
  file_there = true;
}
}

#include SKETCH
