//! Several runs side by side on one pool: while one waits for the last task of a meta-batch, another one's fill the
//! cores. Which runs share the pool never shows in a result.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::group::{self, Finished, Group};
use super::in_order::Workers;
use super::job::{Job, Shared};
use super::train::Ended;

/// Between two looks at a training that another process has in hand.
const PAUSE: Duration = Duration::from_millis(300);

/// Does all runs, in the order given; those that share a training one after the other, and as many trainings at once as
/// the pool has threads. A run that errors or panics loses only itself, and its training if it broke there. The answer
/// is in the order of `jobs`.
pub fn run_all(jobs: Vec<Job>, shared: &Shared<'_>) -> Vec<Finished> {
    let groups = group::groups(jobs);
    // Ranks take one call at a time.
    let drivers = match shared.workers {
        Workers::Threads => shared.pool.current_num_threads().min(groups.len()).max(1),
        Workers::Ranks { .. } => 1,
    };
    let queue: Mutex<VecDeque<(Group, bool)>> = Mutex::new(groups.into_iter().map(|group| (group, false)).collect());
    let done: Mutex<Vec<(usize, Finished)>> = Mutex::new(Vec::new());
    let next = || queue.lock().expect("no driver panics with the queue").pop_front();
    std::thread::scope(|scope| {
        for _ in 0..drivers {
            scope.spawn(|| {
                while let Some((group, again)) = next() {
                    if shared.stop.requested() {
                        let stopped = |(index, job)| (index, Finished { job, ended: Ok(Ended::Interrupted) });
                        done.lock().expect("no driver panics with the list").extend(group.into_iter().map(stopped));
                        continue;
                    }
                    if again {
                        std::thread::sleep(PAUSE);
                    }
                    let attempt = group::attempt(group, shared, again);
                    done.lock().expect("no driver panics with the list").extend(attempt.done);
                    if !attempt.waiting.is_empty() {
                        queue.lock().expect("no driver panics with the queue").push_back((attempt.waiting, true));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().expect("all drivers are done");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, finished)| finished).collect()
}
