// The calls that Arduino_LSM9DS1, Arduino_LSM6DS3, Arduino_LSM6DSOX and Arduino_BMI270_BMM150 share.
#pragma once

class ImuClass {
 public:
  int begin();
  int readAcceleration(float &x, float &y, float &z);
  int readGyroscope(float &x, float &y, float &z);
};
extern ImuClass IMU;
