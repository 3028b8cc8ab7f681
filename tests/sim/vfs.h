/*
 * vfs.h - the disks of the simulation: a SQLite VFS in front of the real one that fails where it is told to. A disk is a directory; files
 * elsewhere are not touched. Nothing is ever really synced, which is what makes a run fast: what a sync means is kept in the disk's notes.
 */
#ifndef SIM_VFS_H
#define SIM_VFS_H

#include <stdint.h>

/* sim_vfs_install makes the VFS the default one of this process. 0, or a SQLite error code. */
int sim_vfs_install(void);

/* A disk is the directory dir, without a slash at its end. Free it when nothing of it is open any more. */
typedef struct sim_disk sim_disk;
sim_disk* sim_disk_new(const char* dir);
void sim_disk_free(sim_disk*);

/* The machine stops at the writes-th storage operation from now (write, sync, truncate, delete), counted from 1; of a write, the first part of
 * it out of 256 gets through. Afterwards every such operation fails until sim_disk_revive. 0 disarms. */
void sim_disk_arm(sim_disk*, int64_t writes, int part);
/* The machine stops at its next sync, when all that was to be synced is written; 0 disarms. */
void sim_disk_arm_sync(sim_disk*, int on);
/* The machine stops now. */
void sim_disk_kill(sim_disk*);
int sim_disk_dead(const sim_disk*);
/* Whether the machine stopped by itself in the middle of a write. */
int sim_disk_torn(const sim_disk*);

/* sim_disk_revive starts the machine again; no file may be open. lose: the power was lost: of what was written and not synced, the writes from
 * the keep-th of a thousand on are undone, in each file. It returns how many were undone. */
int sim_disk_revive(sim_disk*, int lose, int keep);

/* While a disk is full nothing grows on it. */
void sim_disk_full(sim_disk*, int full);
/* How many writes were refused because the disk was full, and how many storage operations there were, both since the disk was made. */
int64_t sim_disk_refused(const sim_disk*);
int64_t sim_disk_operations(const sim_disk*);

#endif
