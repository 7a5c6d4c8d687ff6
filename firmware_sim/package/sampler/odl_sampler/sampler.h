// When a sample is due, and what is made of it.
#pragma once

#include "frames.h"

static const uint32_t PERIOD = 1000000UL / RATE_HZ;  // microseconds
static const int MOST_ROWS = 10;                     // samples that go to the host together
static const uint32_t NAMES_EVERY = 5000000;         // microseconds: a host that comes later finds the names, too

static uint32_t due, named_at;
static bool named;
static uint32_t missing;  // samples that were due and not read
static int16_t rows[MOST_ROWS][CHANNELS];
static int n_rows;

static void send_rows() {
  if (n_rows > 0) send_samples(rows[0], n_rows);
  n_rows = 0;
}

static void take_frame_sample(const float *values) {
  if (!configured) {
    n_rows = 0;
    return;
  }
  if (missing > 0) {
    send_rows();
    send_gap(missing);
  }
  for (int i = 0; i < CHANNELS; i++) rows[n_rows][i] = count_of(i, values[i]);
  if (++n_rows == MOST_ROWS) send_rows();
}

static void print_line(const float *values, uint32_t now) {
  if (!named || now - named_at >= NAMES_EVERY) {
    LINE.println("ax,ay,az,wx,wy,wz");
    named = true;
    named_at = now;
  }
  for (int i = 0; i < CHANNELS; i++) {
    if (i > 0) LINE.print(',');
    LINE.print(values[i], i < 3 ? 4 : 2);
  }
  LINE.println();
}

static void sampler_start() {
  due = micros() + PERIOD;
  missing = 0;
  n_rows = 0;
  named = false;
}

static void sampler_step() {
  uint32_t now = micros();
  if (AS_FRAMES) {
    while (LINE.available() > 0) {
      bool before = configured;
      receive((uint8_t)LINE.read());
      if (configured != before || started) n_rows = 0, missing = 0, started = false;
    }
    tick(now);
  }
  if ((int32_t)(now - due) < 0) return;
  due += PERIOD;
  while ((int32_t)(now - due) >= 0) {  // too late for the one that was due
    due += PERIOD;
    missing++;
  }
  float values[CHANNELS];
  if (!read_sensor(values)) {
    missing++;
    return;
  }
  if (AS_FRAMES) {
    take_frame_sample(values);
  } else {
    print_line(values, now);
  }
  missing = 0;
}
