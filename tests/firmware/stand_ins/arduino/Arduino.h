// As much of the Arduino core as our sketches use, on this machine. Time, pins, sensor and line belong to the
// test (shim.cpp).
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOW, HIGH };
enum { INPUT, OUTPUT, INPUT_PULLUP };
#define LED_BUILTIN 13

uint32_t micros();
uint32_t millis();
void pinMode(int pin, int mode);
void digitalWrite(int pin, int level);
int digitalRead(int pin);

class SerialPort {
 public:
  void begin(unsigned long speed);
  int available();
  int read();
  size_t write(uint8_t byte);
  size_t write(const uint8_t *bytes, size_t n);
  size_t print(const char *text);
  size_t print(char c);
  size_t print(float value, int digits);
  size_t println(const char *text);
  size_t println();
};
extern SerialPort Serial;

void setup();
void loop();
