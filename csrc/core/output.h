/*
** Output: lines to standard streams, which all processes of a family share. A pipe takes what is long bit by bit
** and would mix it with what others write, so one writes at a time.
**
** The guard for that is held while the system writes, which may take as long as the reader likes. So whoever waits for it
** looks now and then whether the holder has ended, and nobody waits for it to bury a process.
*/
#ifndef CC_OUTPUT_H
#define CC_OUTPUT_H

#include "os/os.h"

/* Writes to descriptor 1 or 2 in one piece; quiet: without the signal when nobody reads it. 0 or an errno value. */
int cc_output_write(int fd, const void *from, size_t size, bool quiet);

#endif
