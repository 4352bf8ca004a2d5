/* A Lua module for specs: alarm(n) has SIGINT sent to the process n nanoseconds from now. */
#include <lauxlib.h>
#include <lua.h>

#include <signal.h>
#include <string.h>
#include <time.h>

static int alarm_in(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  struct sigevent event;
  struct itimerspec when;
  timer_t timer;
  memset(&event, 0, sizeof event);
  memset(&when, 0, sizeof when);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGINT;
  when.it_value.tv_sec = (time_t)(n / 1000000000);
  when.it_value.tv_nsec = (long)(n % 1000000000);
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &when, NULL) != 0)
    return luaL_error(L, "no timer");
  return 0;
}

int luaopen_alarm(lua_State *L);

int luaopen_alarm(lua_State *L) {
  lua_pushcfunction(L, alarm_in);
  return 1;
}
