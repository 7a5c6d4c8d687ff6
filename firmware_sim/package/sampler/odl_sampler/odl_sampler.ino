// A board that only samples: accelerometer and gyroscope, as lines of numbers or as frames of odl's protocol.
// Never run on a board nor compiled with the Arduino IDE: compiled with Arduino's core for AVR, and its logic was
// tested on a computer.
//
//   lines:   odl live --port auto --format csv --rate 50 --columns ax,ay,az,wx,wy,wz --model MODEL
//   frames:  odl live --port auto --model MODEL        (the board's clock and its losses are known, too)
//   record:  odl record instead of odl live

// --- edit from here ---
#include <Arduino_LSM9DS1.h>  // or Arduino_BMI270_BMM150, Arduino_LSM6DS3, Arduino_LSM6DSOX: the same calls

#ifndef AS_FRAMES
#define AS_FRAMES 1  // 0: lines
#endif
#define RATE_HZ 50  // as the model's; the sensor has to give new values at least as often
#define LINE Serial
#define LINE_SPEED 115200

// Accelerations in g, then rates of turn in degrees a second; false if the sensor does not answer.
static bool read_sensor(float *values) {
  return IMU.readAcceleration(values[0], values[1], values[2]) && IMU.readGyroscope(values[3], values[4], values[5]);
}
// --- to here ---

#include "sampler.h"

void setup() {
  LINE.begin(LINE_SPEED);
  IMU.begin();  // a sensor that is not there gives no samples
  sampler_start();
}

void loop() {
  sampler_step();
}
