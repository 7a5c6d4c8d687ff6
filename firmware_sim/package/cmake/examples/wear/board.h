/* Everything that depends on your computer or board. EDIT THIS FILE, and no other. */
#ifndef BOARD_H
#define BOARD_H

#include <stdio.h>
#include <time.h>

#include <odl.h>

/* Where labels outlive the program: a file of @STORE@ bytes. */
#define STORE_FILE "labels.bin"

static uint32_t board_micros(void)
{
    return (uint32_t)((uint64_t)clock() * 1000000u / CLOCKS_PER_SEC);
}

static int board_store_read(uint32_t offset, void *bytes, size_t n)
{
    FILE *file = fopen(STORE_FILE, "rb");
    int good = file != NULL && fseek(file, (long)offset, SEEK_SET) == 0 && fread(bytes, 1, n, file) == n;

    if (file != NULL)
        fclose(file);
    return good ? 0 : -1;
}

static int board_store_write(uint32_t offset, const void *bytes, size_t n)
{
    FILE *file = fopen(STORE_FILE, "r+b");
    int good;

    if (file == NULL)
        file = fopen(STORE_FILE, "w+b");
    good = file != NULL && fseek(file, (long)offset, SEEK_SET) == 0 && fwrite(bytes, 1, n, file) == n;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    return good ? 0 : -1;
}

static const odl_device_setup board = {"cmake", board_micros, NULL, board_store_read, board_store_write, 0};

#endif
