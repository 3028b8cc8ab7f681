// What the binary expects of the C library of Android and glibc has under other names, with other layouts or other numbers.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int *__errno(void) { return __errno_location(); }

// stdin, stdout and stderr are elements of an array there; 152 bytes each.
char __sF[3 * 152];

static FILE *stream(void *f) {
    if (f == __sF) return stdin;
    if (f == __sF + 152) return stdout;
    if (f == __sF + 304) return stderr;
    return f;
}

int shim_fprintf(void *f, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vfprintf(stream(f), format, args);
    va_end(args);
    return n;
}

size_t shim_fwrite(const void *p, size_t size, size_t n, void *f) { return fwrite(p, size, n, stream(f)); }

enum { U = 1, L = 2, N = 4, S = 8, P = 16, C = 32, X = 64, B = 128 };
static char table[1 + 256];
const char *_ctype_ = table;

__attribute__((constructor)) static void fill(void) {
    for (int c = 0; c < 128; c++) {
        int b = 0;
        if (c >= 'A' && c <= 'Z') b |= U;
        if (c >= 'a' && c <= 'z') b |= L;
        if (c >= '0' && c <= '9') b |= N;
        if ((c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f')) b |= X;
        if (c == ' ') b |= S | B;
        if (c >= 9 && c <= 13) b |= S | C;
        else if (c < 32 || c == 127) b |= C;
        if (c > 32 && c < 127 && !(b & (U | L | N))) b |= P;
        table[1 + c] = b;
    }
}

struct info {
    int flags, family, socktype, protocol;
    socklen_t addrlen;
    char *canonname;
    struct sockaddr *addr;
    struct info *next;
};

void shim_freeaddrinfo(struct info *i) {
    while (i) {
        struct info *next = i->next;
        free(i->addr);
        free(i);
        i = next;
    }
}

int shim_getaddrinfo(const char *node, const char *service, const struct info *hints, struct info **res) {
    struct addrinfo h = {0}, *found;
    if (hints) {
        h.ai_flags = (hints->flags & 7) | (hints->flags & 8 ? AI_NUMERICSERV : 0) | (hints->flags & 0x400 ? AI_ADDRCONFIG : 0);
        h.ai_family = hints->family;
        h.ai_socktype = hints->socktype;
        h.ai_protocol = hints->protocol;
    }
    int rc = getaddrinfo(node, service, &h, &found);
    if (rc) return -rc;
    struct info *first = NULL, **last = &first;
    for (struct addrinfo *a = found; a; a = a->ai_next) {
        struct info *i = calloc(1, sizeof *i);
        i->family = a->ai_family;
        i->socktype = a->ai_socktype;
        i->protocol = a->ai_protocol;
        i->addrlen = a->ai_addrlen;
        i->addr = malloc(a->ai_addrlen);
        memcpy(i->addr, a->ai_addr, a->ai_addrlen);
        *last = i;
        last = &i->next;
    }
    freeaddrinfo(found);
    *res = first;
    return 0;
}

long shim_sysconf(int name) {
    switch (name) {
    case 39: case 40: return sysconf(_SC_PAGESIZE);
    case 96: return sysconf(_SC_NPROCESSORS_CONF);
    case 97: return sysconf(_SC_NPROCESSORS_ONLN);
    case 98: return sysconf(_SC_PHYS_PAGES);
    }
    fprintf(stderr, "shim: sysconf(%d)\n", name);
    abort();
}

// Android's long double has 128 bits on x86_64.
__float128 powf128(__float128, __float128), cosf128(__float128), acosf128(__float128), sqrtf128(__float128);
__float128 shim_powl(__float128 a, __float128 b) { return powf128(a, b); }
__float128 shim_cosl(__float128 a) { return cosf128(a); }
__float128 shim_acosl(__float128 a) { return acosf128(a); }
__float128 shim_sqrtl(__float128 a) { return sqrtf128(a); }

size_t __strlen_chk(const char *s, size_t n) { (void)n; return strlen(s); }
char *__strchr_chk(const char *s, int c, size_t n) { (void)n; return strchr(s, c); }
int __android_log_write(int p, const char *tag, const char *text) { return fprintf(stderr, "%d %s: %s\n", p, tag, text); }
int __android_log_print(int p, const char *tag, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%d %s: ", p, tag);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return 1;
}

void *ALooper_forThread(void) { return NULL; }
void ALooper_acquire(void *l) { (void)l; }
void ALooper_release(void *l) { (void)l; }
int ALooper_addFd(void *l, int fd, int ident, int events, void *callback, void *data) { abort(); }
int ALooper_removeFd(void *l, int fd) { (void)l; (void)fd; return 0; }
