// The board's side of odl's protocol, as far as a board without a model needs it (docs/protocol.md of odl).
//
// A frame is 0x00 COBS(seq u16, micros u32, message, crc32 of all before) 0x00, numbers little-endian.
#pragma once

#include <Arduino.h>

#include "odl_messages.h"

static const int CHANNELS = 6;
static const float COUNTS_PER_UNIT[2] = {8192.0f, 16.0f};  // of g, and of degrees a second
#define DESCRIPTION                                                                                           \
  "{\"channels\":[[\"ax\",\"g\",0.0001220703125],[\"ay\",\"g\",0.0001220703125],[\"az\",\"g\",0.0001220703125]," \
  "[\"wx\",\"dps\",0.0625],[\"wy\",\"dps\",0.0625],[\"wz\",\"dps\",0.0625]],"                                 \
  "\"name\":\"odl_sampler\",\"rate_hz\":" RATE_TEXT(RATE_HZ) ",\"sensor\":\"imu\"}"
#define RATE_TEXT(rate) RATE_TEXT_OF(rate)
#define RATE_TEXT_OF(rate) #rate

static const int ROOM = 200;  // bytes of the longest frame that is taken
static const uint32_t TELL = 5000000, STATUS = 1000000, QUIET = 50000;  // microseconds

static bool greeted, configured, started, has_done, told;
static uint32_t session, frames, damaged, dropped, heard_at, told_at, status_at;
static uint64_t position;
static uint16_t done, reply;
static uint64_t done_at;

// --- out -----------------------------------------------------------------------------------

static uint8_t group[254];
static uint8_t n_group;
static uint32_t crc;

static uint32_t crc32_of(uint32_t value, const uint8_t *bytes, size_t n) {
  value = ~value;
  while (n-- > 0) {
    value ^= *bytes++;
    for (int i = 0; i < 8; i++) value = value >> 1 ^ ((value & 1) ? 0xEDB88320UL : 0);
  }
  return ~value;
}

static void write_group() {
  LINE.write((uint8_t)(n_group + 1));
  LINE.write(group, n_group);
  n_group = 0;
}

static void put(const void *from, size_t n) {
  const uint8_t *bytes = (const uint8_t *)from;
  crc = crc32_of(crc, bytes, n);
  for (size_t i = 0; i < n; i++) {
    if (n_group == sizeof group) write_group();
    if (bytes[i] == 0) {
      write_group();
    } else {
      group[n_group++] = bytes[i];
    }
  }
}

static void put_number(uint64_t value, int n) {
  uint8_t bytes[8];
  for (int i = 0; i < n; i++, value >>= 8) bytes[i] = (uint8_t)value;
  put(bytes, n);
}

static void begin_frame(uint8_t type) {
  LINE.write((uint8_t)0);
  n_group = 0;
  crc = 0;
  put_number(frames++, 2);
  put_number(micros(), 4);
  put_number(type, 1);
}

static void end_frame() {
  put_number(crc, 4);
  write_group();
  LINE.write((uint8_t)0);
}

static void put_text(const char *text, int bytes_of_length) {
  put_number(strlen(text), bytes_of_length);
  put(text, strlen(text));
}

static void send_samples(const int16_t *rows, int n) {
  begin_frame(ODL_MSG_SAMPLES);
  put_number(position, 8);
  put_number(CHANNELS, 1);
  for (int i = 0; i < n * CHANNELS; i++) put_number((uint16_t)rows[i], 2);
  end_frame();
  position += n;
}

static void send_gap(uint32_t lost) {
  begin_frame(ODL_MSG_GAP);
  put_number(position, 8);
  put_number(lost, 8);
  put_text("the board came too late to read its sensor", 1);
  end_frame();
  position += lost;
  dropped += lost;
}

static void send_info() {
  uint32_t before = frames;
  begin_frame(ODL_MSG_INFO);
  put_number(ODL_PROTOCOL_MAJOR, 1);
  put_number(ODL_PROTOCOL_MINOR, 1);
  put_number(CHANNELS, 1);
  put_number(0, 2);  // window and hop: there is no model
  put_number(0, 2);
  put_number(ROOM, 2);
  put_number(1000UL * RATE_HZ, 4);
  for (int i = 0; i < 5; i++) put_number(0, 4);  // image, its size and room, state, log
  put_number(session, 4);
  put_number(before, 4);
  put_number(position, 8);
  put_text("odl_sampler", 1);
  end_frame();
  begin_frame(ODL_MSG_DESCRIPTION);
  put_text(DESCRIPTION, 4);
  put_text("{}", 4);
  end_frame();
}

