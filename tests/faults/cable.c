/*
 * A cable that delays and loses frames, for kernels without netem: two TAP interfaces, one here and one in the network
 * namespace of a host, and what comes in at one goes out at the other. Runs until it is killed.
 *
 *     cable HERE NAMESPACE THERE DELAY_MS LOSS_PERCENT
 *
 * HERE and THERE: names of the interfaces to make; NAMESPACE: a file, /run/netns/NAME. Prints "up" when both are there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 2048
#define FRAMES 4096 /* under way at once; what does not fit is lost, as in a switch */

typedef struct frame {
    int64_t due_ns;
    int to;
    ssize_t bytes;
    char data[FRAME_BYTES];
} frame;

/* All frames take equally long, so the first one in is the first one out. */
static frame under_way[FRAMES];
static size_t first, n;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "cable: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int make_interface(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        die("/dev/net/tun");
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, TUNSETIFF, &request))
        die(name);
    return fd;
}

static int make_interface_in(const char *space, const char *name)
{
    const int mine = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), theirs = open(space, O_RDONLY | O_CLOEXEC);
    int fd;

    if (mine < 0 || theirs < 0 || setns(theirs, CLONE_NEWNET))
        die(space);
    fd = make_interface(name);
    if (setns(mine, CLONE_NEWNET))
        die("coming back");
    close(mine);
    close(theirs);
    return fd;
}

/* Of 2^32: SplitMix64. */
static uint32_t random_bits(void)
{
    static uint64_t state;
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static void take_in(int from, int to, int64_t delay_ns, double loss)
{
    frame lost;

    for (int i = 0; i < 64; i++) {
        const int keeps = n < FRAMES && random_bits() * 0x1p-32 >= loss;
        frame *const f = keeps ? &under_way[(first + n) % FRAMES] : &lost;

        if ((f->bytes = read(from, f->data, FRAME_BYTES)) <= 0)
            return;
        f->due_ns = now_ns() + delay_ns;
        f->to = to;
        n += (size_t)keeps;
    }
}

/* Gives out what is due. Milliseconds to the next one; -1: there is none. */
static int give_out(void)
{
    for (; n > 0; first = (first + 1) % FRAMES, n--) {
        const frame *const f = &under_way[first];
        const int64_t wait_ns = f->due_ns - now_ns();

        if (wait_ns > 0)
            return (int)(wait_ns / 1000000) + 1;
        if (write(f->to, f->data, (size_t)f->bytes) < 0 && errno != EAGAIN && errno != EIO)
            die("giving out a frame"); /* EIO: the interface is down */
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct pollfd end[2];
    int64_t delay_ns;
    double loss;

    if (argc != 6) {
        fprintf(stderr, "usage: cable HERE NAMESPACE THERE DELAY_MS LOSS_PERCENT\n");
        return 2;
    }
    delay_ns = (int64_t)(strtod(argv[4], NULL) * 1e6);
    loss = strtod(argv[5], NULL) / 100;
    end[0] = (struct pollfd){.fd = make_interface(argv[1]), .events = POLLIN};
    end[1] = (struct pollfd){.fd = make_interface_in(argv[2], argv[3]), .events = POLLIN};
    puts("up");
    fflush(stdout);
    while (poll(end, 2, give_out()) >= 0 || errno == EINTR)
        for (int i = 0; i < 2; i++)
            if (end[i].revents & POLLIN)
                take_in(end[i].fd, end[1 - i].fd, delay_ns, loss);
    die("poll");
}
