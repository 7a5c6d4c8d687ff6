#include <stdint.h>

void say_number(uint32_t value);
int echo_more(uint8_t command);
