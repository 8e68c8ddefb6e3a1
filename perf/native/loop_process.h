/* The loop as a process of its own, pinned, and the benchmark beside it. After loop_rig.h. */
#ifndef MAM_LOOP_PROCESS_H
#define MAM_LOOP_PROCESS_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static inline pid_t loop_start(struct rig *rig, int engine_core, int client_core) {
    pid_t loop = fork();
    if (loop == 0) {
        rig_pin(engine_core);
        mam_loop_run(rig->loop);
        _exit(0);
    }
    rig_pin(client_core);
    return loop;
}

/* No law was broken; the process is gone. */
static inline void loop_stop(struct rig *rig, pid_t loop) {
    MUST(rig_counter(rig, "halted on a broken law") == 0);
    kill(loop, SIGTERM);
    waitpid(loop, NULL, 0);
}

#endif
