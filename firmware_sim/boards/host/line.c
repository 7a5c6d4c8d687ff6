/* The core behind a line: a program that is sent bytes on stdin and answers on stdout.
 *
 * Its argument is a model image. The log is memory, kept while the program runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "host.h"

static void write_out(const uint8_t *bytes, size_t n)
{
    fwrite(bytes, 1, n, stdout);
}

static void *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    *size = length > 0 ? (size_t)length : 0;
    rewind(file);
    void *bytes = malloc(*size + 1); /* malloc aligns to 8; no more, so that a tool sees each overrun */
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size)
        *size = 0;
    fclose(file);
    return bytes;
}

enum { ROOM = 65536 }; /* bytes of an uploaded image */

int main(int argc, char **argv)
{
    size_t size = 0, n;
    uint8_t chunk[512];
    void *image = argc == 2 ? read_whole(argv[1], &size) : NULL;
    odl_session *session = calloc(1, sizeof *session);
    odl_link *link = calloc(1, sizeof *link);
    odl_log_entry *log = calloc(ODL_MAX_LOG, sizeof *log);
    uint8_t *slot = calloc(1, ROOM);
    int wrong = image == NULL || session == NULL || link == NULL || log == NULL || slot == NULL;
    if (!wrong)
        wrong = odl_open(session, image, size);
    if (wrong) {
        fprintf(stderr, "the model image cannot be used (%d)\n", wrong);
        return 2;
    }
    odl_host_use_log(log, ODL_MAX_LOG, 0);
    odl_host_use_slot(slot, ROOM);
    odl_link_begin(link, session, 0);
    odl_host_listen(link, write_out);
    while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0) {
        odl_link_receive(link, chunk, n);
        fflush(stdout);
    }
    free(slot);
    free(log);
    free(link);
    free(session);
    free(image);
    return 0;
}