static void send_status() {
  uint32_t before = frames;
  begin_frame(ODL_MSG_STATUS);
  put_number(session, 4);
  put_number(before, 4);
  put_number(dropped, 4);
  put_number(damaged, 4);
  put_number(0, 4);
  put_number(position, 8);
  end_frame();
}

static void send_ready() {
  begin_frame(ODL_MSG_READY);
  put_number(done_at, 8);
  put_number(ROOM, 2);
  put_number(reply, 2);
  end_frame();
}

static void send_refused(uint8_t message, uint8_t why) {
  begin_frame(ODL_MSG_REFUSED);
  put_number(message, 1);
  put_number(why, 1);
  put_number(reply, 2);
  end_frame();
}

static int16_t count_of(int channel, float value) {
  float count = value * COUNTS_PER_UNIT[channel / 3];
  if (!(count > -32768.0f)) return -32768;  // not a number, too
  if (count >= 32767.0f) return 32767;
  return (int16_t)(count < 0 ? count - 0.5f : count + 0.5f);
}

// --- in ------------------------------------------------------------------------------------

static uint8_t frame[ROOM];
static int n_frame;
static uint8_t code, left;
static bool bad;

static uint64_t number(const uint8_t *bytes, int n) {
  uint64_t value = 0;
  while (n-- > 0) value = value << 8 | bytes[n];
  return value;
}

static uint8_t configure(const uint8_t *m, int size) {
  if (size != ODL_CONFIGURE_FIXED + 1 + 7 * CHANNELS || m[ODL_CONFIGURE_FIXED] != CHANNELS) return ODL_REFUSAL_MESSAGE;
  if (number(m + ODL_CONFIGURE_SESSION, 4) == 0) return ODL_REFUSAL_SETTINGS;
  session = (uint32_t)number(m + ODL_CONFIGURE_SESSION, 4);
  position = number(m + ODL_CONFIGURE_POSITION, 8);
  configured = started = true;
  return 0;
}

static void dispatch(const uint8_t *m, int size) {
  uint8_t why = 0;
  if (m[0] == ODL_MSG_HELLO) {
    if (size >= ODL_HELLO_FIXED) send_info();  // to a host of another version too, which can then name both
    if (size >= ODL_HELLO_FIXED && m[ODL_HELLO_MAJOR] != ODL_PROTOCOL_MAJOR) {
      why = ODL_REFUSAL_VERSION;
    } else if (size != ODL_HELLO_FIXED) {
      why = ODL_REFUSAL_MESSAGE;
    } else {
      greeted = true;
      has_done = false;
    }
  } else if (!greeted) {
    why = ODL_REFUSAL_HELLO;
  } else if (has_done && reply == done) {  // the answer did not arrive
    send_ready();
    return;
  } else if (m[0] == ODL_MSG_CONFIGURE) {
    why = configure(m, size);
    if (why == 0) {
      has_done = true;
      done = reply;
      done_at = position;
      send_ready();
    }
  } else {
    why = m[0] == ODL_MSG_READ ? ODL_REFUSAL_PLACE : ODL_REFUSAL_MESSAGE;
  }
  if (why != 0) send_refused(m[0], why);
}

static void push(uint8_t byte) {
  if (n_frame < ROOM) {
    frame[n_frame++] = byte;
  } else {
    bad = true;
  }
}

static void end_of_frame() {
  if (code != 0) {  // else two delimiters met
    bool sound = !bad && left == 0 && n_frame > 10;
    if (sound && crc32_of(0, frame, n_frame - 4) == (uint32_t)number(frame + n_frame - 4, 4)) {
      reply = (uint16_t)number(frame, 2);
      dispatch(frame + 6, n_frame - 10);
    } else {
      damaged++;
      reply = 0;
      send_refused(0, ODL_REFUSAL_DAMAGED);
    }
  }
  n_frame = 0;
  code = left = 0;
  bad = false;
}

static void receive(uint8_t byte) {
  heard_at = micros();
  if (byte == 0) {
    end_of_frame();
  } else if (left > 0) {
    push(byte);
    left--;
  } else {
    if (code != 0 && code != 255) push(0);  // a group ended before, and not a full one
    code = byte;
    left = (uint8_t)(byte - 1);
  }
}

// What is sent unasked; the long ones wait until nothing comes.
static void tick(uint32_t now) {
  bool quiet = heard_at == 0 || now - heard_at >= QUIET;
  if (quiet && (!told || now - told_at >= TELL)) {
    told = true;
    told_at = now;
    send_info();
  }
  if (configured && now - status_at >= STATUS) {
    status_at = now;
    send_status();
  }
}
