// The types of Android's C library where they are aligned otherwise than glibc's: members of classes of the binary have them.
#pragma once

#define pthread_mutex_t glibc_mutex_t
#define pthread_cond_t glibc_cond_t
#define pthread_rwlock_t glibc_rwlock_t
#include_next <bits/pthreadtypes.h>
#undef pthread_mutex_t
#undef pthread_cond_t
#undef pthread_rwlock_t

typedef struct {
    int words[10];
} pthread_mutex_t;
typedef struct {
    int words[12];
} pthread_cond_t;
typedef struct {
    int words[14];
} pthread_rwlock_t;
