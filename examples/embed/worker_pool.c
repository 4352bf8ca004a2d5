/*
** A C program whose own threads feed a pool of Lua workers and get the results back. No C thread
** has a Lua state: requests go into a queue as tables, each with a future for its answer.
**
**   cc worker_pool.c -o worker_pool $(pkg-config --cflags --libs concur) -llua5.4 -pthread
**
** Look for: every answer reaches the thread that asked, and an error in a worker is an answer, too.
*/
#include <concur.h>

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WORKERS = 3, CLIENTS = 4, REQUESTS = 50 };

/* What each worker runs: it takes requests until the queue is closed. */
static const char worker[] =
    "local requests = ...\n"
    "local served = 0\n"
    "for r in requests:items() do\n"
    "  local ok, result = pcall(function()\n"
    "    if r.text == '' then error('nothing to count', 0) end\n"
    "    return #r.text:gsub('[^aeiou]', '')\n"
    "  end)\n"
    "  if ok then r.answer:set_result(result) else r.answer:set_error(result) end\n"
    "  served = served + 1\n"
    "end\n"
    "return served\n";

typedef struct client {
  pthread_t thread;
  concur_queue *requests;
  long vowels, errors;
} client;

static concur_item text_item(const char *s) {
  return (concur_item){.type = CONCUR_STRING, .as.string = {s, strlen(s)}};
}

static concur_item object_item(void *object) {
  return (concur_item){.type = CONCUR_OBJECT, .as.object = object};
}

/* Sends one request and waits for its answer. */
static int ask(concur_queue *requests, const char *text, concur_item *answer) {
  static const char *const keys[] = {"text", "answer"};
  concur_future *future = concur_future_new();
  concur_item values[] = {text_item(text), object_item(future)}, request;
  int status = concur_item_record(&request, keys, values, 2);
  if (status == CONCUR_OK) status = concur_queue_put(requests, &request, CONCUR_FOREVER);
  if (status == CONCUR_OK) status = concur_future_result(future, answer, CONCUR_FOREVER);
  concur_item_clear(&request);
  concur_release(future);
  return status;
}

static void *client_main(void *arg) {
  client *c = arg;
  for (int i = 0; i < REQUESTS; i++) {
    concur_item answer;
    int status = ask(c->requests, i % 10 == 9 ? "" : "an example sentence", &answer);
    if (status == CONCUR_OK)
      c->vowels += (long)answer.as.integer;
    else if (status == CONCUR_FAILED)
      c->errors++;
    concur_item_clear(&answer);
  }
  return NULL;
}

int main(void) {
  concur_queue *requests = concur_queue_new(100);
  concur_thread *workers[WORKERS];
  client clients[CLIENTS] = {{0}};
  int64_t served = 0;
  for (int i = 0; i < WORKERS; i++) {
    concur_item arg = object_item(requests);
    concur_start start = {.code = worker, .chunkname = "=worker", .args = &arg, .nargs = 1};
    char message[200];
    if (concur_thread_start(&start, &workers[i], message, sizeof message) != CONCUR_OK) {
      fprintf(stderr, "no worker: %s\n", message);
      return 1;
    }
  }
  for (int i = 0; i < CLIENTS; i++) {
    clients[i].requests = requests;
    pthread_create(&clients[i].thread, NULL, client_main, &clients[i]);
  }
  for (int i = 0; i < CLIENTS; i++) {
    pthread_join(clients[i].thread, NULL);
    printf("client %d: %ld vowels, %ld errors\n", i + 1, clients[i].vowels, clients[i].errors);
    assert(clients[i].vowels == 45 * 7 && clients[i].errors == 5);
  }
  concur_queue_close(requests); /* ends the workers */
  for (int i = 0; i < WORKERS; i++) {
    concur_item result;
    int status = concur_thread_join(workers[i], &result, CONCUR_FOREVER);
    assert(status == CONCUR_OK);
    printf("worker %d served %lld\n", i + 1, (long long)result.as.integer);
    served += result.as.integer;
    concur_item_clear(&result);
    concur_release(workers[i]);
    (void)status;
  }
  assert(served == CLIENTS * REQUESTS);
  concur_release(requests);
  return 0;
}
