/*
** Inherit: descriptors of this process that children are not to have: a fork gives them all, and a connection is
** open while any process has its socket. Those that libuv makes are told here; what is ours its own files close.
*/
#ifndef CC_INHERIT_H
#define CC_INHERIT_H

/* Children made from now on close it. It is one of a socket. */
void cc_inherit_not(int fd);

/* Takes that back, and ends the connection for a child, too, that was just being made. It is closed next. */
void cc_inherit_cut(int fd);

/* In a child: closes them. */
void cc_inherit_forget(void);

#endif
