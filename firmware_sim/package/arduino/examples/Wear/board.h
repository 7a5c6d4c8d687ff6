// Everything that depends on your board. EDIT THIS FILE, and no other.
#pragma once

#include <Arduino.h>
#include <odl_wear.h>

// 1. The sensor: a library whose IMU gives g and degrees a second. Among others: Arduino_LSM9DS1 (Nano 33 BLE),
// Arduino_BMI270_BMM150 (Nano 33 BLE Rev2), Arduino_LSM6DS3 (Nano 33 IoT), Arduino_LSM6DSOX (Nano RP2040).
#include <Arduino_LSM9DS1.h>

// 2. The button, which connects its pin to ground, and the light that shows a question.
#define BUTTON_PIN 2
#define LIGHT_PIN LED_BUILTIN

// 3. The line to the host. A USB port ignores the speed.
#define LINE Serial
#define LINE_SPEED 115200

// 4. Where labels outlive a power cut: a file of @STORE@ bytes, on boards that have LittleFS.
#if defined(ARDUINO_ARCH_ESP32) || defined(ARDUINO_ARCH_RP2040)
#include <LittleFS.h>
#define STORE_FILE "/odl.bin"
#endif

static uint32_t board_micros() {
  return micros();
}

static void board_write(const uint8_t *bytes, size_t n) {
  LINE.write(bytes, n);
}

static size_t board_read(uint8_t *bytes, size_t room) {
  size_t n = 0;
  while (n < room && LINE.available() > 0) {
    bytes[n++] = (uint8_t)LINE.read();
  }
  return n;
}

// The model's channels, in its units.
static int board_sample(float *values) {
  float a[3], w[3];
  if (!IMU.readAcceleration(a[0], a[1], a[2]) || !IMU.readGyroscope(w[0], w[1], w[2])) {
    return -1;
  }
@SAMPLE@
  (void)a, (void)w;
  return 0;
}

static int board_button() {
  return digitalRead(BUTTON_PIN) == LOW;
}

static void board_light(int on) {
  digitalWrite(LIGHT_PIN, on ? HIGH : LOW);
}

#ifdef STORE_FILE
static int board_store_read(uint32_t offset, void *bytes, size_t n) {
  File file = LittleFS.open(STORE_FILE, "r");
  int good = file && file.seek(offset) && (size_t)file.read((uint8_t *)bytes, n) == n;
  file.close();
  return good ? 0 : -1;
}

static int board_store_write(uint32_t offset, const void *bytes, size_t n) {
  File file = LittleFS.open(STORE_FILE, "r+");
  int good = file && file.seek(offset) && file.write((const uint8_t *)bytes, n) == n;
  file.close();
  return good ? 0 : -1;
}

static void board_store_start() {
  if (!LittleFS.begin() || LittleFS.exists(STORE_FILE)) {
    return;
  }
  File file = LittleFS.open(STORE_FILE, "w");
  for (uint32_t i = 0; i < ODL_DEVICE_STORE; i++) {
    file.write((uint8_t)0);
  }
  file.close();
}
#endif

static const odl_wear_board board = {
    {
        "arduino", board_micros, board_write,
#ifdef STORE_FILE
        board_store_read, board_store_write,
#else
        NULL, NULL,
#endif
        0,
    },
    board_sample, board_read, board_button, board_light,
};

static void board_start() {
  pinMode(BUTTON_PIN, INPUT_PULLUP);
  pinMode(LIGHT_PIN, OUTPUT);
  LINE.begin(LINE_SPEED);
  IMU.begin();  // a sensor that is not there gives no samples
#ifdef STORE_FILE
  board_store_start();
#endif
}
