/* A main for machines without libFuzzer: each file that is named is one input. */
#include "fuzz.h"

int main(int argc, char **argv)
{
    static uint8_t bytes[1 << 16];
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        fuzz_need(file != NULL, "the input can be read");
        size_t n = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        uint8_t *input = malloc(n + 1);
        fuzz_need(input != NULL, "there is memory");
        memcpy(input, bytes, n);
        LLVMFuzzerTestOneInput(input, n);
        free(input);
    }
    return 0;
}
