/* Sockets, as the side that connects. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/os.h"

#define HOST_LIMIT 256
#define PORT_LIMIT 65535

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0
#endif

static const char syntax[] = "host:port, [host]:port or unix:path expected";

/* {== addresses */

static bool add(cc_addresses *list, const void *address, size_t size) {
  if (list->n == CC_ADDRESS_LIMIT || size > sizeof list->at[0].bytes) return false;
  cc_address *a = &list->at[list->n++];
  memcpy(a->bytes, address, size);
  a->size = (uint32_t)size;
  return true;
}

static int find_unix(const char *path, cc_addresses *list) {
  struct sockaddr_un a;
  size_t n = strlen(path);
  memset(&a, 0, sizeof a);
  a.sun_family = AF_UNIX;
  if (n == 0 || n >= sizeof a.sun_path) {
    list->why = n == 0 ? syntax : "the path of the socket is too long";
    return EINVAL;
  }
  memcpy(a.sun_path, path, n);
  return add(list, &a, sizeof a) ? 0 : EINVAL;
}

/* Splits host:port or [host]:port. False when it is neither. */
static bool split(const char *text, char host[HOST_LIMIT], const char **port) {
  const char *colon = strrchr(text, ':'), *from = text, *to = colon;
  if (colon == NULL) return false;
  if (*text == '[') {
    if (colon == text || colon[-1] != ']') return false;
    from++;
    to--;
  } else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
    return false; /* of version 6, without brackets */
  }
  if (to <= from || to - from >= HOST_LIMIT) return false;
  memcpy(host, from, (size_t)(to - from));
  host[to - from] = '\0';
  *port = colon + 1;
  char *end;
  if (**port < '0' || **port > '9') return false;
  unsigned long n = strtoul(*port, &end, 10);
  return *end == '\0' && n >= 1 && n <= PORT_LIMIT;
}

int cc_addresses_find(const char *text, cc_addresses *list) {
  struct addrinfo hints, *found = NULL;
  char host[HOST_LIMIT];
  const char *port;
  list->n = 0;
  list->why = NULL;
  if (strncmp(text, "unix:", 5) == 0) return find_unix(text + 5, list);
  if (!split(text, host, &port)) {
    list->why = syntax;
    return EINVAL;
  }
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  int error = getaddrinfo(host, port, &hints, &found);
  if (error != 0) {
    list->why = gai_strerror(error);
    return ENOENT;
  }
  for (struct addrinfo *a = found; a != NULL; a = a->ai_next) add(list, a->ai_addr, a->ai_addrlen);
  freeaddrinfo(found);
  if (list->n == 0) list->why = "no address found";
  return list->n > 0 ? 0 : ENOENT;
}

/* ==} {== connections */

int cc_socket_connect(const cc_address *a, int *fd) {
  struct sockaddr_storage address;
  int one = 1;
  memset(&address, 0, sizeof address);
  memcpy(&address, a->bytes, a->size);
#if defined(SOCK_CLOEXEC)
  int s = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
  int s = socket(address.ss_family, SOCK_STREAM, 0);
#endif
  *fd = s;
  if (s < 0) return errno;
#if !defined(SOCK_CLOEXEC)
  fcntl(s, F_SETFD, FD_CLOEXEC);
  cc_descriptor_unblock(s);
#endif
#if defined(SO_NOSIGPIPE)
  setsockopt(s, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
  if (address.ss_family != AF_UNIX) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int result;
  do result = connect(s, (const struct sockaddr *)&address, a->size);
  while (result < 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

bool cc_socket_left(const char *path) {
  cc_addresses list = {.n = 0};
  int fd = -1, error = 0;
  struct stat s;
  if (lstat(path, &s) != 0 || !S_ISSOCK(s.st_mode)) return false;
  if (find_unix(path, &list) == 0) error = cc_socket_connect(&list.at[0], &fd);
  cc_descriptor_shut(&fd);
  return error == ECONNREFUSED;
}

int cc_socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int64_t cc_socket_read(int fd, void *to, size_t size) {
  ssize_t n;
  do n = recv(fd, to, size, 0);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -(int64_t)errno : n;
}

int64_t cc_socket_write(int fd, const void *from, size_t size) {
  ssize_t n;
  do n = send(fd, from, size, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -(int64_t)errno : n;
}

uint64_t cc_socket_identity(int fd) {
  struct stat s;
  return fstat(fd, &s) == 0 && S_ISSOCK(s.st_mode) ? (uint64_t)s.st_ino : 0;
}

void cc_socket_cut(int fd) {
  if (fd >= 0) shutdown(fd, SHUT_RDWR);
}

/* ==} */
