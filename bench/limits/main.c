/* limits NAME: measures one limit and prints "value unit"; limits list: names */
#include "limits.h"

#include <stdio.h>
#include <string.h>

static const limit *const tables[] = {
    lock_limits,   pingpong_limits, spawn_limits, queue_limits,
    string_limits, binding_limits,  table_limits, cpu_limits,
    cipher_limits,
};

int main(int argc, char **argv) {
  const char *wanted = argc > 1 ? argv[1] : "list";
  int listing = strcmp(wanted, "list") == 0;
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    for (const limit *l = tables[i]; l->name != NULL; l++) {
      if (listing) {
        puts(l->name);
      } else if (strcmp(wanted, l->name) == 0) {
        printf("%.6g %s\n", l->measure(), l->unit);
        return 0;
      }
    }
  }
  if (!listing) die("no such limit");
  return 0;
}
