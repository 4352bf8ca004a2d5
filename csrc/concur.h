/*
** concur.h: the C interface of concur for programs that embed Lua.
** It grows; so far it opens the module.
*/
#ifndef CONCUR_H
#define CONCUR_H

#include <lua.h>

#if defined(__GNUC__)
#define CONCUR_API __attribute__((visibility("default")))
#else
#define CONCUR_API
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/* For luaL_requiref or package.preload: the module "concur". */
CONCUR_API int luaopen_concur(lua_State *L);

#if defined(__cplusplus)
}
#endif

#endif
