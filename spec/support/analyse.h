/* For analysers, which cannot know that these raise: included before each file by `make analyse`. */
#include <lauxlib.h>

#if defined(__clang_analyzer__)
#define NEVER_RETURNS __attribute__((analyzer_noreturn))
#else
#define NEVER_RETURNS
#endif

int(lua_error)(lua_State *L) NEVER_RETURNS;
int(luaL_error)(lua_State *L, const char *fmt, ...) NEVER_RETURNS;
int(luaL_argerror)(lua_State *L, int arg, const char *extramsg) NEVER_RETURNS;
int(luaL_typeerror)(lua_State *L, int arg, const char *tname) NEVER_RETURNS;

typedef struct codec_reader codec_reader;
int reader_malformed(codec_reader *r) NEVER_RETURNS;
